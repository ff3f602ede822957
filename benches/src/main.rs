//! Measurements beside peers and floors: `cargo xtask bench`. The method is in `README.md` beside this crate.

mod bench;
mod gateway;
mod haproxy;
mod http;
mod keys;
mod machine;
mod nginx;
mod place;
mod process;
mod random;
mod redis;
mod role;
mod rounds;
mod socket;
mod table;
mod token;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use bench::Bench;
use role::Role;

/// Why a measurement did not take place.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Measures the gateway and the library beside peers and floors.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Command {
    /// What to measure; everything when nothing is named.
    #[arg(value_enum)]
    benches: Vec<Bench>,
    #[command(flatten)]
    settings: Settings,
    /// One JSON object instead of tables.
    #[arg(long)]
    json: bool,
    /// Says that this process is on its core already.
    #[arg(long, hide = true)]
    placed: bool,
}

/// How long and how often.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Settings {
    /// Rounds that count, after one that does not.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Seconds of each run in a round.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
}

impl Settings {
    pub(crate) fn rounds(self) -> usize {
        usize::from(self.rounds)
    }

    pub(crate) fn run(self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number from 0.1 to 60 is needed".to_owned()),
    }
}

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some(Role::COMMAND) => Role::parse_from(std::env::args().skip(1)).run(),
        _ => measure(&Command::parse()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(command: &Command) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        return Err("measure the release build: cargo xtask bench".into());
    }
    if !command.placed {
        gateway::build()?;
        return Err(place::again_in_place()?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let machine = machine::Machine::look();
    let chosen = if command.benches.is_empty() { &Bench::ALL[..] } else { &command.benches };
    if !command.json {
        println!("{machine}");
    }
    let mut tables = Vec::new();
    for bench in chosen {
        let table = runtime.block_on(bench.run(command.settings))?;
        if !command.json {
            println!("\n{table}");
        }
        tables.push(table);
    }
    if command.json {
        println!("{}", serde_json::json!({ "machine": machine, "benches": tables }));
    }
    Ok(())
}
