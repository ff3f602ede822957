//! One ticket admits one connection.
//!
//! A browser cannot send an `Authorization` header when it opens a WebSocket. So a page trades the login it already has for
//! a *ticket*: an opaque secret that admits exactly one connection, once, within seconds. This crate mints and redeems
//! tickets and keeps the register of the connections that they admitted.
//!
//! Without features the crate is vocabulary: [`ticket`], [`grant`], [`principal`], [`carrier`], [`origin`], [`handshake`],
//! [`refusal`], [`close`], [`problem`].
//! They do no I/O and read no clock.
//!
//! - `server` adds `route`, `store`, `revocation`, `admission`, `sessions`, `control`, `rollout`, and `engine`, which is all of it
//!   for one node.
//! - `redis` adds the same in Redis or Valkey, `redis-tls` over TLS.
//! - `authn` adds `authn`, which verifies the logins that tickets are minted for.
//! - `tower` adds `tower`, which admits within a server of one's own; `axum` the same for an axum router, `http2` sockets over
//!   HTTP/2.
//!
//! # A connection's life
//!
//! Each step yields a value that the next one takes, and each of those has a private constructor: what has not been
//! redeemed cannot open a session.
//!
//! ```text
//! Login ── Admission::mint ──▶ Minted { ticket }
//! Ticket ─ Admission::inspect ▶ Authentic ─ Admission::redeem ▶ Admitted ─ Sessions::open ▶ Session
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    feature = "server",
    doc = r#"
```
use std::{sync::Arc, time::Duration};
use admitone::{admission::Admission, grant::Grant, now::Now, sessions::Sessions};
use admitone::{revocation::memory::MemoryRevocations, store::memory::MemoryTicketStore};
use admitone::ticket::{Place, keys::TicketKeys};
# use admitone::principal::{Login, LoginStamp, Permissions, Principal};
# #[tokio::main(flavor = "current_thread")]
# async fn main() -> Result<(), Box<dyn std::error::Error>> {
# let now = Now::read();
# let login = Login {
#     principal: Principal::new("https://id.example.com", "ada", None)?,
#     permissions: Permissions::new(["chat"])?,
#     stamp: LoginStamp { issued_at: now.unix, sid: None, jti: None },
#     expires_at: now.unix + 900,
# };

let revocations = Arc::new(MemoryRevocations::default());
let store = Arc::new(MemoryTicketStore::new(Default::default(), revocations.clone()));
let admission = Admission::new(TicketKeys::random()?, store, revocations.clone());
let sessions = Sessions::new(revocations);

// A page of Ada's asks for a ticket; `login` is what her token was verified to.
let (place, now) = (Place { route: "/chat", origin: Some("https://app.example.com"), address: None }, Now::read());
let grant = Grant::of(&login, place.route, Duration::from_secs(60), now.unix);
let minted = admission.mint(grant, &place, now).await?;

// It opens a socket with the ticket, and cannot do so twice.
let authentic = admission.inspect(&minted.ticket, &place, now)?;
let admitted = admission.redeem(authentic, Duration::from_secs(600), now).await?;
let session = sessions.open(admitted, now)?;
assert_eq!(session.principal().subject(), "ada");
assert!(admission.inspect(&minted.ticket, &place, now).is_err());
# Ok(()) }
```
"#
)]

pub mod carrier;
pub mod close;
pub mod grant;
pub mod handshake;
pub mod origin;
pub mod principal;
pub mod problem;
pub mod refusal;
pub mod ticket;
pub mod upstream;

#[cfg(feature = "server")]
pub mod admission;
#[cfg(feature = "authn")]
pub mod authn;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "server")]
pub mod control;
#[cfg(feature = "server")]
pub mod engine;
#[cfg(feature = "server")]
pub mod now;
#[cfg(feature = "server")]
pub mod revocation;
#[cfg(feature = "server")]
pub mod rollout;
#[cfg(feature = "server")]
pub mod route;
#[cfg(feature = "server")]
pub mod sessions;
#[cfg(feature = "server")]
pub mod store;
#[cfg(feature = "server")]
mod sync;
#[cfg(feature = "tower")]
pub mod tower;
