//! Who was connected, by which login, and why that ended: a line for each event, which never holds a secret.
//!
//! Telling never waits: lines go through a bounded queue to a thread that writes them. What does not fit is counted, and
//! the stream itself tells how many lines are missing.

mod event;
mod timestamp;
mod writer;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;

pub use event::{Event, What};
use writer::Writer;

use crate::config;
use crate::metrics::Metrics;

/// Lines that a follower may be behind.
const FOLLOWERS_BEHIND: usize = 512;

/// Takes events, and passes them to where the configuration says, and to whoever follows.
#[derive(Debug)]
pub struct Audit {
    node: String,
    /// None: events are lines of the log.
    writer: Option<Writer>,
    followers: broadcast::Sender<Arc<str>>,
}

impl Audit {
    /// Opens what the configuration names. `node` stands in every line.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened for appending.
    pub fn open(to: &config::Audit, node: &str, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let writer = match to {
            config::Audit::Log => None,
            config::Audit::Stdout => Some(Writer::to_stdout(metrics.clone())),
            config::Audit::File(path) => Some(Writer::to_file(path, metrics.clone())?),
        };
        Ok(Self { node: node.to_owned(), writer, followers: broadcast::Sender::new(FOLLOWERS_BEHIND) })
    }

    /// Tells of an event.
    pub fn tell(&self, event: &Event<'_>) {
        match &self.writer {
            None => event.log(),
            Some(writer) => writer.write(self.line(event)),
        }
        if self.followers.receiver_count() > 0 {
            // Nobody may have stayed to read it.
            let _ = self.followers.send(self.line(event).into());
        }
    }

    /// Tells of an event that the log has a line of its own for, wherever audit lines go.
    pub fn tell_beside_log(&self, event: &Event<'_>) {
        if self.writer.is_some() || self.followers.receiver_count() > 0 {
            self.tell(event);
        }
    }

    /// The lines from now on.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Arc<str>> {
        self.followers.subscribe()
    }

    /// Opens the file again, after it was moved away.
    pub fn reopen(&self) {
        if let Some(writer) = &self.writer {
            writer.reopen();
        }
    }

    /// Waits until everything that was told is written, at most this long.
    pub async fn flush(&self, limit: Duration) {
        if let Some(writer) = &self.writer {
            writer.flush(limit).await;
        }
    }

    fn line(&self, event: &Event<'_>) -> String {
        event.json(&self.node, SystemTime::now())
    }
}
