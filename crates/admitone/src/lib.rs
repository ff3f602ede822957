//! One ticket admits one connection.

pub mod close;
pub mod principal;

#[cfg(feature = "authn")]
pub mod authn;
