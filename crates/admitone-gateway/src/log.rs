//! What the gateway tells of its work, on standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat, LogLevel};

/// Sets the process's log up, once. Lines are never mixed: each is written whole.
pub fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let builder = fmt().with_max_level(level).with_writer(stderr).with_target(false);
    // A second start, in a test, keeps the first one's log.
    let _ = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).try_init(),
    };
}
