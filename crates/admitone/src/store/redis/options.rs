use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::store::directory::LEASE;

/// How to reach a Redis or Valkey, and how to use it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisOptions {
    /// Which servers.
    pub deployment: Deployment,
    /// Who logs in there.
    pub credentials: Credentials,
    /// The database's number; Cluster has 0 only.
    pub database: u32,
    /// What keeps a ticket from being redeemed again after a failover.
    pub fence: Fence,
    /// What all keys begin with.
    pub prefix: String,
    /// Most outstanding tickets of one subject.
    pub per_subject: u32,
    /// What other nodes send this one its orders by: a name that no other node has, the one in the records of its sessions.
    /// Without one it hears only what is for all.
    pub node: Option<String>,
    /// How long a session counts after its node last said that it holds it; at least a second.
    pub lease: Duration,
    /// Most operations under way at once; more are refused at once.
    pub in_flight: usize,
    /// With it, every connection (Sentinels' too) is TLS. The configuration brings its crypto provider.
    #[cfg(feature = "redis-tls")]
    pub tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl RedisOptions {
    /// Nobody logs in, database 0, fenced by `replid`, prefix `adm`, twenty tickets of one subject, leases of [`LEASE`], 1024
    /// operations at once, no TLS.
    #[must_use]
    pub fn new(deployment: Deployment) -> Self {
        Self {
            deployment,
            credentials: Credentials::default(),
            database: 0,
            fence: Fence::Replid,
            prefix: "adm".into(),
            per_subject: 20,
            node: None,
            lease: LEASE,
            in_flight: 1024,
            #[cfg(feature = "redis-tls")]
            tls: None,
        }
    }

    /// Checks what needs no server.
    pub(super) fn check(&self) -> Result<(), OptionError> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        if !(1..=32).contains(&self.prefix.len()) || !self.prefix.bytes().all(is_name) {
            return Err(OptionError::Prefix);
        }
        if self.in_flight == 0 {
            return Err(OptionError::InFlight);
        }
        match &self.deployment {
            Deployment::Cluster { .. } if self.database != 0 => Err(OptionError::Database),
            Deployment::Cluster { seeds: addresses } | Deployment::Sentinel { sentinels: addresses, .. }
                if addresses.is_empty() =>
            {
                Err(OptionError::NoAddress)
            }
            _ => Ok(()),
        }
    }
}

/// Why options cannot be used with any server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// The prefix would not survive in a key: Cluster's hash tags are written in braces.
    #[error("the key prefix must be 1 to 32 letters, digits or ._-: characters")]
    Prefix,
    /// Nothing could ever be asked.
    #[error("at least one operation must be allowed at once")]
    InFlight,
    /// Cluster has no databases.
    #[error("a Cluster has database 0 only")]
    Database,
    /// Nobody to ask.
    #[error("at least one address is needed")]
    NoAddress,
}

/// Which servers, and who knows the one to ask.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Deployment {
    /// One server that stays where it is.
    Standalone(Address),
    /// The server that the Sentinels say is the primary.
    Sentinel {
        /// The Sentinels.
        sentinels: Vec<Address>,
        /// Their name for the primary.
        service: String,
        /// Who logs in to the Sentinels.
        credentials: Credentials,
    },
    /// A Cluster.
    Cluster {
        /// Some of its servers; they name the others.
        seeds: Vec<Address>,
    },
}

/// What keeps a spent ticket from coming back with a replica or a backup that had not heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// A ticket redeems only while its server has the replication id (`master_replid`) that it was minted under: at
    /// most once always. A failover or a restart ends the outstanding tickets; their owners mint again.
    Replid,
    /// Nothing: at most once while no server fails over, restarts or is restored.
    None,
}

/// Host and port. Reads `host:port` and `[v6]:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// The text is no `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is host:port, with an IPv6 host in brackets")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        if host.is_empty() || (bracketed.is_none() && host.contains(':')) {
            return Err(AddressError);
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| AddressError)? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// An ACL user, or the password alone of servers that have no users. Redacted in `Debug`, wiped when dropped.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The ACL user; without one, `default`.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["redis.example.com:6379", "10.0.0.1:1", "[::1]:6379"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "redis", ":6379", "redis:", "redis:65536", "::1:6379", "[]:1"] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn options_that_no_server_could_serve_are_refused() {
        let standalone = Deployment::Standalone("redis:6379".parse().expect("an address"));
        let options = RedisOptions::new(standalone);
        assert_eq!(options.check(), Ok(()));
        for prefix in ["", "a{b", "a b", &"a".repeat(33)] {
            let options = RedisOptions { prefix: prefix.into(), ..options.clone() };
            assert_eq!(options.check(), Err(OptionError::Prefix), "{prefix}");
        }
        let deployment = Deployment::Cluster { seeds: vec![] };
        assert_eq!(RedisOptions::new(deployment.clone()).check(), Err(OptionError::NoAddress));
        let options = RedisOptions { database: 1, ..RedisOptions::new(deployment) };
        assert_eq!(options.check(), Err(OptionError::Database));
    }
}
