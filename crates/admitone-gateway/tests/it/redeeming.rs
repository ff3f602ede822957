//! A ticket opens one socket.

use crate::client::Request;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, UNLIMITED_DIALS, World};

#[tokio::test]
async fn s6_a_second_use_is_refused_while_the_first_socket_lives() {
    let upstream = Upstream::echo().await;
    for refuse_with in ["http", "close", "auto"] {
        let world = World::routing(&format!("refuse_with = \"{refuse_with}\""), &upstream.url()).await;
        let ticket = world.ticket().await;
        let mut first = world.open(&ticket).await;
        let request = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&ticket);
        if refuse_with == "http" {
            world.does_not_open(&ticket).await;
            assert_eq!(world.ask(request).await.status, 401);
        } else {
            assert_eq!(world.close_of(request).await, (4801, "admitone:ticket_not_accepted".to_owned()));
        }
        first.echo("alive").await;
    }
    let requests = upstream.received_by_now().await;
    assert_eq!(requests.len(), 3, "a ticket that was seen spent is not even dialled for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s7_of_64_concurrent_upgrades_with_one_ticket_one_reaches_the_upstream() {
    for refuse_with in ["http", "close"] {
        let upstream = Upstream::echo().await;
        let route = format!("refuse_with = \"{refuse_with}\"");
        let lines = Lines { route: &route, end: UNLIMITED_DIALS, ..Lines::default() };
        let world = World::with(lines, &upstream.url()).await;
        let request = Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&world.ticket().await).text();
        let mut connections = Vec::new();
        for _ in 0..64 {
            connections.push(world.connect().await);
        }
        let racing: Vec<_> = connections
            .into_iter()
            .map(|mut connection| {
                let request = request.clone();
                tokio::spawn(async move {
                    connection.send(request).await;
                    let answer = connection.answer().await;
                    let refused =
                        answer.status != 101 || answer.header("sec-websocket-protocol") == Some("admitone.refused");
                    if !refused {
                        connection.echo("the one").await;
                    }
                    refused
                })
            })
            .collect();
        let mut admitted = 0;
        for racer in racing {
            admitted += usize::from(!racer.await.expect("an answer"));
        }
        assert_eq!(admitted, 1);
        let requests: Vec<String> =
            upstream.received_by_now().await.into_iter().filter(|received| !received.is_empty()).collect();
        assert_eq!(requests.len(), 1, "{refuse_with}: {requests:?}");
    }
}

#[tokio::test]
async fn f13_a_client_that_goes_away_while_its_ticket_is_redeemed_has_spent_it() {
    let upstream = Upstream::that(crate::upstream::Behaviour::Hangs).await;
    let world = World::before(&upstream.url()).await;
    let ticket = world.ticket().await;
    let mut connection = world.connect().await;
    connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket).text()).await;
    upstream.received("the request", |all| all.iter().any(|one| one.ends_with(b"\r\n\r\n"))).await;
    drop(connection);
    world.does_not_open(&ticket).await;
}
