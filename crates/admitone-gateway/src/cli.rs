//! Commands, and what they say on a terminal.

mod check;
mod config;
mod connect;
mod demo;
mod keys;
mod login_check;
mod operate;
mod operator;
mod rollout;
mod serve;
mod shutdown;
mod table;
mod verify_jws;

use std::io::{IsTerminal as _, stderr, stdout};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use self::config::Config;
use self::keys::Keys;
use self::operator::Operator;
use self::rollout::Rollout;

/// One ticket admits one connection: ticket authentication for WebSockets.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway
    #[command(
        after_help = "ADMITONE_… variables override single keys, as in ADMITONE_SERVER__LISTEN=127.0.0.1:9000.\n\
                            Exit status: 0 after SIGTERM or Ctrl-C, 1 when it could not run, 2 for faults of the configuration."
    )]
    Serve {
        /// The configuration, TOML
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print faults of the configuration as a JSON list on standard output
        #[arg(long)]
        json: bool,
    },
    /// Shows a ticket's whole life in your browser: gateway, login, chat and page, on this machine only
    #[command(after_help = "Nothing of it is for production: its issuer logs anybody in. It listens on loopback only.")]
    Demo {
        /// The page's port; the other parts take the ones that follow. Busy ones are skipped, 0 takes any
        #[arg(long, value_name = "PORT", default_value_t = 8080)]
        port: u16,
        /// The address to listen on; it has to be a loopback address
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
        host: IpAddr,
        /// Print one line of JSON with the addresses when ready
        #[arg(long)]
        json: bool,
    },
    /// Lists the live connections of a running gateway
    #[command(after_help = OPERATOR_STATUS)]
    Sessions(operate::List),
    /// Takes back: a session, a login, or everything of a person; live connections close within a second
    #[command(after_help = OPERATOR_STATUS)]
    Revoke(operate::Revoke),
    /// Shows and changes who gets tickets, on all gateways that share a store, within a second
    #[command(subcommand, after_help = OPERATOR_STATUS)]
    Rollout(Rollout),
    /// Ends a running gateway as SIGTERM does: not ready, its connections closed in batches, then exit
    #[command(after_help = OPERATOR_STATUS)]
    Drain(Operator),
    /// Says how a running gateway is
    #[command(after_help = OPERATOR_STATUS)]
    Status(Operator),
    /// Writes configurations to begin with
    #[command(subcommand)]
    Config(Config),
    /// Makes and rotates key files
    #[command(subcommand)]
    Keys(Keys),
    /// Prints what makes a shell complete these commands
    #[command(after_help = "For bash: admitone completions bash > ~/.local/share/bash-completion/completions/admitone")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Explains step by step why a token is or is not a login here, and on which routes it counts
    #[command(after_help = "The token itself is not printed. Revocations are not looked at.\n\
                            Exit status: 0 for a login, 1 for none, 2 when that cannot be told.")]
    LoginCheck {
        /// The gateway's configuration, TOML
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The token
        #[arg(long, value_name = "FILE")]
        token_file: PathBuf,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Goes the golden path of a running deployment and says what is wrong where; or reads a configuration
    #[command(
        after_help = "Five factors: it is healthy, a login mints, the ticket admits and the five events or an echo arrive, the \
                            same ticket again is refused, revocation closes the live socket. It revokes its own session and no login.\n\
                            Exit status: 0 when all passed, 1 when one did not, 2 for arguments, files and faults of a \
                            configuration."
    )]
    Check(check::Check),
    /// Opens a socket with a ticket: lines of standard input go out as messages, messages come in as lines
    #[command(after_help = "It reconnects by itself, with a new ticket each time.\n\
                            Exit status: 0 when you or the upstream ended it, 1 when it gave up, 2 for arguments and files, \
                            3 when the gateway wants no more of it (49xx: log in, revoked, forbidden), 4 when the upstream \
                            closed with an error.")]
    Connect(connect::Connect),
    /// Looks at single parts of what the gateway does
    #[command(subcommand)]
    Debug(Debug),
}

const OPERATOR_STATUS: &str = "It asks the listener that [admin] of the gateway's configuration turns on.\n\
                               Exit status: 0 when done, 1 when refused, 2 for wrong arguments or files, 3 when not reached.";

#[derive(Debug, Subcommand)]
enum Debug {
    /// Says whether a signed token is accepted by its signature and the rules for keys alone; no claim is looked at
    #[command(after_help = "Prints accept or reject; the reason of a rejection is on standard error.\n\
                            Exit status: 0 for accept, 1 for reject, 2 when a file cannot be read.")]
    VerifyJws {
        /// A JWK or a JWK set
        #[arg(long, value_name = "FILE")]
        jwk: PathBuf,
        /// The token (JWS in compact form); read from standard input where it is not named
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Print one line of JSON with the result and the reason
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command to its end.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match arguments.command {
        Command::Serve { config, json } => on_runtime(serve::run(&config, json)),
        Command::Demo { port, host, json } => on_runtime(demo::run(host, port, json)),
        Command::Sessions(list) => on_runtime(operate::sessions(&list)),
        Command::Revoke(revoke) => on_runtime(operate::revoke(&revoke)),
        Command::Rollout(rollout) => on_runtime(rollout::run(&rollout)),
        Command::Drain(operator) => on_runtime(operate::drain(&operator)),
        Command::Status(operator) => on_runtime(operate::status(&operator)),
        Command::Config(config) => config::run(&config),
        Command::Keys(keys) => keys::run(&keys),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "admitone", &mut stdout());
            ExitCode::SUCCESS
        }
        Command::LoginCheck { config, token_file, json } => on_runtime(login_check::run(&config, &token_file, json)),
        Command::Check(check) => on_runtime(check.run()),
        Command::Connect(connect) => on_runtime(connect.run()),
        Command::Debug(Debug::VerifyJws { jwk, token_file, json }) => {
            verify_jws::run(&jwk, token_file.as_deref(), json)
        }
    }
}

fn on_runtime(command: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => fail(1, &format!("cannot start: {error}")),
    }
}

fn fail(status: u8, message: &str) -> ExitCode {
    eprintln!("{} {message}", style(stderr().is_terminal(), "1;31", "error:"));
    ExitCode::from(status)
}

/// Text in an SGR style, where somebody looks at it and has not asked for none (`NO_COLOR`).
fn style(terminal: bool, code: &str, text: &str) -> String {
    let wanted = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn stdout_style(code: &str, text: &str) -> String {
    style(stdout().is_terminal(), code, text)
}
