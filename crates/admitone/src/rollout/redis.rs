use std::sync::Arc;
use std::time::Duration;

use redis::{Value, from_redis_value};

use super::{Document, Settings};
use crate::revocation::Cursor;
use crate::store::redis::{Fault, REPLACE, Redis, Servers};
use crate::store::{BoxFuture, StoreUnavailable};

/// The field of an order that says that the rollouts have changed. Nodes that do not know it pass over it.
pub(crate) const ROLLOUTS: &str = "rollouts";

/// How long an order is kept for nodes that reconnect.
const KEPT: Duration = Duration::from_secs(60);

/// Rules of all nodes of a Redis or Valkey, in one key. What has changed is heard by the
/// [`RedisRevocations`](crate::revocation::redis::RedisRevocations) of the same [`Redis`].
#[derive(Debug)]
pub struct RedisSettings {
    servers: Arc<Servers>,
}

impl RedisSettings {
    /// The rules of a deployment.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { servers: redis.servers().clone() }
    }

    async fn read_at(&self) -> Result<Document, Fault> {
        let name = self.servers.names.rollouts();
        let command = redis::cmd("GET").arg(name).to_owned();
        let text: Option<String> = self.servers.run_at_control(command).await.and_then(read)?;
        text.map_or_else(|| Ok(Document::default()), |text| parse(&text))
    }

    async fn replace_at(&self, revision: u64, document: &Document) -> Result<bool, Fault> {
        let (name, orders) = (self.servers.names.rollouts(), self.servers.names.orders());
        let json = serde_json::to_string(document).map_err(|_| Fault::Nonsense)?;
        let (revision, text) = (revision.to_string(), format!("{} {json}", document.revision));
        let kept = KEPT.as_millis().to_string();
        let args = [revision.as_bytes(), text.as_bytes(), kept.as_bytes(), ROLLOUTS.as_bytes(), b"changed"];
        let answer = self.servers.run_at_control(REPLACE.by_text(&[&name, &orders], &args)).await?;
        let (about, is_replaced): (String, u32) = read(answer)?;
        if about == name { Ok(is_replaced == 1) } else { Err(Fault::Nonsense) }
    }
}

fn read<T: redis::FromRedisValue>(value: Value) -> Result<T, Fault> {
    from_redis_value(value).map_err(|_| Fault::Nonsense)
}

/// A document behind its revision, which the script compares.
fn parse(text: &str) -> Result<Document, Fault> {
    let (_, json) = text.split_once(' ').ok_or(Fault::Nonsense)?;
    serde_json::from_str(json).map_err(|_| Fault::Nonsense)
}

impl Settings for RedisSettings {
    fn read(&self) -> BoxFuture<'_, Result<Document, StoreUnavailable>> {
        Box::pin(async move { self.read_at().await.map_err(StoreUnavailable::from) })
    }

    fn replace<'a>(&'a self, revision: u64, document: &'a Document) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(async move { self.replace_at(revision, document).await.map_err(StoreUnavailable::from) })
    }

    fn changed(&self, cursor: Cursor) -> BoxFuture<'_, Cursor> {
        let mut changes = self.servers.shared.rollouts.subscribe();
        Box::pin(async move {
            // The sender lives in `servers`.
            let _ = changes.wait_for(|latest| *latest > cursor).await;
            *self.servers.shared.rollouts.borrow()
        })
    }
}
