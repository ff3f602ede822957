//! What the command line asks for.

use crate::{fuzz, suites};

pub(crate) const HELP: &str = "\
The project's own build commands.

Usage: cargo xtask <COMMAND>

Commands:
  test            install what is missing, then run every suite
      --only A,B    only these suites (see --list)
      --long        the long suites too
      --fail-fast   stop at the first suite that fails
      --list        name the suites and what each checks
  fuzz [NAME]     run the fuzzers, or those named
      --seconds N   each for so long
  soak            thousands of sockets over two gateways while faults strike
      --minutes N   for so long (10)
  coverage        which test covers which requirement of docs/assurance.md
  bundle          rebuild the pages that the binary embeds
  sbom            write what the binary and the npm package are made of (CycloneDX, target/sbom)
  bench [NAME]    measure, in release mode; without a name: every benchmark
  help            this text
";

#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    Help,
    List,
    Coverage,
    Soak { minutes: u32 },
    Fuzz { named: Vec<String>, seconds: u32 },
    Test(Selection),
    Bundle,
    Sbom,
    Bench(Vec<String>),
}

/// Which suites a run has, and whether it goes on after a failure.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selection {
    /// Empty: all of the tier.
    pub(crate) only: Vec<String>,
    pub(crate) long: bool,
    pub(crate) fail_fast: bool,
}

pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let command = arguments.next();
    match command.as_deref() {
        None | Some("help" | "--help" | "-h") => Ok(Task::Help),
        Some("test") => test(arguments),
        Some("soak") => soak(arguments),
        Some("fuzz") => fuzz(arguments),
        Some("coverage") => alone("coverage", Task::Coverage, arguments.next()),
        Some("bundle") => alone("bundle", Task::Bundle, arguments.next()),
        Some("sbom") => alone("sbom", Task::Sbom, arguments.next()),
        Some("bench") => Ok(Task::Bench(arguments.collect())),
        Some(unknown) => Err(format!("no command `{unknown}`\n\n{HELP}")),
    }
}

fn soak(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Ok(Task::Soak { minutes: 10 }),
        (Some("--minutes"), Some(number), None) => match number.parse() {
            Ok(minutes @ 1..) => Ok(Task::Soak { minutes }),
            _ => Err(format!("`--minutes` wants a whole number above 0, but got `{number}`")),
        },
        _ => Err(format!("`soak` takes `--minutes N` alone\n\n{HELP}")),
    }
}

fn fuzz(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let (mut named, mut seconds) = (Vec::new(), fuzz::SHORT);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let number = arguments.next().unwrap_or_default();
                seconds = number.parse().map_err(|_| format!("`--seconds` wants a number, but got `{number}`"))?;
            }
            name if name.starts_with('-') => return Err(format!("`fuzz` knows no `{name}`\n\n{HELP}")),
            name => named.push(name.to_owned()),
        }
    }
    Ok(Task::Fuzz { named, seconds })
}

fn alone(name: &str, task: Task, extra: Option<String>) -> Result<Task, String> {
    match extra {
        None => Ok(task),
        Some(extra) => Err(format!("`{name}` takes no argument, but got `{extra}`")),
    }
}

fn test(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut selection = Selection::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => return Ok(Task::List),
            "--help" | "-h" => return Ok(Task::Help),
            "--long" => selection.long = true,
            "--fail-fast" => selection.fail_fast = true,
            "--only" => {
                let names = arguments.next().unwrap_or_default();
                selection.only.extend(named(&names)?);
            }
            _ => match argument.strip_prefix("--only=") {
                Some(names) => selection.only.extend(named(names)?),
                None => return Err(format!("`test` knows no `{argument}`\n\n{HELP}")),
            },
        }
    }
    Ok(Task::Test(selection))
}

fn named(names: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> =
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(String::from).collect();
    if names.is_empty() {
        return Err(format!("`--only` wants names of suites:\n{}", suites::list()));
    }
    match names.iter().find(|name| suites::find(name).is_none()) {
        Some(unknown) => Err(format!("no suite `{unknown}`; the suites are:\n{}", suites::list())),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn names_of_suites_are_taken_with_commas_and_repeated_flags() {
        let task = parsed("test --only fmt,rust --long --only=e2e --fail-fast").unwrap();

        let only = ["fmt", "rust", "e2e"].map(String::from).to_vec();
        assert_eq!(task, Task::Test(Selection { only, long: true, fail_fast: true }));
    }

    #[test]
    fn an_unknown_suite_is_refused_with_the_list() {
        let fault = parsed("test --only fmt,rusty").unwrap_err();

        assert!(fault.contains("`rusty`"), "{fault}");
        assert!(fault.contains("clippy"), "{fault}");
    }

    #[test]
    fn only_without_a_name_is_refused_instead_of_running_everything() {
        assert!(parsed("test --only").is_err());
        assert!(parsed("test --only=,").is_err());
    }

    #[test]
    fn unknown_words_are_refused_and_help_is_not() {
        assert!(parsed("tset").is_err());
        assert!(parsed("test --fast").is_err());
        assert!(parsed("bundle now").is_err());
        assert!(parsed("sbom now").is_err());
        assert!(parsed("coverage now").is_err());
        assert_eq!(parsed(""), Ok(Task::Help));
        assert_eq!(parsed("test --help"), Ok(Task::Help));
    }

    #[test]
    fn fuzzers_are_named_and_timed() {
        let named = vec![String::from("head")];

        assert_eq!(parsed("fuzz"), Ok(Task::Fuzz { named: Vec::new(), seconds: fuzz::SHORT }));
        assert_eq!(parsed("fuzz head --seconds 9"), Ok(Task::Fuzz { named, seconds: 9 }));
        assert!(parsed("fuzz --seconds").is_err());
        assert!(parsed("fuzz --minutes 1").is_err());
    }

    #[test]
    fn a_soak_lasts_as_long_as_it_is_told() {
        assert_eq!(parsed("soak"), Ok(Task::Soak { minutes: 10 }));
        assert_eq!(parsed("soak --minutes 3"), Ok(Task::Soak { minutes: 3 }));
        for wrong in ["soak 3", "soak --minutes", "soak --minutes 0", "soak --minutes 3 4"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_benchmark_gets_every_word_after_it() {
        let words = ["mint", "--seconds", "5"].map(String::from).to_vec();
        assert_eq!(parsed("bench mint --seconds 5"), Ok(Task::Bench(words)));
    }
}
