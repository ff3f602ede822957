//! Tickets in Redis or Valkey: standalone, behind Sentinels, or a Cluster.
//!
//! Each redemption is one script and one round trip: it takes the grant, compares the fence, reads the marks and writes
//! the session's record. It is never sent twice, has a deadline of 250 ms, and runs to its end even when nobody waits for
//! it any more.
//!
//! Servers have to be Redis 7 or Valkey, with `maxmemory-policy noeviction`. The ACL user needs the keys `~<prefix>:*`
//! and `+eval +evalsha +info +get +set +getdel +mget +del +exists +ttl +pexpiretime +pexpireat +time +zadd +zrem +zcard +zrange
//! +zremrangebyscore +xadd +xread +xrange`, in a Cluster `+cluster|slots`, with another database `+select`.
//!
//! While a Cluster moves a slot, a redemption of a ticket in it may be refused; with the fence, tickets that were minted
//! before it moved are refused from then on, and their owners mint again.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use admitone::{admission::Admission, revocation::redis::RedisRevocations, ticket::keys::TicketKeys};
//! # use admitone::store::redis::{Deployment, Redis, RedisOptions, RedisTicketStore};
//! # async fn admission(secret: &[u8], tag_secret: &[u8]) -> Result<Admission, Box<dyn std::error::Error>> {
//! // The same secrets on every node: 32 random bytes each.
//! let keys = TicketKeys::new(&[(1, secret)], tag_secret)?;
//! let mut options = RedisOptions::new(Deployment::Standalone("redis.internal:6379".parse()?));
//! options.prefix = "chat".into();
//! let redis = Redis::connect(options).await?;
//! for warning in &redis.greeting().warnings {
//!     eprintln!("{warning}");
//! }
//! let revocations = RedisRevocations::start(&redis, keys.tagging()).await?;
//! let store = RedisTicketStore::new(&redis);
//! Ok(Admission::new(keys, Arc::new(store), Arc::new(revocations)).on_node("node-1"))
//! # }
//! ```

mod directory;
#[cfg(fuzzing)]
pub mod fuzzing;
mod greeting;
mod link;
mod names;
mod node;
mod options;
mod record;
mod resolve;
mod roster;
mod script;
mod servers;
mod slot;

use std::sync::Arc;
use std::time::Duration;

use redis::{Value, from_redis_value};

use super::{BoxFuture, Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey, TicketStore};
use crate::grant::{Grant, SessionId};
use crate::now::Now;
use crate::revocation::Mark;
use crate::ticket::SubjectTag;

pub use directory::RedisDirectory;
pub use greeting::{ConnectError, Greeting, Warning};
pub(crate) use link::{Backoff, Link, Task};
pub(crate) use names::mark;
pub use options::{Address, AddressError, Credentials, Deployment, Fence, OptionError, RedisOptions};
pub use roster::RedisRoster;
pub(crate) use script::{ANNOUNCE, MARK, POST, REPLACE};
pub(crate) use servers::{Fault, Servers};

/// How long an operation may take.
const DEADLINE: Duration = Duration::from_millis(250);

/// A deployment that is connected to, and reconnected to by itself.
#[derive(Clone, Debug)]
pub struct Redis {
    servers: Arc<Servers>,
    greeting: Arc<Greeting>,
}

impl Redis {
    /// Connects, and checks that the servers can keep what the options promise. Call it inside a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], with the mend in its text, after at most five seconds.
    pub async fn connect(options: RedisOptions) -> Result<Self, ConnectError> {
        let (servers, greeting) = greeting::reach(options).await?;
        Ok(Self { servers: Arc::new(servers), greeting: Arc::new(greeting) })
    }

    /// What the servers said of themselves when connected to: versions and warnings.
    #[must_use]
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The latest trouble with a server, for logs.
    #[must_use]
    pub fn latest_fault(&self) -> Option<Arc<str>> {
        self.servers.shared.fault()
    }

    pub(crate) fn servers(&self) -> &Arc<Servers> {
        &self.servers
    }
}

/// Grants in Redis or Valkey.
#[derive(Clone, Debug)]
pub struct RedisTicketStore {
    servers: Arc<Servers>,
}

impl RedisTicketStore {
    /// The tickets of a deployment.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { servers: redis.servers.clone() }
    }

    async fn put_at(&self, key: TicketKey, stored: Stored, now: Now) -> Result<(), PutError> {
        let names = &self.servers.names;
        let (grant, outstanding) = (names.grant(key), names.outstanding(key.subject));
        let written = record::write(&stored).ok_or(PutError::Unavailable)?;
        let life = (stored.grant.expires_at.saturating_sub(now.unix) * 1000).max(1).to_string();
        let cap = self.servers.shared.options.per_subject;
        let args = [
            record::VERSION.as_bytes(),
            written.uses.as_bytes(),
            &written.rest,
            if self.is_fenced() { b"1" } else { b"0" },
            life.as_bytes(),
            &names::hex(&key.id.0).into_bytes(),
            &cap.to_string().into_bytes(),
        ];
        let answer = self.servers.run(key.subject.bucket(), &script::PUT, &[&grant, &outstanding], &args).await;
        match answer.and_then(|answer| Answer::read(answer, &grant)) {
            Ok(answer) if answer.is("put") => Ok(()),
            Ok(answer) if answer.is("cap") => Err(PutError::SubjectCap(cap)),
            Err(fault) if fault.is_out_of_memory() => Err(PutError::OutOfMemory),
            _ => Err(PutError::Unavailable),
        }
    }

    async fn peek_at(&self, key: TicketKey) -> Result<Option<Taken>, Fault> {
        let names = &self.servers.names;
        let (grant, bucket) = (names.grant(key), key.subject.bucket());
        let [prefix, subject, everything] = self.covering(key.subject);
        let args = [prefix.as_bytes(), subject.as_bytes(), everything.as_bytes(), b"fenced"];
        let args = &args[..if self.is_fenced() { 4 } else { 3 }];
        let answer = self.servers.run(bucket, &script::PEEK, &[&grant], args).await?;
        let Some((mut taken, uses)) = Answer::read(answer, &grant)?.taken("there")? else { return Ok(None) };
        taken.stored.uses = uses.saturating_sub(taken.use_number - 1);
        Ok(Some(taken))
    }

    async fn take_at(&self, key: TicketKey, record: Record) -> Result<Option<Taken>, Fault> {
        let names = &self.servers.names;
        let (grant, outstanding) = (names.grant(key), names.outstanding(key.subject));
        let [prefix, subject, everything] = self.covering(key.subject);
        let args = [
            prefix.as_bytes(),
            subject.as_bytes(),
            everything.as_bytes(),
            record.text.as_bytes(),
            record.life.as_bytes(),
            b"fenced",
        ];
        let args = &args[..if self.is_fenced() { 6 } else { 5 }];
        let answer = self.servers.run(key.subject.bucket(), &script::TAKE, &[&grant, &outstanding], args).await?;
        let Some((mut taken, uses)) = Answer::read(answer, &grant)?.taken("taken")? else { return Ok(None) };
        taken.stored.uses = uses.saturating_sub(taken.use_number);
        Ok(Some(taken))
    }

    async fn discard_at(&self, key: TicketKey) -> Result<bool, Fault> {
        let names = &self.servers.names;
        let (grant, outstanding) = (names.grant(key), names.outstanding(key.subject));
        let args = [names::hex(&key.id.0).into_bytes()];
        let args = args.each_ref().map(Vec::as_slice);
        let answer = self.servers.run(key.subject.bucket(), &script::DISCARD, &[&grant, &outstanding], &args).await?;
        was_removed(answer, &grant)
    }

    async fn discard_session_at(&self, subject: SubjectTag, session: &SessionId) -> Result<bool, Fault> {
        let (names, bucket) = (&self.servers.names, subject.bucket());
        let (outstanding, grants) = (names.outstanding(subject), names.grants(bucket));
        let args = [grants.as_bytes(), session.as_str().as_bytes()];
        let answer = self.servers.run(bucket, &script::DISCARD_SESSION, &[&outstanding], &args).await?;
        was_removed(answer, &outstanding)
    }

    async fn enter_at(&self, entrance: Entrance) -> Result<Option<Mark>, Fault> {
        let Entrance { bucket, record_name, issued_at, record, marks } = entrance;
        let mut args = vec![issued_at.as_bytes(), record.text.as_bytes(), record.life.as_bytes()];
        args.extend(marks.iter().map(|(_, name)| name.as_bytes()));
        let answer = self.servers.run(bucket, &script::ENTER, &[&record_name], &args).await?;
        let (name, mark): (String, usize) = from_redis_value(answer).map_err(|_| Fault::Nonsense)?;
        if name != record_name {
            return Err(Fault::Nonsense);
        }
        let mark = mark.checked_sub(1).map(|at| marks.get(at).ok_or(Fault::Nonsense)).transpose()?;
        Ok(mark.map(|(mark, _)| *mark))
    }

    async fn probe_all(&self) -> Result<(), Fault> {
        let names = &self.servers.names;
        let asked = |bucket| redis::cmd("EXISTS").arg(names.nothing(bucket)).to_owned();
        self.servers.on_all(asked).await.map(drop).map_err(|(_, fault)| fault)
    }

    fn record(&self, subject: SubjectTag, opening: Opening<'_>, now: Now) -> Record {
        let Opening { node, deadline } = opening;
        // Its node leases it again, for as long as it holds it.
        let life = deadline.saturating_sub(now.unix).min(self.servers.shared.options.lease.as_secs());
        Record { text: record_text(subject, node, deadline), life: life.max(1).to_string() }
    }

    fn is_fenced(&self) -> bool {
        self.servers.shared.options.fence == Fence::Replid
    }

    /// What `marks.lua` needs beside a grant: what its bucket's keys begin with, its subject's mark, and that of everything.
    fn covering(&self, subject: SubjectTag) -> [String; 3] {
        let (names, bucket) = (&self.servers.names, subject.bucket());
        let of_subject = format!("{}{}", names.marks(bucket), mark::subject(subject));
        [names.bucket(bucket), of_subject, format!("{}{}", names.wide_marks(bucket), mark::EVERYTHING)]
    }
}

impl TicketStore for RedisTicketStore {
    fn put(&self, key: TicketKey, stored: Stored, now: Now) -> BoxFuture<'_, Result<(), PutError>> {
        Box::pin(self.put_at(key, stored, now))
    }

    fn peek(&self, key: TicketKey, _: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        Box::pin(async move { self.peek_at(key).await.map_err(StoreUnavailable::from) })
    }

    fn take(
        &self,
        key: TicketKey,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        let (store, record) = (self.clone(), self.record(key.subject, opening, now));
        let taking: BoxFuture<'static, _> = Box::pin(async move { store.take_at(key, record).await });
        Box::pin(async move {
            // In a task of its own: a caller that goes away leaves a whole redemption behind, not half of one.
            let taken = tokio::spawn(taking).await.map_err(|_| StoreUnavailable)?;
            taken.map_err(StoreUnavailable::from)
        })
    }

    fn discard(&self, key: TicketKey, _: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        Box::pin(async move { self.discard_at(key).await.map_err(StoreUnavailable::from) })
    }

    fn discard_session<'a>(
        &'a self,
        subject: SubjectTag,
        session: &'a SessionId,
        _: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(async move { self.discard_session_at(subject, session).await.map_err(StoreUnavailable::from) })
    }

    fn enter(
        &self,
        subject: SubjectTag,
        entrant: &Grant,
        session_id: &SessionId,
        opening: Opening<'_>,
        now: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>> {
        let bucket = subject.bucket();
        let names = &self.servers.names;
        let record_name = format!("{}{session_id}", names.records(bucket));
        let entrance = Entrance {
            bucket,
            record_name,
            issued_at: entrant.login.issued_at.to_string(),
            record: self.record(subject, opening, now),
            marks: marks_of(subject, entrant, session_id, (&names.marks(bucket), &names.wide_marks(bucket))),
        };
        Box::pin(async move { self.enter_at(entrance).await.map_err(StoreUnavailable::from) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        Box::pin(async move { self.probe_all().await.map_err(StoreUnavailable::from) })
    }
}

impl From<Fault> for StoreUnavailable {
    fn from(_: Fault) -> Self {
        Self
    }
}

/// What is written of a session: whose, on which node, until when.
struct Record {
    text: String,
    life: String,
}

fn record_text(subject: SubjectTag, node: &str, deadline: u64) -> String {
    let node = serde_json::Value::from(node);
    format!(r#"{{"subject":"{}","node":{node},"deadline":{deadline}}}"#, names::hex(&subject.0))
}

struct Entrance {
    bucket: u8,
    record_name: String,
    issued_at: String,
    record: Record,
    marks: Vec<(Mark, String)>,
}

/// The keys of all marks that could cover a login's session; which are wide says [`names`].
fn marks_of(
    subject: SubjectTag,
    entrant: &Grant,
    session_id: &SessionId,
    (narrow, wide): (&str, &str),
) -> Vec<(Mark, String)> {
    let issuer = entrant.principal.issuer();
    let mut marks = vec![(Mark::Session, format!("{narrow}{}", mark::session(session_id)))];
    marks.extend(session_id.of_ticket().map(|id| (Mark::Session, format!("{narrow}{}", mark::session(&id)))));
    marks.extend(entrant.login.sid.iter().map(|sid| (Mark::Sid, format!("{wide}{}", mark::sid(issuer, sid)))));
    marks.extend(entrant.login.jti.iter().map(|jti| (Mark::Jti, format!("{wide}{}", mark::jti(issuer, jti)))));
    marks.push((Mark::Subject, format!("{narrow}{}", mark::subject(subject))));
    marks.push((Mark::Everything, format!("{wide}{}", mark::EVERYTHING)));
    marks
}

/// The answer of a script that removes a grant.
fn was_removed(answer: Value, about: &str) -> Result<bool, Fault> {
    let (name, removed): (String, u32) = from_redis_value(answer).map_err(|_| Fault::Nonsense)?;
    if name == about { Ok(removed == 1) } else { Err(Fault::Nonsense) }
}

/// A script's answer, which names what it is about.
struct Answer {
    outcome: String,
    rest: std::vec::IntoIter<Value>,
}

impl Answer {
    fn read(answer: Value, about: &str) -> Result<Self, Fault> {
        let Value::Array(parts) = answer else { return Err(Fault::Nonsense) };
        let mut rest = parts.into_iter();
        let (Some(Value::BulkString(name)), Some(Value::BulkString(outcome))) = (rest.next(), rest.next()) else {
            return Err(Fault::Nonsense);
        };
        if name != about.as_bytes() {
            return Err(Fault::Nonsense);
        }
        Ok(Self { outcome: String::from_utf8(outcome).map_err(|_| Fault::Nonsense)?, rest })
    }

    fn is(&self, outcome: &str) -> bool {
        self.outcome == outcome
    }

    /// A grant with its mark and the number of its use, and its uses in all. In the outcome's place it is that of a ticket's
    /// only use, which no mark covers.
    fn taken(mut self, outcome: &str) -> Result<Option<(Taken, u32)>, Fault> {
        if self.outcome.starts_with(record::VERSION) {
            let stored = record::read(self.outcome.as_bytes()).ok_or(Fault::Nonsense)?;
            let uses = stored.uses;
            return Ok(Some((Taken { stored, use_number: 1, mark: None }, uses)));
        }
        if !self.is(outcome) {
            return Ok(None);
        }
        let rest = (self.rest.next(), self.rest.next(), self.rest.next());
        let (Some(Value::Int(mark)), Some(Value::Int(number)), Some(Value::BulkString(text))) = rest else {
            return Err(Fault::Nonsense);
        };
        let use_number = u32::try_from(number).map_err(|_| Fault::Nonsense)?;
        let stored = record::read(&text).ok_or(Fault::Nonsense)?;
        let uses = stored.uses;
        Ok(Some((Taken { stored, use_number, mark: mark_at(mark)? }, uses)))
    }
}

/// The marks in the order in which `marks.lua` reads them.
fn mark_at(number: i64) -> Result<Option<Mark>, Fault> {
    const MARKS: [Mark; 6] = [Mark::Session, Mark::Session, Mark::Sid, Mark::Jti, Mark::Subject, Mark::Everything];
    if number == 0 {
        return Ok(None);
    }
    let at = usize::try_from(number - 1).map_err(|_| Fault::Nonsense)?;
    MARKS.get(at).copied().map(Some).ok_or(Fault::Nonsense)
}
