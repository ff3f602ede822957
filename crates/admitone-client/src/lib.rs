//! A WebSocket that mints a fresh ticket for every connection, reconnects by itself and says why it ended.
//!
//! [`connection`] is what it does, as a state machine without I/O; [`offer`] what a handshake carries.

pub mod backoff;
pub mod code;
pub mod connection;
pub mod offer;
