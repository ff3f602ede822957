//! Configuration files: written to begin with.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use admitone_gateway::config::Starting;
use clap::builder::PossibleValue;
use clap::{Subcommand, ValueEnum};

use super::{fail, stdout_style};

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Writes a configuration to begin with, with comments, and says which files it needs
    #[command(
        after_help = "Without --out it is written to standard output. A file that is there already is left as it is.\n\
                            Exit status: 0 when it is written, 1 when not."
    )]
    Init {
        /// What it is for
        case: Case,
        /// The file to make
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// A [`Starting`] by its word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case(Starting);

impl ValueEnum for Case {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Case; Starting::ALL.len()] = {
            let mut all = [Case(Starting::Single); Starting::ALL.len()];
            let mut index = 0;
            while index < all.len() {
                all[index] = Case(Starting::ALL[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(self.0.about()))
    }
}

pub(super) fn run(config: &Config) -> ExitCode {
    let Config::Init { case: Case(case), out } = config;
    let Some(path) = out else {
        print!("{}", case.text());
        return ExitCode::SUCCESS;
    };
    match write(path, &case.text()) {
        Ok(()) => {
            println!("{} {}", stdout_style("1;32", "written:"), path.display());
            tell_files(*case, path);
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fail(1, &format!("{} is there already: name another file, or remove it", path.display()))
        }
        Err(error) => fail(1, &format!("cannot write {}: {error}", path.display())),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn tell_files(case: Starting, config: &Path) {
    let files: Vec<(String, &str)> =
        case.files().into_iter().map(|(file, how)| (config.with_file_name(file).display().to_string(), how)).collect();
    let width = files.iter().map(|(file, _)| file.len()).max().unwrap_or_default();
    println!("\nIt needs these files:");
    for (file, how) in files {
        println!("  {file:<width$}  {how}");
    }
    println!("\nThen change what has example.com in it, and: admitone serve --config {}", config.display());
}
