//! `[store]` with Redis.

use super::{Folder, MINIMAL};
use crate::config::{Config, Redis, RedisFence, RedisServers, RevocationGap, StoreKind};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("redis.password", "hunter2\n");
    folder.write("ticket.key", "ticket-key-of-at-least-thirty-two-bytes");
    folder.write("tags.key", "another-key-of-at-least-thirty-two-bytes");
    folder
}

/// A Redis store with these lines, on which sixteen lines go before.
fn text(lines: &str) -> String {
    let keys = "[tickets]\ntag_secret_file = \"tags.key\"\n[[tickets.keys]]\nid = 1\nsecret_file = \"ticket.key\"\n";
    format!("{MINIMAL}[store]\nkind = \"redis\"\n{lines}\n{keys}")
}

fn redis(config: &Config) -> &Redis {
    let StoreKind::Redis(redis) = &config.store.kind else { panic!("a Redis store") };
    redis
}

#[test]
fn one_server_is_the_default() {
    let config = folder().parse(&text("url = \"redis://127.0.0.1\"")).expect("a configuration");
    let redis = redis(&config);
    let RedisServers::Standalone(server) = &redis.servers else { panic!("one server") };
    assert_eq!((server.host.to_string().as_str(), server.port), ("127.0.0.1", 6379));
    assert!(redis.tls.is_none() && redis.login.password.is_none());
    assert_eq!((redis.database, redis.prefix.as_str(), redis.fence), (0, "adm", RedisFence::Replid));
    assert_eq!(redis.revocation_gap, RevocationGap::Keep);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn sentinels_name_a_primary_and_have_users_of_their_own() {
    let lines = "mode = \"sentinel\"\nurl = [\"rediss://one.internal\", \"rediss://two.internal:26380\"]\n\
                 sentinel_master = \"mymaster\"\nsentinel_password_file = \"redis.password\"\nusername = \"admitone\"\n\
                 password_file = \"redis.password\"\nprefix = \"chat:adm\"\nrevocation_gap = \"close\"";
    let config = folder().parse(&text(lines)).expect("a configuration");
    let redis = redis(&config);
    let RedisServers::Sentinel { sentinels, master, login } = &redis.servers else { panic!("Sentinel") };
    assert_eq!((master.as_str(), login.password.as_deref().map(String::as_str)), ("mymaster", Some("hunter2")));
    assert_eq!(sentinels.iter().map(|server| server.port).collect::<Vec<_>>(), [26379, 26380]);
    assert_eq!(redis.login.username.as_deref(), Some("admitone"));
    assert!(redis.tls.as_ref().is_some_and(|tls| tls.alpn_protocols.is_empty()));
    assert_eq!((redis.prefix.as_str(), redis.revocation_gap), ("chat:adm", RevocationGap::Close));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn several_gateways_may_run_with_a_store_that_they_share() {
    let text =
        text("mode = \"cluster\"\nurl = \"redis://127.0.0.1\"").replace("[server]\n", "[server]\nreplicas = 3\n");
    assert_eq!(folder().parse(&text).expect("a configuration").server.replicas, 3);
}

#[test]
fn f23_several_gateways_with_the_memory_store_are_refused() {
    let text = MINIMAL.replace("[server]\n", "[server]\nreplicas = 2\n");
    let faults = folder().faults(&text);
    let [fault] = &*faults else { panic!("one fault: {faults:?}") };
    assert!(fault.contains("server.replicas: 2 gateways") && fault.contains("set store.kind = \"redis\""), "{fault}");
}

#[test]
fn a_shared_store_needs_shared_keys_and_says_why() {
    let text = format!("{MINIMAL}[store]\nkind = \"redis\"\nurl = \"redis://127.0.0.1\"\n[tickets]\n");
    assert_eq!(
        folder().faults(&text),
        [
            "a.toml:16:1: tickets.keys: it is required; all gateways of a redis store sign with the same keys, or each would \
             refuse what the others minted: add a [[tickets.keys]] with an id and a secret_file, and tag_secret_file beside it"
        ]
    );
}

#[test]
fn what_cannot_be_a_redis_is_refused() {
    let cases = [
        ("", "13:1: store.url: it is required; write the server's URL, like `rediss://redis.internal:6379`"),
        ("url = []", "15:7: store.url: the list is empty; write the server's URL, like `rediss://redis.internal:6379`"),
        ("url = \"127.0.0.1\"", "15:7: store.url: it has no scheme; write it like `rediss://redis.internal:6379`"),
        (
            "url = \"http://127.0.0.1\"",
            "15:7: store.url: the scheme `http` is not allowed; write it like `rediss://redis.internal:6379`",
        ),
        (
            "url = \"redis://ada:secret@127.0.0.1\"",
            "15:7: store.url: it holds a user name or password; leave out everything up to the `@`; set username and password_file",
        ),
        (
            "url = \"redis://127.0.0.1/x\"",
            "15:7: store.url: `x` is not a database's number; write a number after the host and port, like `/1`, or nothing",
        ),
        (
            "url = [\"redis://127.0.0.1\", \"redis://127.0.0.1:1\"]",
            "15:7: store.url: a standalone server has one URL; write one, or set mode = \"sentinel\" or \"cluster\"",
        ),
        (
            "mode = \"cluster\"\nurl = \"redis://127.0.0.1/1\"",
            "16:7: store.url: a Cluster has database 0 only; leave the path out",
        ),
        (
            "mode = \"cluster\"\nurl = [\"redis://127.0.0.1\", \"rediss://a.internal\"]",
            "16:29: store.url[1]: some URLs are rediss and some are redis; write rediss:// in all of them",
        ),
        (
            "mode = \"sentinel\"\nurl = \"redis://127.0.0.1\"",
            "13:1: store.sentinel_master: it is required; write the Sentinels' name for the primary, like `mymaster`",
        ),
        (
            "url = \"redis://127.0.0.1\"\nsentinel_master = \"m\"",
            "16:19: store.sentinel_master: the mode is not sentinel; set mode = \"sentinel\", or leave this out",
        ),
        (
            "url = \"redis://127.0.0.1\"\nusername = \"ada\"",
            "13:1: store.password_file: it is required; a user logs in with a password: name the file that holds it",
        ),
        (
            "url = \"redis://127.0.0.1\"\nprefix = \"a{b}\"",
            "16:10: store.prefix: `a{b}` is not a prefix; write 1 to 32 letters, digits or ._-:",
        ),
        (
            "url = \"redis://127.0.0.1\"\nca_file = \"tags.key\"",
            "16:11: store.ca_file: the URL is redis, without TLS; write the URL with rediss, or leave this out",
        ),
    ];
    let folder = folder();
    for (lines, expected) in cases {
        let faults = folder.faults(&text(lines));
        assert!(faults.contains(&format!("a.toml:{expected}")), "{lines}: {faults:?}");
        assert!(!faults.concat().contains("secret@"), "{faults:?}");
    }
}

#[test]
fn what_is_risky_about_a_redis_is_a_warning() {
    let warning = |lines: &str| {
        let config = folder().parse(&text(lines)).expect("a configuration");
        config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let none = warning("url = \"redis://127.0.0.1\"\nfence = \"none\"");
    assert!(none.len() == 1 && none[0].contains("may be redeemed again"), "{none:?}");
    let clear = warning("url = \"redis://redis.internal\"");
    assert!(clear.len() == 1 && clear[0].contains("in clear"), "{clear:?}");
    let counted = warning("url = \"redis://127.0.0.1\"\nmax_tickets = 5");
    assert!(counted.len() == 1 && counted[0].contains("maxmemory"), "{counted:?}");
}

#[test]
fn the_keys_of_redis_count_with_redis_only() {
    let text = format!("{MINIMAL}[store]\nfence = \"none\"\n");
    let expected = "a.toml:14:9: store.fence: the store is not redis; set kind = \"redis\", or leave this out";
    assert_eq!(folder().faults(&text), [expected]);
}
