//! The AdmitOne gateway: it verifies logins, mints tickets, redeems them on the upgrade, and relays the socket to any
//! upstream for as long as its login lasts.
//!
//! `routes`, `upstream` and `relay` do not know one another; `http` composes them; `gateway` wires. The crate is the
//! library's first embedder: it uses nothing of `admitone` that others could not.

pub mod admin;
pub mod assertion;
pub mod audit;
pub mod check;
pub mod config;
pub mod demo;
pub mod fetch;
pub mod gateway;
pub mod http;
pub mod keepalive;
pub mod limits;
pub mod log;
pub mod logins;
pub mod metrics;
pub mod rejection;
pub mod relay;
pub mod routes;
pub mod stores;
pub mod summary;
mod timestamp;
pub mod traces;
pub mod upstream;
