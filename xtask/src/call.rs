//! Running other programs, in sight: each call is printed before it runs, its output streams through.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A failure is the text a person reads.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// One call of a program, from the repository's root and without standard input.
pub(crate) struct Call {
    command: Command,
}

/// A call of cargo. What `cargo run` told this process about its own package is not passed on: a build
/// script that watches such a variable would otherwise rebuild between this command and a bare cargo.
pub(crate) fn cargo(root: &Path) -> Call {
    let mut call = program("cargo", root);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_package(name)) {
        call.command.env_remove(name);
    }
    call
}

pub(crate) fn npm(root: &Path) -> Call {
    program("npm", root)
}

pub(crate) fn git(root: &Path) -> Call {
    program("git", root)
}

pub(crate) fn program(name: impl AsRef<OsStr>, root: &Path) -> Call {
    let mut command = Command::new(name);
    command.current_dir(root).stdin(Stdio::null());
    Call { command }
}

/// Where `name` is on the search path.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

impl Call {
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it with its output passed through; anything but success is a fault.
    pub(crate) fn run(mut self) -> Outcome {
        println!("$ {}", self.line());
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("`{}` failed ({status})", self.line()))
    }

    /// Runs it unseen and gives what it wrote to standard output.
    pub(crate) fn read(mut self) -> Outcome<String> {
        let output = self.command.output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            return String::from_utf8(output.stdout)
                .map_err(|_| format!("`{}` wrote something that is not UTF-8", self.line()));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{}` failed ({}): {}", self.line(), output.status, said.trim()))
    }

    fn not_started(&self, error: &std::io::Error) -> String {
        let name = self.command.get_program().to_string_lossy();
        match error.kind() {
            ErrorKind::NotFound => format!("`{name}` is not on the PATH: install it"),
            _ => format!("`{name}` cannot be run: {error}"),
        }
    }

    /// The call as one would type it.
    fn line(&self) -> String {
        let set = self
            .command
            .get_envs()
            .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quoted(value?))));
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        set.chain(words.map(quoted)).collect::<Vec<_>>().join(" ")
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains(char::is_whitespace) {
        return format!("\"{word}\"");
    }
    word.into_owned()
}

fn is_of_this_package(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> PathBuf {
        PathBuf::from(".")
    }

    #[test]
    fn a_call_is_shown_as_one_would_type_it() {
        let call = cargo(&here()).args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");

        assert_eq!(call.line(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
    }

    #[test]
    fn cargo_is_not_told_of_this_package() {
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "run by cargo");

        let call = cargo(&here());

        let removed: Vec<_> = call.command.get_envs().filter(|(_, value)| value.is_none()).collect();
        assert!(removed.iter().any(|(name, _)| *name == "CARGO_MANIFEST_DIR"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let fault = program("no-such-program", &here()).run().unwrap_err();

        assert_eq!(fault, "`no-such-program` is not on the PATH: install it");
    }

    #[test]
    fn a_failing_program_is_a_fault_with_what_it_said() {
        let fault = git(&here()).args(["no-such-subcommand"]).read().unwrap_err();

        assert!(fault.contains("git no-such-subcommand"), "{fault}");
        assert!(fault.contains("not a git command"), "{fault}");
    }
}
