use std::sync::PoisonError;

use tokio::sync::watch;

use super::{Document, Settings};
use crate::revocation::Cursor;
use crate::store::{BoxFuture, StoreUnavailable};
use crate::sync::Mutex;

/// Rules of a single process. A restart forgets them.
#[derive(Debug)]
pub struct MemorySettings {
    document: Mutex<Document>,
    changes: watch::Sender<Cursor>,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self { document: Mutex::default(), changes: watch::Sender::new(Cursor::default()) }
    }
}

impl Settings for MemorySettings {
    fn read(&self) -> BoxFuture<'_, Result<Document, StoreUnavailable>> {
        let document = self.document.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(Ok(document)))
    }

    fn replace<'a>(&'a self, revision: u64, document: &'a Document) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        let mut kept = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = kept.revision == revision;
        if is_first {
            kept.clone_from(document);
            self.changes.send_modify(|cursor| cursor.0 += 1);
        }
        Box::pin(std::future::ready(Ok(is_first)))
    }

    fn changed(&self, cursor: Cursor) -> BoxFuture<'_, Cursor> {
        Box::pin(async move {
            // The sender lives in `self`, so waiting cannot fail while `self` is borrowed.
            let _ = self.changes.subscribe().wait_for(|latest| *latest > cursor).await;
            *self.changes.borrow()
        })
    }
}
