//! What nodes say of themselves, by what real servers are told.

use std::time::{Duration, Instant};

use admitone::store::StoreUnavailable;
use admitone::store::redis::{RedisOptions, RedisRoster};
use admitone::store::roster::{MAX_WORD_BYTES, Roster, WORD};

use crate::nodes::{self, Node, apart};
use crate::servers::{Cluster, Server};

async fn words(roster: &RedisRoster) -> Vec<String> {
    let mut words = roster.all().await.expect("an answer");
    words.sort_unstable();
    words
}

async fn each_node_reads_the_last_word_of_all_until_they_say_no_more(options: RedisOptions) {
    let options = apart(options);
    let [one, other] = [Node::start(options.clone()).await, Node::start(options).await];
    let [one, other] = [RedisRoster::new(&one.redis), RedisRoster::new(&other.redis)];
    assert!(words(&one).await.is_empty());

    one.tell("node-1", "first").await.expect("an answer");
    one.tell("node-1", r#"{"sessions":7}"#).await.expect("an answer");
    other.tell("node-2", "ü").await.expect("an answer");
    for roster in [&one, &other] {
        assert_eq!(words(roster).await, [r#"{"sessions":7}"#, "ü"]);
    }
    let long = "x".repeat(MAX_WORD_BYTES + 1);
    assert_eq!(one.tell("node-1", &long).await, Err(StoreUnavailable));

    let fell_silent = Instant::now();
    while words(&one).await.contains(&"ü".to_owned()) {
        assert!(fell_silent.elapsed() < WORD + Duration::from_secs(2), "a silent node is gone");
        one.tell("node-1", "still here").await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(words(&other).await, ["still here"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_reads_the_words_of_all_on_a_standalone_server() {
    let server = Server::start(&[]);
    each_node_reads_the_last_word_of_all_until_they_say_no_more(nodes::standalone(&server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_reads_the_words_of_all_on_a_cluster() {
    let cluster = Cluster::start(false);
    each_node_reads_the_last_word_of_all_until_they_say_no_more(nodes::cluster(&cluster)).await;
}
