//! One server, its connection kept alive.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::{Notify, watch};

use super::DEADLINE;
use super::link::{Backoff, Link, Task};
use super::options::{Address, RedisOptions};
use crate::revocation::Cursor;

/// How often a connection is tried out.
const PULSE: Duration = Duration::from_millis(500);

/// What the servers of one deployment share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: RedisOptions,
    /// Counts the connections to servers that may have lost something: others, restarted or promoted ones.
    pub(crate) generation: watch::Sender<u64>,
    /// Counts what is heard of the rollouts: that they have changed, or may have been lost.
    pub(crate) rollouts: watch::Sender<Cursor>,
    fault: Mutex<Option<Arc<str>>>,
}

impl Shared {
    pub(super) fn new(options: RedisOptions) -> Self {
        let (generation, rollouts) = (watch::Sender::new(0), watch::Sender::new(Cursor::default()));
        Self { options, generation, rollouts, fault: Mutex::default() }
    }

    pub(crate) fn hear_of_rollouts(&self) {
        self.rollouts.send_modify(|cursor| cursor.0 += 1);
    }

    pub(crate) fn note(&self, address: &Address, fault: &RedisError) {
        let text = format!("{address}: {fault}");
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.into());
    }

    pub(super) fn fault(&self) -> Option<Arc<str>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A server that holds tickets.
#[derive(Debug)]
pub(crate) struct Node {
    state: Arc<State>,
    _keeper: Task,
}

#[derive(Debug)]
struct State {
    address: Address,
    connection: RwLock<Option<MultiplexedConnection>>,
    doubted: Notify,
    is_live: watch::Sender<bool>,
}

impl Node {
    /// Connects, and reconnects for as long as it is held.
    pub(super) fn keep(address: Address, shared: Arc<Shared>) -> Self {
        let (connection, doubted) = (RwLock::default(), Notify::new());
        let state = Arc::new(State { address, connection, doubted, is_live: watch::Sender::new(false) });
        Self { state: state.clone(), _keeper: Task::spawn(async move { state.keep(&shared).await }) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.state.address
    }

    /// The connection, while there is one.
    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.state.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there is a connection.
    pub(super) async fn live(&self) {
        // The sender lives in `self`.
        let _ = self.state.is_live.subscribe().wait_for(|is_live| *is_live).await;
    }

    /// Has the connection tried out now.
    pub(super) fn doubt(&self) {
        self.state.doubted.notify_one();
    }
}

impl State {
    async fn keep(&self, shared: &Shared) {
        let (mut backoff, mut last) = (Backoff::default(), None);
        loop {
            match self.greet(shared).await {
                Ok((link, server)) => {
                    backoff.reset();
                    self.meet(&mut last, server, shared);
                    self.set(Some(link.connection.clone()));
                    let fault = self.while_live(link, &mut last, shared).await;
                    self.set(None);
                    shared.note(&self.address, &fault);
                }
                Err(fault) => shared.note(&self.address, &fault),
            }
            backoff.pause().await;
        }
    }

    async fn greet(&self, shared: &Shared) -> Result<(Link, Server), RedisError> {
        let link = Link::to_server(&self.address, &shared.options).await?;
        let server = Server::ask(link.connection.clone()).await?;
        Ok((link, server))
    }

    /// Returns why the connection is of no more use.
    async fn while_live(&self, mut link: Link, last: &mut Option<Server>, shared: &Shared) -> RedisError {
        loop {
            let connection = link.connection.clone();
            tokio::select! {
                () = link.ended() => return fault("the server closed the connection"),
                () = self.doubted.notified() => {}
                () = tokio::time::sleep(PULSE) => {}
            }
            match Server::ask(connection).await {
                // One whose replication id cannot be known is another one only after a reconnection.
                Ok(server) if server.replid.is_none() => {}
                Ok(server) => self.meet(last, server, shared),
                Err(fault) => return fault,
            }
        }
    }

    fn meet(&self, last: &mut Option<Server>, server: Server, shared: &Shared) {
        let is_known = server.replid.is_some() && last.as_ref() == Some(&server);
        *last = Some(server);
        if !is_known {
            shared.generation.send_modify(|generation| *generation += 1);
        }
    }

    fn set(&self, connection: Option<MultiplexedConnection>) {
        let is_live = connection.is_some();
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = connection;
        self.is_live.send_replace(is_live);
    }
}

/// Which history of writes a primary has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    /// Absent where the server has none or the user may not ask.
    replid: Option<Box<str>>,
}

impl Server {
    async fn ask(mut connection: MultiplexedConnection) -> Result<Self, RedisError> {
        let command = redis::cmd("INFO").arg("replication").to_owned();
        let asked = tokio::time::timeout(DEADLINE, command.query_async::<String>(&mut connection)).await;
        match asked.map_err(|_| fault("the server does not answer"))? {
            Ok(text) if field(&text, "role").is_some_and(|role| role != "master") => {
                Err(fault("the server is a replica"))
            }
            Ok(text) => Ok(Self { replid: field(&text, "master_replid").map(Box::from) }),
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => Ok(Self { replid: None }),
            Err(error) => Err(error),
        }
    }
}

/// A line of what `INFO` says.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}

fn fault(text: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, text))
}
