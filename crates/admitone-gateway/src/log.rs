//! What the gateway tells of its work, on standard error.

mod json;
mod lines;

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat, LogLevel};
use json::JsonLines;
use lines::Lines;

/// The process's log. Dropped, it writes what is still waiting.
#[derive(Debug)]
#[must_use = "lines that wait are written when this is dropped"]
pub struct Logging(Lines);

impl Drop for Logging {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Sets the process's log up, once. Lines are never mixed, and nobody waits until they are written: they are, a few times a
/// second, by a thread of their own.
pub fn start(log: &Log) -> Logging {
    let level = match log.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let lines = Lines::to(stderr());
    let builder = fmt().with_max_level(level).with_writer(lines.clone()).with_target(false);
    // A second start, in a test, keeps the first one's log.
    let _ = match log.format {
        LogFormat::Json => builder.event_format(JsonLines).try_init(),
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).try_init(),
    };
    Logging(lines)
}
