//! `admitone connect`: lines of standard input go out as messages, messages come in as lines.

mod report;
mod terminal;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;

use admitone_client::connection::MachineOptions;
use admitone_client::{AdmitConnection, Event, HttpTicketSource, Message, MessageSender, Options, Transport, Url};
use admitone_gateway::upstream::tls_config;
use clap::Args;
use tokio::signal::ctrl_c;
use tokio::sync::mpsc;

use super::fail;
use report::Report;

/// Longest file of a token, in bytes: more than any token that is accepted.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// What to connect to, and how.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The socket, such as wss://gw.example.com/chat
    url: String,
    /// The login's token; read again for every ticket
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Where tickets are minted, if not at the socket's own host
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,
    /// A subprotocol of the application's; may be given several times
    #[arg(long, value_name = "NAME")]
    protocol: Vec<String>,
    /// Connect with the token itself where no ticket can be had
    #[arg(long)]
    jwt_fallback: bool,
    /// Authorities to trust in place of Mozilla's, PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Stay connected when standard input has ended
    #[arg(long)]
    no_close: bool,
    /// Print every event as a line of JSON
    #[arg(long)]
    json: bool,
    /// Let ticket and token go over a network unencrypted
    #[arg(long)]
    danger_plaintext: bool,
}

impl Connect {
    pub(super) async fn run(self) -> ExitCode {
        match self.open() {
            Ok(connection) => converse(connection, Report::new(self.json), self.no_close).await,
            Err(message) => fail(2, &message),
        }
    }

    fn open(&self) -> Result<AdmitConnection, String> {
        let url = parse("URL", &self.url, "wss://gw.example.com/chat")?;
        let gateway = self
            .gateway
            .as_ref()
            .map_or_else(|| Ok(url.origin()), |text| parse("--gateway", text, "https://gw.example.com"))?;
        let transport = self.transport()?;
        // A file that cannot be read is told before anything is asked.
        read_token(&self.token_file).map_err(|error| format!("--token-file: {error}"))?;
        let file = self.token_file.clone();
        let source = HttpTicketSource::new(gateway, move || std::future::ready(read_token(&file)))
            .transport(transport.clone())
            .route(url.path());
        let machine = MachineOptions { jwt_fallback: self.jwt_fallback, ..MachineOptions::default() };
        let protocols = self.protocol.clone();
        let options = Options { url: Some(url), protocols, machine, transport, ..Options::default() };
        AdmitConnection::open(source, options).map_err(|error| format!("--protocol: {error}"))
    }

    fn transport(&self) -> Result<Transport, String> {
        let transport = match &self.ca_file {
            Some(path) => {
                let pem = std::fs::read(path)
                    .map_err(|error| format!("--ca-file: cannot read {}: {error}", path.display()))?;
                Transport::new(tls_config(Some(&pem)).map_err(|error| format!("--ca-file: {error}"))?)
            }
            None => Transport::default(),
        };
        Ok(if self.danger_plaintext { transport.danger_plaintext() } else { transport })
    }
}

fn parse(name: &str, text: &str, example: &str) -> Result<Url, String> {
    // Not the text: a URL may hold a credential.
    Url::parse(text).map_err(|error| format!("{name}: {error}; it looks like {example}"))
}

pub(super) fn read_token(path: &Path) -> Result<String, Box<dyn Error + Send + Sync>> {
    let unreadable = |error| format!("cannot read {}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_TOKEN_BYTES {
        return Err(format!("{} has {length} bytes, {MAX_TOKEN_BYTES} at most", path.display()).into());
    }
    let token = std::fs::read_to_string(path).map_err(unreadable)?;
    match token.trim_end() {
        "" => Err(format!("{} is empty: write the login's token into it", path.display()).into()),
        token => Ok(token.to_owned()),
    }
}

/// Until the connection is closed for good, or nobody reads any more.
async fn converse(mut connection: AdmitConnection, report: Report, no_close: bool) -> ExitCode {
    let mut saying = pin!(say(connection.sender(), terminal::lines()));
    let mut interrupted = pin!(ctrl_c());
    let mut has_more = true;
    loop {
        tokio::select! {
            event = connection.next_event() => {
                let Some(event) = event.filter(|event| report.event(event).is_ok()) else { return ExitCode::from(1) };
                if let Event::Closed(ended) = event {
                    return ExitCode::from(report::status(&ended));
                }
            }
            () = &mut saying, if has_more => {
                has_more = false;
                if !no_close {
                    hang_up(&connection);
                }
            }
            _ = &mut interrupted => {
                hang_up(&connection);
                interrupted.set(ctrl_c());
            }
        }
    }
}

/// A line that comes while there is no socket waits for the next one.
async fn say(mut sender: MessageSender, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        if sender.opened().await.is_err() {
            return;
        }
        // Of a socket that has just ended: the event that follows tells it.
        let _ = sender.send(Message::text(line)).await;
    }
    // So that there is a socket to say it to, where all lines were there before.
    let _ = sender.opened().await;
}

fn hang_up(connection: &AdmitConnection) {
    connection.close(Some(1000), "").expect("1000 is a code of applications'");
}
