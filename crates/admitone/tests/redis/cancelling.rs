//! Takes that nobody waits for any more, over a connection on which everything is late.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admitone::store::StoreUnavailable;
use admitone::store::redis::{Deployment, RedisOptions};
use tokio::task::JoinSet;

use crate::late::late_way_to;
use crate::nodes::{self, Node, mint};
use crate::servers::Server;

const BATCHES: usize = 50;
const BATCH: usize = 200;

fn at(address: SocketAddr) -> RedisOptions {
    RedisOptions::new(Deployment::Standalone(address.to_string().parse().expect("an address")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a14_ten_thousand_takes_of_which_many_are_cancelled_mix_no_answers_and_double_none() {
    let server = Server::start(&[]);
    let late = Node::start(at(late_way_to(server.port).await)).await;
    let direct = Node::start(nodes::standalone(&server)).await;
    let (mut answered, mut cancelled) = (0, 0);
    for batch in 0..BATCHES {
        let mut takers = JoinSet::new();
        for number in 0..BATCH {
            let minted = Arc::new(mint(&format!("subject-{batch}-{number}")).await);
            if direct.put(&minted).await.is_err() {
                continue;
            }
            let late = late.clone();
            // Some are cancelled before they are sent, some on the way there, some on the way back, some not at all.
            let patience = match number % 8 {
                // However busy the machine is: the store's own patience ends first.
                7 => Duration::from_secs(60),
                _ => Duration::from_micros(number as u64 * 80),
            };
            takers.spawn(async move {
                let taken = tokio::time::timeout(patience, late.take(&minted)).await;
                (minted, taken.ok())
            });
        }
        for (minted, taken) in takers.join_all().await {
            let is_admitted = match taken {
                None => {
                    cancelled += 1;
                    false
                }
                // The store's own patience was shorter.
                Some(Err(StoreUnavailable)) => false,
                Some(Ok(taken)) => {
                    answered += 1;
                    let taken = taken.expect("what was put");
                    assert_eq!(taken.stored.grant.principal, minted.stored.grant.principal);
                    assert_eq!(taken.stored.session_id, minted.stored.session_id);
                    true
                }
            };
            let Ok(again) = direct.take(&minted).await else { continue };
            assert!(!(is_admitted && again.is_some()), "doubled");
            if let Some(again) = again {
                assert_eq!(again.stored.grant.principal, minted.stored.grant.principal);
            }
        }
    }
    assert!(answered > 500 && cancelled > 1000, "{answered} answered, {cancelled} cancelled");
}
