//! Asks Sentinels and Cluster who has what.

use std::collections::HashMap;
use std::sync::Arc;

use redis::{ErrorKind, RedisError, Value, from_redis_value};
use tokio::task::JoinSet;

use super::DEADLINE;
use super::link::Link;
use super::names::Names;
use super::node::Shared;
use super::options::{Address, Credentials, Deployment};
use super::slot::slot;

/// Which server has which bucket, and which the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// By bucket, 256 of them.
    pub(super) buckets: Vec<Address>,
    pub(super) control: Address,
}

impl Placement {
    fn all_at(address: Address) -> Self {
        Self { buckets: vec![address.clone(); 256], control: address }
    }
}

/// Remembers connections and addresses between questions.
pub(super) struct Resolver {
    shared: Arc<Shared>,
    control_slot: u16,
    links: HashMap<Address, Link>,
    known: Vec<Address>,
}

impl Resolver {
    pub(super) fn new(shared: Arc<Shared>, names: &Names) -> Self {
        let control_slot = slot(names.control().as_bytes());
        Self { shared, control_slot, links: HashMap::new(), known: Vec::new() }
    }

    pub(super) async fn ask(&mut self) -> Result<Placement, RedisError> {
        match self.shared.options.deployment.clone() {
            Deployment::Standalone(address) => Ok(Placement::all_at(address)),
            Deployment::Sentinel { sentinels, service, credentials } => {
                self.ask_sentinels(sentinels, &service, &credentials).await
            }
            Deployment::Cluster { seeds } => self.ask_cluster(seeds).await,
        }
    }

    /// All at once: the one that knows of the latest failover is right.
    async fn ask_sentinels(
        &mut self,
        sentinels: Vec<Address>,
        service: &str,
        credentials: &Credentials,
    ) -> Result<Placement, RedisError> {
        let mut asking = JoinSet::new();
        for address in sentinels {
            let (link, shared) = (self.links.remove(&address), self.shared.clone());
            let (service, credentials) = (service.to_owned(), credentials.clone());
            asking.spawn(async move {
                let asked = async {
                    let link = match link {
                        Some(link) => link,
                        None => Link::to_sentinel(&address, &credentials, &shared.options).await?,
                    };
                    let command = redis::cmd("SENTINEL").arg("MASTER").arg(&service).to_owned();
                    let primary = question::<HashMap<String, String>>(&link, command).await?;
                    Ok((link, Announced::read(&primary)?))
                };
                let asked = asked.await;
                (address, asked)
            });
        }
        let (mut latest, mut fault) = (None::<Announced>, None);
        while let Some(answered) = asking.join_next().await {
            match answered {
                Ok((address, Ok((link, announced)))) => {
                    self.links.insert(address, link);
                    if latest.as_ref().is_none_or(|latest| latest.epoch < announced.epoch) {
                        latest = Some(announced);
                    }
                }
                Ok((address, Err(error))) => {
                    self.shared.note(&address, &error);
                    fault = Some(error);
                }
                Err(_) => {}
            }
        }
        let nobody = || RedisError::from((ErrorKind::Io, "no Sentinel answers"));
        latest.map(|latest| Placement::all_at(latest.address)).ok_or_else(|| fault.unwrap_or_else(nobody))
    }

    /// One after the other: any that answers knows.
    async fn ask_cluster(&mut self, seeds: Vec<Address>) -> Result<Placement, RedisError> {
        let mut fault = RedisError::from((ErrorKind::Io, "no server of the Cluster answers"));
        let known: Vec<Address> = self.known.iter().cloned().chain(seeds).collect();
        for address in known {
            match self.ask_member(&address).await {
                Ok(placement) => {
                    let mut known = placement.buckets.clone();
                    known.sort_unstable_by_key(Address::to_string);
                    known.dedup();
                    self.links.retain(|linked, _| linked == &address || known.contains(linked));
                    self.known = known;
                    return Ok(placement);
                }
                Err(error) => {
                    self.shared.note(&address, &error);
                    fault = error;
                }
            }
        }
        Err(fault)
    }

    async fn ask_member(&mut self, address: &Address) -> Result<Placement, RedisError> {
        let link = match self.links.remove(address) {
            Some(link) => link,
            None => Link::to_server(address, &self.shared.options).await?,
        };
        let slots: Vec<Vec<Value>> = question(&link, redis::cmd("CLUSTER").arg("SLOTS").to_owned()).await?;
        self.links.insert(address.clone(), link);
        let ranges = slots.into_iter().map(|range| Range::read(range, address)).collect::<Result<Vec<_>, _>>()?;
        let owner = |slot| {
            let range = ranges.iter().find(|range| (range.first..=range.last).contains(&slot));
            range.map(|range| range.owner.clone()).ok_or_else(|| nonsense("the Cluster has slots without a server"))
        };
        let buckets = (0..=u8::MAX).map(|bucket| owner(slot(format!("{bucket:02x}").as_bytes())));
        Ok(Placement { buckets: buckets.collect::<Result<_, _>>()?, control: owner(self.control_slot)? })
    }
}

/// What a Sentinel says of the primary.
struct Announced {
    address: Address,
    /// Grows with every failover.
    epoch: u64,
}

impl Announced {
    fn read(primary: &HashMap<String, String>) -> Result<Self, RedisError> {
        let read = || {
            let address = Address { host: primary.get("ip")?.clone(), port: primary.get("port")?.parse().ok()? };
            Some(Self { address, epoch: primary.get("config-epoch")?.parse().ok()? })
        };
        read().ok_or_else(|| nonsense("the Sentinel names no primary"))
    }
}

/// Slots and their primary.
struct Range {
    first: u16,
    last: u16,
    owner: Address,
}

impl Range {
    /// `[first, last, [host, port, …], replicas…]`; a server that does not know its own host is where it was asked.
    fn read(range: Vec<Value>, asked: &Address) -> Result<Self, RedisError> {
        let mut parts = range.into_iter();
        let mut next = || parts.next().ok_or_else(|| nonsense("the Cluster's slots cannot be read"));
        let (first, last) = (from_redis_value(next()?)?, from_redis_value(next()?)?);
        let owner: Vec<Value> = from_redis_value(next()?)?;
        let mut owner = owner.into_iter();
        let (Some(host), Some(port)) = (owner.next(), owner.next()) else {
            return Err(nonsense("the Cluster's slots cannot be read"));
        };
        let host = from_redis_value::<Option<String>>(host)?.filter(|host| !host.is_empty() && host != "?");
        let host = host.unwrap_or_else(|| asked.host.clone());
        Ok(Self { first, last, owner: Address { host, port: from_redis_value(port)? } })
    }
}

async fn question<T: redis::FromRedisValue>(link: &Link, command: redis::Cmd) -> Result<T, RedisError> {
    let mut connection = link.connection.clone();
    let late = || RedisError::from((ErrorKind::Io, "the server does not answer"));
    tokio::time::timeout(DEADLINE, command.query_async(&mut connection)).await.map_err(|_| late())?
}

fn nonsense(text: &'static str) -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, text))
}
