//! What is checked before servers are used.

use admitone::store::TicketStore as _;
use admitone::store::redis::{ConnectError, Credentials, Deployment, Redis, RedisOptions, RedisTicketStore, Warning};

use crate::nodes::{self, Node, mint, unfenced};
use crate::servers::{Cluster, Server};

async fn refused(options: RedisOptions) -> ConnectError {
    Redis::connect(options).await.map(|redis| redis.greeting().clone()).expect_err("a refusal")
}

/// The options of a user who may do what the documentation lists, and what `rules` add.
fn user(server: &Server, rules: &[&str]) -> RedisOptions {
    let mut set = vec!["ACL", "SETUSER", "admitone", "reset", "on", ">secret", "~adm:*"];
    let listed = "+eval +evalsha +info +get +set +getdel +mget +del +exists +ttl +pexpiretime +pexpireat +time +zadd \
                  +zrem +zcard +zrange +zremrangebyscore +xadd +xread +xrange";
    set.extend(listed.split_whitespace());
    set.extend(rules);
    assert_eq!(server.cli(&set), "OK");
    let mut options = nodes::standalone(server);
    options.credentials = Credentials { username: Some("admitone".into()), password: Some("secret".to_owned().into()) };
    options
}

#[tokio::test]
async fn the_documented_user_is_enough() {
    let server = Server::start(&[]);
    let options = user(&server, &[]);
    let node = Node::start(options.clone()).await;
    let minted = mint("ada").await;
    node.put(&minted).await.expect("room");
    assert!(node.takes(&minted).await);
    assert_eq!(node.store.probe().await, Ok(()));
    let redis = Redis::connect(options).await.expect("a server");
    let [(address, version)] = &redis.greeting().versions[..] else { panic!("one server") };
    assert_eq!(address.port, server.port);
    assert!(version.starts_with("Redis 7.") || version.starts_with("Valkey "), "{version}");
    assert_eq!(redis.greeting().warnings, []);
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_fence_is_refused_unless_there_is_none() {
    let server = Server::start(&[]);
    let options = user(&server, &["-info"]);
    let error = refused(options.clone()).await;
    assert!(matches!(error, ConnectError::FenceForbidden(_)), "{error}");
    assert!(error.to_string().contains("+info"), "{error}");

    let redis = Redis::connect(unfenced(options)).await.expect("a server without a fence");
    assert_eq!(redis.greeting().warnings, [Warning::Unfenced]);
    let store = RedisTicketStore::new(&redis);
    let minted = mint("ada").await;
    store.put(minted.key, minted.stored, admitone::now::Now::read()).await.expect("room");
}

#[tokio::test]
async fn a_server_without_a_replication_id_is_refused_unless_there_is_no_fence() {
    let address = crate::nameless::start().parse().expect("an address");
    let options = RedisOptions::new(Deployment::Standalone(address));
    let error = refused(options.clone()).await;
    assert!(matches!(error, ConnectError::CannotFence(_)), "{error}");
    for part in ["master_replid", "fence = \"none\"", "a spent ticket"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let redis = Redis::connect(unfenced(options)).await.expect("a server without a fence");
    assert_eq!(redis.greeting().warnings, [Warning::Unfenced]);
}

#[tokio::test]
async fn f7_a_server_that_would_evict_tickets_warns() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let redis = Redis::connect(nodes::standalone(&server)).await.expect("a server");
    let [warning @ Warning::Evicts { policy, .. }] = &redis.greeting().warnings[..] else { panic!("one warning") };
    assert_eq!(policy, "allkeys-lru");
    assert!(warning.to_string().contains("noeviction"));
}

#[tokio::test]
async fn a_wrong_password_and_an_absent_server_are_named() {
    let server = Server::start(&["--requirepass", "right"]);
    let mut options = nodes::standalone(&server);
    options.credentials.password = Some("wrong".to_owned().into());
    let error = refused(options).await.to_string();
    assert!(error.contains("WRONGPASS") || error.contains("uthentication"), "{error}");
    assert!(!error.contains("wrong\""), "no secret: {error}");

    let address = server.address();
    drop(server);
    let error = refused(RedisOptions::new(Deployment::Standalone(address.parse().expect("an address")))).await;
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn a_member_of_a_cluster_is_no_standalone_server() {
    let cluster = Cluster::start(false);
    let error = refused(nodes::standalone(&cluster.primaries[0])).await;
    assert!(matches!(error, ConnectError::IsCluster(_)), "{error}");
}
