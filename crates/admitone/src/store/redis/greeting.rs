//! What is checked before a deployment is used.

use std::fmt;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind, Value, from_redis_value};

use super::node::field;
use super::options::{Deployment, Fence, OptionError};
use super::script::FENCE;
use super::servers::{Fault, Servers};
use super::{Address, RedisOptions};

/// How long the servers may take to answer at start-up.
const PATIENCE: Duration = Duration::from_secs(5);

const OLDEST_REDIS: u32 = 7;

/// Why a Redis cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The options themselves.
    #[error(transparent)]
    Options(#[from] OptionError),
    /// Nobody answered.
    #[error("Redis did not answer within five seconds{}", .0.as_deref().map(|fault| format!(" ({fault})")).unwrap_or_default())]
    Unreachable(Option<String>),
    /// Its user may not do what is needed.
    #[error("{0}: the ACL user may not run {1}; allow it with +{2}")]
    Forbidden(Address, &'static str, &'static str),
    /// The fence needs `INFO`.
    #[error(
        "{0}: the ACL user may not run INFO, which the fence reads; allow it with +info, or write fence = \"none\" \
         and accept that a failover or restart can let a spent ticket in again"
    )]
    FenceForbidden(Address),
    /// The fence needs `master_replid`.
    #[error(
        "{0}: the server names no master_replid, so the fence cannot work; write fence = \"none\" and accept that a \
         failover or restart can let a spent ticket in again"
    )]
    CannotFence(Address),
    /// A member of a Cluster was given as a server of its own.
    #[error("{0} is a member of a Cluster; configure it as one")]
    IsCluster(Address),
    /// Too old for what is used.
    #[error("{0} is Redis {1}; Redis 7 or Valkey is needed")]
    TooOld(Address, String),
    /// Something else that it said.
    #[error("{0}: {1}")]
    Refused(Address, String),
}

/// Something that works, but not as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Without a fence a failover or restart can let a spent ticket in again.
    Unfenced,
    /// Memory pressure would evict tickets and marks.
    Evicts {
        /// Which server.
        address: Address,
        /// Its `maxmemory-policy`.
        policy: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfenced => f.write_str(
                "fence = \"none\": after a failover, a restart or a restore of Redis, a spent ticket can be redeemed again",
            ),
            Self::Evicts { address, policy } => write!(
                f,
                "{address} has maxmemory-policy {policy}: under memory pressure it would forget tickets and \
                 revocations; set it to noeviction"
            ),
        }
    }
}

/// What the servers said of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// Each server and what it is, such as `Valkey 9.1.2`.
    pub versions: Vec<(Address, String)>,
    /// What an operator should know.
    pub warnings: Vec<Warning>,
}

pub(super) async fn reach(options: RedisOptions) -> Result<(Servers, Greeting), ConnectError> {
    options.check()?;
    let started = tokio::time::Instant::now();
    let mut last = None;
    let servers = loop {
        match tokio::time::timeout_at(started + PATIENCE, Servers::reach(options.clone())).await {
            Ok(Ok(servers)) => break servers,
            Ok(Err(fault)) => last = Some(fault.to_string()),
            Err(_) => return Err(ConnectError::Unreachable(last)),
        }
        if started.elapsed() >= PATIENCE {
            return Err(ConnectError::Unreachable(last));
        }
        tokio::time::sleep(PATIENCE / 50).await;
    };
    if tokio::time::timeout_at(started + PATIENCE, servers.live()).await.is_err() {
        let fault = servers.shared.fault();
        return Err(ConnectError::Unreachable(fault.as_deref().map(str::to_owned)));
    }
    loop {
        match greet(&servers).await {
            // A single answer has 250 ms: whoever is late with one has the rest of the time.
            Err(ConnectError::Unreachable(_)) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(PATIENCE / 50).await;
            }
            told => return told.map(|greeting| (servers, greeting)),
        }
    }
}

async fn greet(servers: &Servers) -> Result<Greeting, ConnectError> {
    let options = &servers.shared.options;
    let mut greeting = Greeting::default();
    match options.fence {
        Fence::None => greeting.warnings.push(Warning::Unfenced),
        Fence::Replid => check_fence(servers).await?,
    }
    for (address, info) in infos(servers).await? {
        let valkey = field(&info, "valkey_version");
        let redis = field(&info, "redis_version").unwrap_or_default();
        let major: u32 = redis.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
        if major < OLDEST_REDIS {
            return Err(ConnectError::TooOld(address, redis.to_owned()));
        }
        let is_member = field(&info, "cluster_enabled") == Some("1");
        if is_member && !matches!(options.deployment, Deployment::Cluster { .. }) {
            return Err(ConnectError::IsCluster(address));
        }
        if let Some(policy) = field(&info, "maxmemory_policy").filter(|policy| *policy != "noeviction") {
            greeting.warnings.push(Warning::Evicts { address: address.clone(), policy: policy.to_owned() });
        }
        let version = valkey.map_or_else(|| format!("Redis {redis}"), |valkey| format!("Valkey {valkey}"));
        greeting.versions.push((address, version));
    }
    Ok(greeting)
}

async fn check_fence(servers: &Servers) -> Result<(), ConnectError> {
    let asked = servers.on_all(|_| redis::cmd("INFO").arg("replication").to_owned()).await;
    asked.map_err(|(address, fault)| match fault {
        Fault::Server(error) if is_forbidden(&error) => ConnectError::FenceForbidden(address),
        fault => refused(address, fault),
    })?;
    let answers = servers.on_all(|_| FENCE.by_text(&[], &[])).await;
    for (address, answer) in answers.map_err(|(address, fault)| match fault {
        Fault::Server(error) if is_forbidden(&error) => ConnectError::Forbidden(address, "scripts", "eval +evalsha"),
        fault => refused(address, fault),
    })? {
        match from_redis_value::<String>(answer) {
            Ok(replid) if replid.len() == 40 => {}
            _ => return Err(ConnectError::CannotFence(address)),
        }
    }
    Ok(())
}

/// What `INFO` says; nothing of a server whose user may not ask.
async fn infos(servers: &Servers) -> Result<Vec<(Address, String)>, ConnectError> {
    match servers.on_all(|_| redis::cmd("INFO")).await {
        Ok(infos) => Ok(infos.into_iter().filter_map(|(address, info)| Some((address, text(info)?))).collect()),
        Err((_, Fault::Server(error))) if is_forbidden(&error) => Ok(Vec::new()),
        Err((address, fault)) => Err(refused(address, fault)),
    }
}

fn text(value: Value) -> Option<String> {
    from_redis_value(value).ok()
}

fn refused(address: Address, fault: Fault) -> ConnectError {
    match fault {
        Fault::Server(error) => ConnectError::Refused(address, error.to_string()),
        _ => ConnectError::Unreachable(Some(format!("{address} does not answer"))),
    }
}

fn is_forbidden(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
}
