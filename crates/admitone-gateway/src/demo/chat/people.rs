//! Who is connected, and where their events go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// How many messages may wait for a connection that reads slowly; past it the connection is let go.
const QUEUE_MESSAGES: usize = 64;

/// How many of a person's runs may be under way at once.
const CONCURRENT_RUNS: usize = 8;

/// A person as the gateway names them: issuer and subject, since two issuers may use one subject for two people.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) issuer: String,
    pub(super) subject: String,
}

/// Everybody who is connected.
#[derive(Default)]
pub(super) struct People(Mutex<HashMap<Identity, Arc<Room>>>);

/// One person's connections and runs.
pub(super) struct Room {
    pub(super) runs: Arc<Semaphore>,
    queues: Mutex<Vec<mpsc::Sender<Utf8Bytes>>>,
}

impl People {
    /// Adds a connection to the person's room. Its queue ends when the connection falls too far behind.
    pub(super) fn join(&self, identity: &Identity) -> (Arc<Room>, mpsc::Receiver<Utf8Bytes>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES);
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = Arc::clone(people.entry(identity.clone()).or_default());
        room.queues.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        (room, receiver)
    }

    /// Forgets the connection whose queue was closed, and the person when it was their last.
    pub(super) fn leave(&self, identity: &Identity) {
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if people.get(identity).is_some_and(|room| room.is_empty()) {
            people.remove(identity);
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self { runs: Arc::new(Semaphore::new(CONCURRENT_RUNS)), queues: Mutex::default() }
    }
}

impl Room {
    /// Sends a message to all of the person's connections; one whose queue is full is let go.
    pub(super) fn publish(&self, message: &Utf8Bytes) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| queue.try_send(message.clone()).is_ok());
    }

    fn is_empty(&self) -> bool {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| !queue.is_closed());
        queues.is_empty()
    }
}
