//! Orders: entries of streams that are read beside the one of revocations.

use std::time::Duration;

use super::{RedisRevocations, Shared};
use crate::control::{Channel, Order, To};
use crate::revocation::Cursor;
use crate::revocation::journal::News;
use crate::store::redis::{Fault, POST};
use crate::store::{BoxFuture, StoreUnavailable};

/// The field that holds an order. Entries with other fields are for others.
pub(super) const FIELD: &str = "order";

/// How long an order is kept for nodes that reconnect.
const KEPT: Duration = Duration::from_secs(60);

impl Shared {
    async fn post(&self, to: To<'_>, order: &Order) -> Result<(), Fault> {
        let names = &self.servers.names;
        let stream = match to {
            To::Node(node) => names.inbox(node),
            To::All => names.orders(),
        };
        let text = serde_json::to_string(order).map_err(|_| Fault::Nonsense)?;
        let kept = KEPT.as_millis().to_string();
        let args = [kept.as_bytes(), FIELD.as_bytes(), text.as_bytes()];
        self.servers.run_at_control(POST.by_text(&[&stream], &args)).await.map(drop)
    }

    /// The streams that this node reads its orders from.
    pub(super) fn order_streams(&self) -> Vec<String> {
        let names = &self.servers.names;
        let inbox = self.servers.shared.options.node.as_ref().map(|node| names.inbox(node));
        std::iter::once(names.orders()).chain(inbox).collect()
    }
}

impl Channel for RedisRevocations {
    fn post<'a>(&'a self, to: To<'a>, order: Order) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        Box::pin(async move { self.shared.post(to, &order).await.map_err(StoreUnavailable::from) })
    }

    fn orders(&self, cursor: Cursor) -> BoxFuture<'_, (Vec<Order>, Cursor)> {
        Box::pin(async move {
            let News { entries, cursor, .. } = self.shared.orders.follow(cursor).await;
            (entries, cursor)
        })
    }
}
