use std::sync::Arc;
use std::time::Duration;

use redis::from_redis_value;
use serde::Deserialize;

use super::script::Script;
use super::servers::{Fault, Servers};
use super::{Answer, Redis, names, record_text, script};
use crate::grant::SessionId;
use crate::store::directory::{Directory, Lease};
use crate::store::{BoxFuture, StoreUnavailable};
use crate::ticket::SubjectTag;

/// Most sessions of one call: a script stops everything else that its server does.
const BATCH: usize = 200;

/// The sessions of all nodes, in Redis or Valkey: a record each, and the places that each subject's have taken.
#[derive(Clone, Debug)]
pub struct RedisDirectory {
    servers: Arc<Servers>,
}

#[derive(Deserialize)]
struct Record {
    node: String,
}

impl RedisDirectory {
    /// The sessions of a deployment.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { servers: redis.servers.clone() }
    }

    async fn find_at(&self, session: &SessionId) -> Result<Option<String>, Fault> {
        let bucket = session.bucket();
        let name = format!("{}{session}", self.servers.names.records(bucket));
        let answer = Answer::read(self.servers.run(bucket, &script::FIND, &[&name], &[]).await?, &name)?;
        if answer.is("") {
            return Ok(None);
        }
        let record: Record = serde_json::from_str(&answer.outcome).map_err(|_| Fault::Nonsense)?;
        Ok(Some(record.node))
    }

    async fn claim_at(&self, lease: &Lease, most: u32) -> Result<bool, Fault> {
        let places = self.places(lease.subject);
        let args = [lease.session.as_str().as_bytes(), &most.to_string().into_bytes(), &self.life()];
        let answer = self.servers.run(lease.subject.bucket(), &script::CLAIM, &[&places], &args).await?;
        Ok(Answer::read(answer, &places)?.is("claimed"))
    }

    async fn lease_at(&self, node: &str, leases: &[Lease]) -> Result<(), Fault> {
        for batch in leases.chunks(BATCH) {
            let written = batch.iter().map(|lease| {
                let record = record_text(lease.subject, node, lease.deadline);
                [lease.session.to_string(), names::hex(&lease.subject.0), record]
            });
            self.run_for(batch, &script::LEASE, &self.life(), written.flatten().collect()).await?;
        }
        Ok(())
    }

    async fn release_at(&self, leases: &[Lease]) -> Result<(), Fault> {
        for batch in leases.chunks(BATCH) {
            let written = batch.iter().map(|lease| [lease.session.to_string(), names::hex(&lease.subject.0)]);
            self.run_for(batch, &script::RELEASE, b"", written.flatten().collect()).await?;
        }
        Ok(())
    }

    /// Runs a script that takes a life, what records and places begin with, and then something of each session.
    async fn run_for(&self, leases: &[Lease], script: &Script, life: &[u8], of_each: Vec<String>) -> Result<(), Fault> {
        let Some(first) = leases.first() else { return Ok(()) };
        let (bucket, names) = (first.subject.bucket(), &self.servers.names);
        let (records, places) = (names.records(bucket), names.places(bucket));
        let mut args = vec![life, records.as_bytes(), places.as_bytes()];
        args.extend(of_each.iter().map(String::as_bytes));
        self.servers.run(bucket, script, &[&names.nothing(bucket)], &args).await.map(drop)
    }

    async fn count_at(&self, subject: SubjectTag) -> Result<u32, Fault> {
        let places = self.places(subject);
        let answer = self.servers.run(subject.bucket(), &script::COUNT, &[&places], &[]).await?;
        let (name, count): (String, u32) = from_redis_value(answer).map_err(|_| Fault::Nonsense)?;
        if name == places { Ok(count) } else { Err(Fault::Nonsense) }
    }

    fn places(&self, subject: SubjectTag) -> String {
        format!("{}{}", self.servers.names.places(subject.bucket()), names::hex(&subject.0))
    }

    /// Milliseconds.
    fn life(&self) -> Vec<u8> {
        self.servers.shared.options.lease.as_millis().to_string().into_bytes()
    }
}

impl Directory for RedisDirectory {
    fn find<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Option<String>, StoreUnavailable>> {
        Box::pin(async move { self.find_at(session).await.map_err(StoreUnavailable::from) })
    }

    fn claim<'a>(&'a self, lease: &'a Lease, most: u32) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(async move { self.claim_at(lease, most).await.map_err(StoreUnavailable::from) })
    }

    fn lease<'a>(&'a self, node: &'a str, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        Box::pin(async move { self.lease_at(node, leases).await.map_err(StoreUnavailable::from) })
    }

    fn release<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        Box::pin(async move { self.release_at(leases).await.map_err(StoreUnavailable::from) })
    }

    fn count(&self, subject: SubjectTag) -> BoxFuture<'_, Result<u32, StoreUnavailable>> {
        Box::pin(async move { self.count_at(subject).await.map_err(StoreUnavailable::from) })
    }

    fn lease_life(&self) -> Option<Duration> {
        Some(self.servers.shared.options.lease)
    }
}
