//! The gateway.

pub mod config;
pub mod relay;
pub mod upstream;
