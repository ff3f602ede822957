//! The gateway.

pub mod config;
pub mod demo;
pub mod relay;
pub mod upstream;
