use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Setting;
use crate::revocation::Cursor;
use crate::store::{BoxFuture, StoreUnavailable};

/// The rules of all routes, as they are kept: those of routes that were never changed are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Counts the changes of any of them.
    pub revision: u64,
    /// By the routes' paths.
    pub routes: BTreeMap<Box<str>, Setting>,
}

/// Where the rules of all routes are kept, for all nodes.
pub trait Settings: Send + Sync + 'static {
    /// What is kept; an empty document when nothing is.
    fn read(&self) -> BoxFuture<'_, Result<Document, StoreUnavailable>>;

    /// Puts a document in the place of that with this revision, in one step; false when another one is there by now. An error
    /// leaves it open which it was.
    fn replace<'a>(&'a self, revision: u64, document: &'a Document) -> BoxFuture<'a, Result<bool, StoreUnavailable>>;

    /// Waits until the document may be another one than at `cursor`, or may have been lost.
    fn changed(&self, cursor: Cursor) -> BoxFuture<'_, Cursor>;
}
