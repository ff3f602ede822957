//! What `admitone demo` runs beside the gateway, on loopback only: an issuer for two canned people, and a chat.

pub mod chat;
mod id;
pub mod issuer;
