//! What nodes say of themselves, by what real servers are told.

use std::time::{Duration, Instant};

use admitone::store::StoreUnavailable;
use admitone::store::redis::{RedisOptions, RedisRoster};
use admitone::store::roster::{MAX_WORD_BYTES, Roster, WORD};

use crate::nodes::{self, Node, apart};
use crate::servers::{Cluster, Server};

/// How much longer than promised a busy machine may take.
const SLACK: Duration = Duration::from_secs(5);

/// Asks again where a busy machine was late for an answer: to look changes nothing.
async fn words(roster: &RedisRoster) -> Vec<String> {
    let asked = Instant::now();
    loop {
        match roster.all().await {
            Ok(mut words) => {
                words.sort_unstable();
                return words;
            }
            Err(fault) => assert!(asked.elapsed() < SLACK, "{fault}"),
        }
    }
}

/// To say the same again is safe, too.
async fn tells(roster: &RedisRoster, node: &str, word: &str) {
    let asked = Instant::now();
    while let Err(fault) = roster.tell(node, word).await {
        assert!(asked.elapsed() < SLACK, "{fault}");
    }
}

async fn each_node_reads_the_last_word_of_all_until_they_say_no_more(options: RedisOptions) {
    let options = apart(options);
    let [one, other] = [Node::start(options.clone()).await, Node::start(options).await];
    let [one, other] = [RedisRoster::new(&one.redis), RedisRoster::new(&other.redis)];
    assert!(words(&one).await.is_empty());

    tells(&one, "node-1", "first").await;
    tells(&one, "node-1", r#"{"sessions":7}"#).await;
    tells(&other, "node-2", "ü").await;
    for roster in [&one, &other] {
        assert_eq!(words(roster).await, [r#"{"sessions":7}"#, "ü"]);
    }
    let long = "x".repeat(MAX_WORD_BYTES + 1);
    assert_eq!(one.tell("node-1", &long).await, Err(StoreUnavailable));

    let fell_silent = Instant::now();
    while words(&one).await.contains(&"ü".to_owned()) {
        assert!(fell_silent.elapsed() < WORD + SLACK, "a silent node is gone");
        tells(&one, "node-1", "still here").await;
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
