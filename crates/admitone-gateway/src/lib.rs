//! The gateway.

pub mod relay;
pub mod upstream;
