//! Which server has what, followed as it changes.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::sync::{Notify, Semaphore, watch};

use super::DEADLINE;
use super::link::Task;
use super::names::Names;
use super::node::{Node, Shared};
use super::options::{Address, Deployment, RedisOptions};
use super::resolve::{Placement, Resolver};
use super::script::Script;

/// How often Sentinels and Cluster are asked who has what.
const RESOLVING: Duration = Duration::from_millis(500);

/// The servers of one deployment.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) shared: Arc<Shared>,
    pub(crate) names: Names,
    table: watch::Receiver<Arc<Table>>,
    permits: Semaphore,
    outdated: Arc<Notify>,
    _resolver: Option<Task>,
}

/// Which server has which bucket.
#[derive(Debug)]
struct Table {
    buckets: Vec<Arc<Node>>,
    control: Arc<Node>,
}

/// Why something was not done, or is not known to have been.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Too much is under way.
    Busy,
    /// There is no connection.
    Down,
    /// There was no answer in time.
    Late,
    /// The connection broke, or the server refused.
    Server(RedisError),
    /// The answer is no answer to what was asked.
    Nonsense,
}

impl Fault {
    pub(crate) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Server(error) if error.code() == Some("OOM"))
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        Self::Server(error)
    }
}

impl Servers {
    /// Asks who has what, and connects to them.
    pub(super) async fn reach(options: RedisOptions) -> Result<Self, RedisError> {
        let shared = Arc::new(Shared::new(options));
        let names = Names::of(&shared.options);
        let mut resolver = Resolver::new(shared.clone(), &names);
        let placement = resolver.ask().await?;
        let first = Arc::new(Table::of(&placement, None, &shared));
        let (tables, table) = watch::channel(first);
        let outdated = Arc::new(Notify::new());
        let follow = follow(resolver, tables, shared.clone(), outdated.clone());
        let is_fixed = matches!(shared.options.deployment, Deployment::Standalone(_));
        let resolver = (!is_fixed).then(|| Task::spawn(follow));
        let permits = Semaphore::new(shared.options.in_flight);
        Ok(Self { shared, names, table, permits, outdated, _resolver: resolver })
    }

    /// Runs a script for a bucket: once, within the deadline. It may have run although there is no answer.
    pub(crate) async fn run(&self, bucket: u8, script: &Script, keys: &[&str], args: &[&[u8]]) -> Result<Value, Fault> {
        let run = pin!(async {
            match self.on_node(self.of_bucket(bucket), script.by_hash(keys, args)).await {
                // It did not run: the server has restarted, or never met the script.
                Err(Fault::Server(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    self.on_node(self.of_bucket(bucket), script.by_text(keys, args)).await
                }
                // Neither did it here: another server has the slot.
                Err(Fault::Server(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) => {
                    self.elsewhere().await;
                    self.on_node(self.of_bucket(bucket), script.by_text(keys, args)).await
                }
                other => other,
            }
        });
        self.bounded(run).await
    }

    /// Runs a command on the server that has the stream, as [`run`](Self::run) does.
    pub(crate) async fn run_at_control(&self, command: Cmd) -> Result<Value, Fault> {
        self.bounded(pin!(self.on_node(self.control(), command))).await
    }

    /// Runs a command on every server.
    pub(super) async fn on_all(&self, command: impl Fn(u8) -> Cmd) -> Result<Vec<(Address, Value)>, (Address, Fault)> {
        let mut answers: Vec<(Address, Value)> = Vec::new();
        let table = self.table.borrow().clone();
        for (bucket, node) in (0..=u8::MAX).zip(&table.buckets) {
            if answers.iter().all(|(address, _)| address != node.address()) {
                let address = node.address().clone();
                match self.bounded(pin!(self.on_node(node.clone(), command(bucket)))).await {
                    Ok(answer) => answers.push((address, answer)),
                    Err(fault) => return Err((address, fault)),
                }
            }
        }
        Ok(answers)
    }

    /// The server that has the stream.
    pub(crate) fn control(&self) -> Arc<Node> {
        self.table.borrow().control.clone()
    }

    /// Waits until there is a connection to every server.
    pub(super) async fn live(&self) {
        let table = self.table.borrow().clone();
        for node in &table.buckets {
            node.live().await;
        }
        table.control.live().await;
    }

    fn of_bucket(&self, bucket: u8) -> Arc<Node> {
        self.table.borrow().buckets[usize::from(bucket)].clone()
    }

    /// Pinned already: what it is given is large, and would be copied from hand to hand.
    async fn bounded(&self, run: Pin<&mut impl Future<Output = Result<Value, Fault>>>) -> Result<Value, Fault> {
        let _permit = self.permits.try_acquire().map_err(|_| Fault::Busy)?;
        tokio::time::timeout(DEADLINE, run).await.unwrap_or(Err(Fault::Late))
    }

    async fn on_node(&self, node: Arc<Node>, command: Cmd) -> Result<Value, Fault> {
        let Some(mut connection) = node.connection() else {
            self.outdated.notify_one();
            return Err(Fault::Down);
        };
        let mut doubt = Doubt { node: Some(node) };
        let answer = connection.send_packed_command(&command).await.and_then(Value::extract_error);
        match &answer {
            Err(error) if is_of_server(error) => self.outdated.notify_one(),
            Err(error) if error.is_io_error() || error.is_unrecoverable_error() => return Ok(answer?),
            _ => {}
        }
        doubt.node = None;
        Ok(answer?)
    }

    /// Waits until the table has changed.
    async fn elsewhere(&self) {
        let mut table = self.table.clone();
        table.mark_unchanged();
        self.outdated.notify_one();
        // Without a change the caller's deadline ends this.
        let _ = table.changed().await;
    }
}

/// Has a server tried out when nobody waits for its answer any more.
struct Doubt {
    node: Option<Arc<Node>>,
}

impl Drop for Doubt {
    fn drop(&mut self) {
        if let Some(node) = &self.node {
            node.doubt();
        }
    }
}

/// Whether a server said that it is not the one to ask.
fn is_of_server(error: &RedisError) -> bool {
    use ServerErrorKind::{ClusterDown, MasterDown, Moved, ReadOnly};
    matches!(error.kind(), ErrorKind::Server(ClusterDown | MasterDown | Moved | ReadOnly))
}

impl Table {
    /// Keeps the connections of a table to servers that stay.
    fn of(placement: &Placement, before: Option<&Self>, shared: &Arc<Shared>) -> Self {
        let mut nodes: HashMap<&Address, Arc<Node>> = HashMap::new();
        if let Some(before) = before {
            nodes.extend(before.buckets.iter().chain([&before.control]).map(|node| (node.address(), node.clone())));
        }
        let mut node = |address| {
            let keep = || Arc::new(Node::keep(Address::clone(address), shared.clone()));
            nodes.entry(address).or_insert_with(keep).clone()
        };
        Self { buckets: placement.buckets.iter().map(&mut node).collect(), control: node(&placement.control) }
    }

    fn is(&self, placement: &Placement) -> bool {
        self.control.address() == &placement.control
            && self.buckets.iter().map(|node| node.address()).eq(placement.buckets.iter())
    }
}

async fn follow(mut resolver: Resolver, tables: watch::Sender<Arc<Table>>, shared: Arc<Shared>, outdated: Arc<Notify>) {
    loop {
        tokio::select! {
            () = outdated.notified() => {}
            () = tokio::time::sleep(RESOLVING) => {}
        }
        if let Ok(placement) = resolver.ask().await {
            let before = tables.borrow().clone();
            if !before.is(&placement) {
                tables.send_replace(Arc::new(Table::of(&placement, Some(&before), &shared)));
            }
        } else {
            // Nobody to ask: not more often for being asked for it.
            tokio::time::sleep(RESOLVING / 4).await;
        }
    }
}
