//! A WebSocket that mints a fresh ticket for every connection, reconnects by itself and says why it ended.
//!
//! ```no_run
//! use admitone_client::{AdmitConnection, Event, HttpTicketSource, Message, Options, Url};
//! use futures_util::SinkExt as _;
//!
//! # async fn example(token: String) -> Result<(), Box<dyn std::error::Error>> {
//! let gateway = Url::parse("https://gw.example.com")?;
//! let source = HttpTicketSource::new(gateway, move || std::future::ready(Ok(token.clone()))).route("/chat");
//! let mut chat = AdmitConnection::open(source, Options::default())?;
//! while let Some(event) = chat.next_event().await {
//!     match event {
//!         Event::Opened(_) => chat.send(Message::text("hello")).await?,
//!         Event::Message(message) => println!("{message}"),
//!         Event::Closed(ended) => eprintln!("{ended}"),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! [`connection`] is what it does, as a state machine without I/O that replays the same vectors as the browser SDK; [`offer`] what
//! a handshake carries. [`TicketSource`] is where tickets come from, [`HttpTicketSource`] the usual one.

mod ahead;
mod attempt;
pub mod backoff;
pub mod client;
pub mod code;
pub mod connection;
mod driver;
pub mod event;
mod link;
pub mod mint;
pub mod offer;
pub mod refusal;
pub mod source;
pub mod transport;
pub mod upgrade;
pub mod url;

pub use client::{AdmitConnection, MessageSender, Options, SendError};
pub use code::Code;
pub use event::{Ended, Event, Failure, Opened};
pub use mint::{MintError, Minted, Renewed};
pub use source::{HttpTicketSource, TicketSource, Token};
pub use tokio_tungstenite::tungstenite::Message;
pub use transport::Transport;
pub use url::Url;
