//! Clients that go away while their ticket is redeemed. What a busy machine has not answered in time is 503.
//!
//! `ADMITONE_ABORTED` is how many upgrades there are (2000).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::client::{LIMIT, Request};
use crate::late::late_way_to;
use crate::servers::Server;
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const CLIENTS: usize = 50;

fn upgrades() -> usize {
    let Ok(upgrades) = std::env::var("ADMITONE_ABORTED") else { return 2000 };
    upgrades.parse().unwrap_or_else(|_| panic!("ADMITONE_ABORTED is {upgrades:?}: write a whole number"))
}

/// Whose session each handle is.
type Owners = Arc<Mutex<HashMap<String, String>>>;

/// Mints and upgrades again and again, and mostly does not wait for the end; says how often it did.
async fn client(world: Arc<World>, subject: String, owners: Owners) -> usize {
    let (login, mut answered) = (token(&subject), 0);
    for round in 0..upgrades() / CLIENTS {
        let answer = world.ask_for_ticket(&login, "{}").await;
        if answer.status == 503 {
            continue;
        }
        let minted = answer.json();
        let text = |name: &str| minted[name].as_str().expect("a text").to_owned();
        owners.lock().expect("no panic").insert(text("session_id"), subject.clone());
        let mut connection = world.connect().await;
        connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&text("ticket")).text()).await;
        // The store's answer is on its way for up to eight milliseconds; some wait for it, however long it takes.
        let waits = round % 4 == 0;
        let patience = if waits { LIMIT } else { Duration::from_micros(round as u64 * 997 % 16_000) };
        if let Ok(answer) = tokio::time::timeout(patience, connection.answer()).await {
            assert!([101, 503].contains(&answer.status), "{answer:?}");
            if answer.status == 101 {
                connection.echo(&subject).await;
                answered += 1;
            }
        }
    }
    answered
}

/// The upstream is told who it is of every connection; none is somebody else's, and none is there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a14_upgrades_aborted_while_they_are_redeemed_are_nobody_elses_and_not_doubled() {
    let (redis, upstream) = (Server::start(&[]), Upstream::echo().await);
    let late = late_way_to(redis.port).await;
    let store = format!("kind = \"redis\"\nurl = \"redis://{late}\"\nmax_tickets_per_subject = 100000");
    let world = Arc::new(World::with(Lines { store: &store, ..Lines::default() }, &upstream.url()).await);
    let owners = Owners::default();
    let clients = (0..CLIENTS).map(|number| client(world.clone(), format!("client-{number}"), owners.clone()));
    let answered: usize = clients.collect::<JoinSet<_>>().join_all().await.into_iter().sum();

    let owners = owners.lock().expect("no panic").clone();
    let mut admitted = HashMap::new();
    // A head may still be on its way: of what nobody waits for any more, too.
    let is_whole = |one: &Vec<u8>| one.is_empty() || one.windows(4).any(|end| end == b"\r\n\r\n");
    let requests = upstream.received("whole heads", |all| all.iter().all(is_whole)).await;
    for request in requests.iter().filter(|request| !request.is_empty()) {
        let header = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).expect("a header");
        let (id, subject) = (header("x-admitone-session-id: "), header("x-admitone-subject: "));
        assert_eq!(owners.get(id).map(String::as_str), Some(subject), "{id}");
        let before = admitted.insert(id.to_owned(), subject.to_owned());
        assert_eq!(before, None, "{id} was admitted twice");
    }
    let all = upgrades();
    assert!(answered > all / 20 && answered < all * 9 / 10, "{answered} of {all} waited for their answer");
    assert!(admitted.len() > answered, "redemptions go on without their clients: {answered}");
}
