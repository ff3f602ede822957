//! The project's own build commands: `cargo xtask test`, `coverage`, `bundle`, `sbom`, `bench`.

mod arguments;
mod bundle;
mod call;
mod coverage;
mod fuzz;
mod install;
mod links;
mod mutants;
mod release;
mod report;
mod sbom;
mod sources;
mod suites;
mod text;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::Task;
use call::Outcome;
use install::Need;

fn main() -> ExitCode {
    let task = match arguments::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(fault) => {
            eprintln!("error: {fault}");
            return ExitCode::from(2);
        }
    };
    match perform(task, &repository()) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task, root: &Path) -> Outcome<ExitCode> {
    match task {
        Task::Help => print!("{}", arguments::HELP),
        Task::List => print!("{}", suites::list()),
        Task::Coverage => print!("{}", coverage::table(root)?),
        Task::Test(selection) => return Ok(suites::run(&selection, root)),
        Task::Soak { minutes } => {
            Need::Redis.meet(root)?;
            suites::soak(root, minutes)?;
        }
        Task::Fuzz { named, seconds } => fuzz::run(root, &named, seconds)?,
        Task::Bundle => {
            install::packages(root)?;
            bundle::build(root)?;
        }
        Task::Sbom => {
            Need::CargoCyclonedx.meet(root)?;
            Need::Packages.meet(root)?;
            sbom::write(root)?;
        }
        Task::Bench(arguments) => {
            Need::Proxies.meet(root)?;
            call::cargo(root).args(["run", "--release", "--package", "admitone-benches", "--"]).args(arguments).run()?
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The root of the work tree this command was built from.
fn repository() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or(manifest.clone(), Path::to_path_buf)
}
