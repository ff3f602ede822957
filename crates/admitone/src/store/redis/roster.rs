use std::sync::Arc;

use redis::from_redis_value;

use super::servers::{Fault, Servers};
use super::{Redis, script};
use crate::store::roster::{MAX_WORD_BYTES, MOST_NODES, Roster, WORD};
use crate::store::{BoxFuture, StoreUnavailable};

/// The bucket that the words are kept with.
const BUCKET: u8 = 0;

/// The words of all nodes, in Redis or Valkey.
#[derive(Clone, Debug)]
pub struct RedisRoster {
    servers: Arc<Servers>,
}

impl RedisRoster {
    /// The nodes of a deployment.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { servers: redis.servers.clone() }
    }

    async fn tell_at(&self, node: &str, word: &str) -> Result<(), Fault> {
        if word.len() > MAX_WORD_BYTES {
            return Err(Fault::Nonsense);
        }
        let (nodes, words) = (self.servers.names.nodes(BUCKET), self.servers.names.words(BUCKET));
        let life = WORD.as_millis().to_string();
        let args = [node.as_bytes(), word.as_bytes(), life.as_bytes()];
        self.servers.run(BUCKET, &script::TELL, &[&nodes, &format!("{words}{node}")], &args).await.map(drop)
    }

    async fn all_at(&self) -> Result<Vec<String>, Fault> {
        let (nodes, words) = (self.servers.names.nodes(BUCKET), self.servers.names.words(BUCKET));
        let most = MOST_NODES.to_string();
        let answer = self.servers.run(BUCKET, &script::WORDS, &[&nodes], &[words.as_bytes(), most.as_bytes()]).await?;
        let mut answer: Vec<String> = from_redis_value(answer).map_err(|_| Fault::Nonsense)?;
        if answer.first() != Some(&nodes) {
            return Err(Fault::Nonsense);
        }
        answer.remove(0);
        Ok(answer)
    }
}

impl Roster for RedisRoster {
    fn tell<'a>(&'a self, node: &'a str, word: &'a str) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        Box::pin(async move { self.tell_at(node, word).await.map_err(StoreUnavailable::from) })
    }

    fn all(&self) -> BoxFuture<'_, Result<Vec<String>, StoreUnavailable>> {
        Box::pin(async move { self.all_at().await.map_err(StoreUnavailable::from) })
    }

    fn is_shared(&self) -> bool {
        true
    }
}
