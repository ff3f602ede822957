//! Says hello over an admitted socket and prints what comes back:
//! `cargo run -p admitone-client --example native -- wss://gw.example.com/chat token.txt`.

use std::error::Error;
use std::path::PathBuf;

use admitone_client::{AdmitConnection, Event, HttpTicketSource, Message, Options, Url};
use futures_util::SinkExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(token_file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: native URL TOKEN_FILE".into());
    };
    println!("{}", hello(&url, token_file.into()).await?);
    Ok(())
}

/// The first answer to a hello.
pub(crate) async fn hello(url: &str, token_file: PathBuf) -> Result<Message, Box<dyn Error>> {
    let url = Url::parse(url)?;
    // Read again for every ticket: whoever renews the login writes it there.
    let token = move || std::future::ready(read(&token_file));
    let source = HttpTicketSource::new(url.origin(), token).route(url.path());
    let mut chat = AdmitConnection::open(source, Options { url: Some(url), ..Options::default() })?;
    while let Some(event) = chat.next_event().await {
        match event {
            Event::Opened(_) => chat.send(Message::text("hello")).await?,
            Event::Message(message) => return Ok(message),
            Event::Waiting { ended, .. } => eprintln!("again soon: {ended}"),
            Event::Closed(ended) => return Err(ended.into()),
            _ => {}
        }
    }
    Err("it ended without an answer".into())
}

fn read(file: &PathBuf) -> Result<String, Box<dyn Error + Send + Sync>> {
    Ok(std::fs::read_to_string(file)?.trim_end().to_owned())
}
