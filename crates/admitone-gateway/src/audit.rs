//! Who was connected, by which login, and why that ended: a line for each event, which never holds a secret.
//!
//! Telling never waits: lines go through a bounded queue to a thread that writes them. What does not fit is counted, and
//! the stream itself tells how many lines are missing.

mod event;
mod writer;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;

pub use event::{Event, What};
use writer::Writer;

use crate::config;
use crate::metrics::Metrics;

/// Lines that a follower may be behind.
const FOLLOWERS_BEHIND: usize = 512;

/// Lines that are remembered for those who begin to look.
const REMEMBERED: usize = 200;

/// Takes events, and passes them to where the configuration says, and to whoever follows.
#[derive(Debug)]
pub struct Audit {
    node: String,
    /// None: events are lines of the log.
    writer: Option<Writer>,
    followers: broadcast::Sender<Arc<str>>,
    /// The last lines; none where nobody could ask for them.
    recent: Option<Mutex<VecDeque<Arc<str>>>>,
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
        let followers = broadcast::Sender::new(FOLLOWERS_BEHIND);
        Ok(Self { node: node.to_owned(), writer, followers, recent: None })
    }

    /// The same, with the last lines remembered.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { recent: Some(Mutex::default()), ..self }
    }

    /// Tells of an event.
    pub fn tell(&self, event: &Event<'_>) {
        if self.writer.is_none() {
            event.log();
        }
        self.tell_beside_log(event);
    }

    /// Tells of an event that the log has a line of its own for, wherever audit lines go.
    pub fn tell_beside_log(&self, event: &Event<'_>) {
        if self.writer.is_none() && !self.has_readers() {
            return;
        }
        let line = event.json(&self.node, SystemTime::now());
        if self.has_readers() {
            self.pass_on(line.as_str().into());
        }
        if let Some(writer) = &self.writer {
            writer.write(line);
        }
    }

    fn has_readers(&self) -> bool {
        self.recent.is_some() || self.followers.receiver_count() > 0
    }

    fn pass_on(&self, line: Arc<str>) {
        if let Some(recent) = &self.recent {
            let mut recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() == REMEMBERED {
                recent.pop_front();
            }
            recent.push_back(line.clone());
        }
        // Nobody may have stayed to read it.
        let _ = self.followers.send(line);
    }

    /// The last lines, oldest first.
    #[must_use]
    pub fn recent(&self) -> Vec<Arc<str>> {
        let recent = self.recent.as_ref().map(|recent| recent.lock().unwrap_or_else(PoisonError::into_inner));
        recent.map(|recent| recent.iter().cloned().collect()).unwrap_or_default()
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
}
