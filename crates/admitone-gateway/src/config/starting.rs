//! Files to begin with: for each of the usual cases a configuration that is whole, and what else it needs.

/// A case that somebody starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starting {
    /// One gateway that ends TLS itself.
    Single,
    /// One gateway behind nginx, or another proxy, on the same machine.
    Nginx,
    /// The same, for people who log in with Google.
    Google,
    /// The same, for clients of an older ticket system.
    OlderClients,
    /// Several gateways that share a Redis.
    Redis,
    /// The same, of which Sentinels watch.
    RedisSentinel,
    /// The same, a Cluster.
    RedisCluster,
    /// For `deploy/compose`.
    Compose,
    /// For `deploy/kubernetes`.
    Kubernetes,
    /// For `deploy/cloud-run`.
    CloudRun,
}

const SERVER_TLS: &str = include_str!("starting/server-tls.toml");
const SERVER_PROXY: &str = include_str!("starting/server-proxy.toml");
const SERVER_SHARED: &str = include_str!("starting/server-shared.toml");
const SERVER_COMPOSE: &str = include_str!("starting/server-compose.toml");
const SERVER_KUBERNETES: &str = include_str!("starting/server-kubernetes.toml");
const SERVER_CLOUD_RUN: &str = include_str!("starting/server-cloud-run.toml");
const ADMIN: &str = include_str!("starting/admin.toml");
const STORE_REDIS: &str = include_str!("starting/store-redis.toml");
const STORE_SENTINEL: &str = include_str!("starting/store-sentinel.toml");
const STORE_CLUSTER: &str = include_str!("starting/store-cluster.toml");
const STORE_CLOUD_RUN: &str = include_str!("starting/store-cloud-run.toml");
const STORE_VALKEY: &str = include_str!("starting/store-valkey.toml");
const KEYS: &str = include_str!("starting/keys.toml");
const KEYS_CLOUD_RUN: &str = include_str!("starting/keys-cloud-run.toml");
const ISSUER_OIDC: &str = include_str!("starting/issuer-oidc.toml");
const ISSUER_GOOGLE: &str = include_str!("starting/issuer-google.toml");
const ROUTE: &str = include_str!("starting/route.toml");
const ROUTE_OLDER: &str = include_str!("starting/route-older.toml");
const ALIASES: &str = include_str!("starting/aliases.toml");

impl Starting {
    /// Every case.
    pub const ALL: [Self; 10] = [
        Self::Single,
        Self::Nginx,
        Self::Google,
        Self::OlderClients,
        Self::Redis,
        Self::RedisSentinel,
        Self::RedisCluster,
        Self::Compose,
        Self::Kubernetes,
        Self::CloudRun,
    ];

    /// The word on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Nginx => "nginx",
            Self::Google => "google",
            Self::OlderClients => "older-clients",
            Self::Redis => "redis",
            Self::RedisSentinel => "redis-sentinel",
            Self::RedisCluster => "redis-cluster",
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::CloudRun => "cloud-run",
        }
    }

    /// What it is.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Single => "one gateway that ends TLS itself",
            Self::Nginx => "one gateway behind nginx, or another proxy, on the same machine",
            Self::Google => "the same, for people who log in with Google",
            Self::OlderClients => "the same, for clients of an older ticket system",
            Self::Redis => "several gateways that share a Redis",
            Self::RedisSentinel => "several gateways that share a Redis which Sentinels watch",
            Self::RedisCluster => "several gateways that share a Redis Cluster",
            Self::Compose => "for deploy/compose",
            Self::Kubernetes => "for deploy/kubernetes",
            Self::CloudRun => "for deploy/cloud-run",
        }
    }

    /// The configuration, with comments.
    #[must_use]
    pub fn text(self) -> String {
        let (name, about) = (self.name(), self.about());
        let head = format!(
            "# A configuration of the admitone gateway to begin with: {about}.\n\
             # Written by `admitone config init {name}`. Change whatever has example.com in it; docs/configuring.md says what else\n\
             # there is. Relative paths start at this file's folder.\n"
        );
        let parts = self.parts();
        std::iter::once(head.as_str()).chain(parts.iter().copied()).collect::<Vec<_>>().join("\n")
    }

    const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Single => &[SERVER_TLS, ADMIN, ISSUER_OIDC, ROUTE],
            Self::Nginx => &[SERVER_PROXY, ADMIN, ISSUER_OIDC, ROUTE],
            Self::Google => &[SERVER_PROXY, ADMIN, ISSUER_GOOGLE, ROUTE],
            Self::OlderClients => &[ALIASES, SERVER_PROXY, ADMIN, ISSUER_OIDC, ROUTE_OLDER],
            Self::Redis => &[SERVER_SHARED, ADMIN, STORE_REDIS, KEYS, ISSUER_OIDC, ROUTE],
            Self::RedisSentinel => &[SERVER_SHARED, ADMIN, STORE_SENTINEL, KEYS, ISSUER_OIDC, ROUTE],
            Self::RedisCluster => &[SERVER_SHARED, ADMIN, STORE_CLUSTER, KEYS, ISSUER_OIDC, ROUTE],
            Self::Compose => &[SERVER_COMPOSE, ADMIN, STORE_VALKEY, KEYS, ISSUER_OIDC, ROUTE],
            Self::Kubernetes => &[SERVER_KUBERNETES, ADMIN, STORE_REDIS, KEYS, ISSUER_OIDC, ROUTE],
            Self::CloudRun => &[SERVER_CLOUD_RUN, STORE_CLOUD_RUN, KEYS_CLOUD_RUN, ISSUER_OIDC, ROUTE],
        }
    }

    /// The files that the configuration names, each with how it is had.
    #[must_use]
    pub fn files(self) -> Vec<(String, &'static str)> {
        let text = self.text();
        let settings = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
        let files = settings.filter(|(key, _)| key.ends_with("_file"));
        files.map(|(key, value)| (value.trim_matches('"').to_owned(), how(key))).collect()
    }
}

fn how(key: &str) -> &'static str {
    match key {
        "cert_file" => "the server's certificate and the intermediate ones, PEM",
        "key_file" => "the certificate's private key, PEM",
        "password_file" => "the store's password",
        "ca_file" => "the authority that signs the store's certificate, PEM",
        _ => "`admitone keys generate` makes it",
    }
}
