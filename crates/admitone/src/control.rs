//! What the nodes of a store do together: a session is renewed or closed on whichever of them it lives.
//!
//! A node asks another one by an [`Order`] in a [`Channel`]. Orders are for what is live now: they are kept for a minute and not
//! for nodes that start later. What has to outlast that is a [revocation](crate::revocation).

mod channel;
mod listing;
mod renewal;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::admission::Admission;
use crate::close::CloseCode;
use crate::now::Now;
use crate::revocation::Cursor;
use crate::sessions::{Scope, Sessions};
use crate::store::StoreUnavailable;
use crate::sync::Mutex;

pub use channel::{Answer, Asked, Channel, Closing, MemoryChannel, Order, To};
pub use listing::{Listing, Told, Wanted};
pub use renewal::RenewError;

/// How far the clocks of two nodes may differ for a session to count as opened before it was ordered closed.
const LEEWAY: Duration = Duration::from_secs(2);

/// One node among those of its store.
pub struct Control {
    admission: Arc<Admission>,
    sessions: Arc<Sessions>,
    channel: Arc<dyn Channel>,
    /// What other nodes have been asked, by its number.
    asked: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    last: u64,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
    listings: HashMap<u64, mpsc::Sender<Listing>>,
}

impl Control {
    /// The node that `admission` names, with its sessions. Run [`follow`](Self::follow) beside it.
    #[must_use]
    pub fn new(admission: Arc<Admission>, sessions: Arc<Sessions>, channel: Arc<dyn Channel>) -> Self {
        Self { admission, sessions, channel, asked: Mutex::default() }
    }

    /// Closes the sessions of a scope that are open now, on every node, spread over a time. It returns when the order is on its
    /// way; each node begins within a second. Nothing is revoked: whoever was closed may come back.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`]: this node's sessions are closed, those of others maybe not. To repeat it is safe.
    pub async fn close(&self, scope: Scope, code: CloseCode, over: Duration, now: Now) -> Result<(), StoreUnavailable> {
        let closing =
            Closing { scope, code: code.code(), over_ms: u64::try_from(over.as_millis()).unwrap_or(u64::MAX) };
        let order = Order::Close { closing: closing.clone(), from: self.admission.node().to_owned(), at: now.unix };
        self.begin_closing(closing, now.instant);
        self.channel.post(To::All, order).await
    }

    /// Does what other nodes ask for, for as long as it runs.
    pub async fn follow(self: Arc<Self>) {
        let mut cursor = Cursor::default();
        loop {
            let (orders, next) = self.channel.orders(cursor).await;
            cursor = next;
            orders.into_iter().for_each(|order| self.obey(order));
        }
    }

    fn obey(self: &Arc<Self>, order: Order) {
        let now = Now::read();
        match order {
            Order::Close { from, .. } if from == self.admission.node() => {}
            Order::Close { closing, at, .. } => {
                let ago = Duration::from_secs(now.unix.saturating_sub(at)).saturating_sub(LEEWAY);
                self.begin_closing(closing, now.instant.checked_sub(ago).unwrap_or(now.instant));
            }
            Order::Renew(asked) => {
                let control = self.clone();
                tokio::spawn(async move { control.answer(asked, now).await });
            }
            Order::Answer { number, answer } => self.hear(number, answer),
            Order::List { number, from, wanted } => self.tell_listing(number, from, &wanted),
            Order::Listed { number, listing } => self.hear_listing(number, listing),
        }
    }

    fn begin_closing(&self, closing: Closing, opened_by: std::time::Instant) {
        // A newer node may know a code that this one does not: closed all the same, and to stay away.
        let known = CloseCode::ALL.iter().find(|known| known.code() == closing.code);
        let code = known.copied().unwrap_or(CloseCode::Revoked);
        let (sessions, over) = (self.sessions.clone(), Duration::from_millis(closing.over_ms));
        tokio::spawn(async move { sessions.close_scope(&closing.scope, code, opened_by, over).await });
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}
