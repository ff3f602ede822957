//! What the nodes of a store say of themselves.

use std::time::Duration;

use super::{BoxFuture, StoreUnavailable};

/// How long a node's word counts: one that says no more is gone then.
pub const WORD: Duration = Duration::from_secs(5);

/// Most bytes of a word.
pub const MAX_WORD_BYTES: usize = 16 * 1024;

/// Most nodes whose words are read at once.
pub const MOST_NODES: usize = 256;

/// Where each node of a store says how it is, for people who look at all of them. Nothing is decided by what is said here.
pub trait Roster: Send + Sync + 'static {
    /// Says this of `node`, for a [`WORD`] from now, in place of what it said before. A word of more than [`MAX_WORD_BYTES`] is
    /// not said.
    fn tell<'a>(&'a self, node: &'a str, word: &'a str) -> BoxFuture<'a, Result<(), StoreUnavailable>>;

    /// What every node says, in no order, this one's own word among them. At most [`MOST_NODES`].
    fn all(&self) -> BoxFuture<'_, Result<Vec<String>, StoreUnavailable>>;

    /// Whether other nodes can be read here, and so whether it is worth telling anything.
    fn is_shared(&self) -> bool;
}
