//! Follows the stream, and writes again what the servers forgot.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError};

use super::entry::{Entry, FIELD};
use super::{Shared, marks, orders};
use crate::now::Now;
use crate::revocation::Revocation;
use crate::rollout::ROLLOUTS;
use crate::store::redis::{Backoff, Fault, Link, Task};

/// How long the server may hold back its answer when there is nothing new.
const WAIT: Duration = Duration::from_millis(500);

/// How much longer an answer may be on its way.
const LATE: Duration = Duration::from_millis(500);

const PAGE: usize = 1000;

/// A stream entry: its id, then fields and values.
type Row = (String, Vec<String>);

pub(super) struct Follower {
    shared: Arc<Shared>,
    /// The last entry read.
    cursor: String,
    /// The streams of orders, and the last entry read of each.
    orders: Vec<(String, String)>,
    /// The servers that the mirror was last compared with.
    generation: u64,
    /// The servers may lack something that the mirror has, or the other way round.
    must_compare: bool,
    rewriting: Option<Task>,
}

impl Follower {
    /// Reads the whole stream into the mirror.
    pub(super) async fn start(shared: Arc<Shared>) -> Result<Self, RedisError> {
        let generation = *shared.servers.shared.generation.borrow();
        let orders = shared.order_streams().into_iter().map(|stream| (stream, FIRST.to_owned())).collect();
        let cursor = FIRST.to_owned();
        let mut follower = Self { shared, cursor, orders, generation, must_compare: false, rewriting: None };
        let link = follower.connect().await?;
        follower.load(&link).await?;
        follower.skip_orders(&link).await?;
        Ok(follower)
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let node = self.shared.servers.control();
            let fault = match self.connect().await {
                Ok(link) => self.listen(link, &mut backoff).await,
                Err(fault) => fault,
            };
            self.shared.servers.shared.note(node.address(), &fault);
            backoff.pause().await;
        }
    }

    async fn connect(&self) -> Result<Link, RedisError> {
        let servers = &self.shared.servers;
        Link::to_server(servers.control().address(), &servers.shared.options).await
    }

    /// Returns why it cannot go on.
    async fn listen(&mut self, link: Link, backoff: &mut Backoff) -> RedisError {
        let shared = self.shared.clone();
        let node = shared.servers.control();
        let mut generations = shared.servers.shared.generation.subscribe();
        match self.is_cursor_there(&link).await {
            Ok(is_there) => self.must_compare |= !is_there,
            Err(fault) => return fault,
        }
        shared.servers.shared.hear_of_rollouts();
        loop {
            let generation = *generations.borrow_and_update();
            if self.must_compare || self.generation != generation {
                if let Err(fault) = self.compare(&link).await {
                    return fault;
                }
                (self.generation, self.must_compare) = (generation, false);
            }
            tokio::select! {
                read = self.read(&link) => match read {
                    Ok(()) => backoff.reset(),
                    Err(fault) => return fault,
                },
                _ = generations.changed() => {}
                () = shared.unwritten.notified() => self.must_compare = true,
            }
            if !Arc::ptr_eq(&node, &shared.servers.control()) {
                return fault("the stream has moved");
            }
        }
    }

    /// Whether the stream still has what was read last.
    async fn is_cursor_there(&self, link: &Link) -> Result<bool, RedisError> {
        if self.cursor == FIRST {
            return Ok(true);
        }
        let rows: Vec<Row> = ask(link, self.range(&self.cursor, &self.cursor)).await?;
        Ok(!rows.is_empty())
    }

    /// Reads the whole stream, has every session compared, and writes what the servers lack.
    async fn compare(&mut self, link: &Link) -> Result<(), RedisError> {
        let known = self.load(link).await?;
        self.skip_lost_orders(link).await?;
        self.shared.journal.lose();
        self.shared.servers.shared.hear_of_rollouts();
        let shared = self.shared.clone();
        self.rewriting = Some(Task::spawn(async move { rewrite(&shared, &known).await }));
        Ok(())
    }

    async fn load(&mut self, link: &Link) -> Result<HashSet<Revocation>, RedisError> {
        let (mut known, mut cursor) = (HashSet::new(), FIRST.to_owned());
        loop {
            let rows: Vec<Row> = ask(link, self.range(&format!("({cursor}"), "+")).await?;
            let Some((last, _)) = rows.last() else { break };
            cursor.clone_from(last);
            let now = Now::read();
            for (revocation, life) in revocations(rows, now) {
                self.shared.mirror.add_for(&revocation, life, now);
                known.insert(revocation);
            }
        }
        self.cursor = cursor;
        self.shared.hear();
        Ok(known)
    }

    /// Goes on behind the orders of the past: they were for those who were there.
    async fn skip_orders(&mut self, link: &Link) -> Result<(), RedisError> {
        let now = server_time(link).await?;
        self.orders.iter_mut().for_each(|(_, cursor)| *cursor = before(now));
        Ok(())
    }

    /// A server whose clock is behind that of the one before writes entries that look read.
    async fn skip_lost_orders(&mut self, link: &Link) -> Result<(), RedisError> {
        let now = server_time(link).await?;
        for (_, cursor) in &mut self.orders {
            let last = cursor.split('-').next().and_then(|ms| ms.parse::<u64>().ok());
            if last.is_none_or(|last| last > now) {
                *cursor = before(now);
            }
        }
        Ok(())
    }

    /// Waits a while for what is new.
    async fn read(&mut self, link: &Link) -> Result<(), RedisError> {
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(PAGE).arg("BLOCK").arg(WAIT.as_millis() as u64);
        let control = self.shared.servers.names.control();
        command.arg("STREAMS").arg(&control).arg(self.orders.iter().map(|(stream, _)| stream).collect::<Vec<_>>());
        command.arg(&self.cursor).arg(self.orders.iter().map(|(_, cursor)| cursor).collect::<Vec<_>>());
        let streams: Option<Vec<(String, Vec<Row>)>> = ask(link, command).await?;
        for (stream, rows) in streams.into_iter().flatten() {
            let Some((last, _)) = rows.last() else { continue };
            match self.orders.iter_mut().find(|(name, _)| *name == stream) {
                None => {
                    self.cursor.clone_from(last);
                    self.apply(rows);
                }
                Some((_, cursor)) => {
                    cursor.clone_from(last);
                    if rows.iter().any(|(_, fields)| fields.first().is_some_and(|field| field == ROLLOUTS)) {
                        self.shared.servers.shared.hear_of_rollouts();
                    }
                    let orders = texts(rows, orders::FIELD);
                    // A newer node may order what this one does not know.
                    orders.filter_map(|text| serde_json::from_str(&text).ok()).for_each(|order| {
                        self.shared.orders.add(order);
                    });
                }
            }
        }
        self.shared.hear();
        Ok(())
    }

    fn apply(&self, rows: Vec<Row>) {
        let now = Now::read();
        for (revocation, life) in revocations(rows, now) {
            self.shared.apply(&revocation, life, now);
        }
    }

    fn range(&self, from: &str, to: &str) -> Cmd {
        let mut command = redis::cmd("XRANGE");
        command.arg(self.shared.servers.names.control()).arg(from).arg(to).arg("COUNT").arg(PAGE);
        command
    }
}

/// Before every entry.
const FIRST: &str = "0-0";

/// Writes every mark of the mirror, and announces those that the stream has lost, until all are written.
async fn rewrite(shared: &Shared, known: &HashSet<Revocation>) {
    let mut backoff = Backoff::default();
    while rewrite_once(shared, known).await.is_err() {
        backoff.pause().await;
    }
}

async fn rewrite_once(shared: &Shared, known: &HashSet<Revocation>) -> Result<(), Fault> {
    let now = Now::read();
    for (revocation, life) in shared.mirror.all(now) {
        marks::write(shared, None, &revocation, life).await?;
        if !known.contains(&revocation) {
            shared.announce(&revocation, life, now).await?;
        }
    }
    Ok(())
}

/// What rows take back, and for how long that still matters.
fn revocations(rows: Vec<Row>, now: Now) -> impl Iterator<Item = (Revocation, Duration)> {
    texts(rows, FIELD).filter_map(move |text| {
        let entry = Entry::read(&text)?;
        let life = entry.life(now);
        Some((entry.revocation()?, life))
    })
}

/// The values of a field.
fn texts(rows: Vec<Row>, sought: &'static str) -> impl Iterator<Item = String> {
    let fields = rows.into_iter().flat_map(|(_, fields)| {
        let mut fields = fields.into_iter();
        std::iter::from_fn(move || Some((fields.next()?, fields.next()?)))
    });
    fields.filter(move |(field, _)| field == sought).map(|(_, text)| text)
}

/// Before every entry of a millisecond: of those some may be yet to come.
fn before(millisecond: u64) -> String {
    format!("{}-{}", millisecond.saturating_sub(1), u64::MAX)
}

/// Unix milliseconds.
async fn server_time(link: &Link) -> Result<u64, RedisError> {
    let (seconds, micros): (u64, u64) = ask(link, redis::cmd("TIME").to_owned()).await?;
    Ok(seconds * 1000 + micros / 1000)
}

async fn ask<T: FromRedisValue>(link: &Link, command: Cmd) -> Result<T, RedisError> {
    let mut connection = link.connection.clone();
    let answer = tokio::time::timeout(WAIT + LATE, command.query_async(&mut connection)).await;
    answer.map_err(|_| fault("the server does not answer"))?
}

fn fault(text: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, text))
}
