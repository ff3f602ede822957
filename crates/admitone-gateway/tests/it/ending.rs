//! Logins, sessions and gateways that end, and the sockets that end with them.

use futures_util::future::select_all;
use serde_json::json;

use crate::client::{Connection, Request, masked, soon, within_a_second};
use crate::tokens::{claims_with, sign, token, unix_now};
use crate::upstream::{Behaviour, UPGRADES, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

async fn log_out(world: &World, token: &str, body: &str) {
    let answer = world.ask(Request::post("/auth/logout").origin(ORIGIN).bearer(token).json(body)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

async fn mints(world: &World, token: &str) -> bool {
    world.ask_for_ticket(token, "{}").await.status == 201
}

async fn closes_within_a_second(socket: &mut Connection) -> (u16, String) {
    within_a_second("a Close", socket.close()).await
}

fn revoked() -> (u16, String) {
    (4900, "admitone:revoked".to_owned())
}

#[tokio::test]
async fn s5_a_logout_ends_sockets_tickets_and_the_login_itself() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let (leaving, staying) = (token("ada"), token("ada"));
    let mut socket = world.open(&world.ticket_for(&leaving).await).await;
    let mut other = world.open(&world.ticket_for(&staying).await).await;
    socket.echo("alive").await;
    let outstanding = world.ticket_for(&leaving).await;

    log_out(&world, &leaving, "{}").await;
    assert_eq!(closes_within_a_second(&mut socket).await, revoked());
    world.does_not_open(&outstanding).await;
    let answer = world.ask_for_ticket(&leaving, "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));

    other.echo("another login of the same person").await;
    assert!(mints(&world, &staying).await);
    let again = world.ask(Request::post("/auth/logout").bearer(&leaving)).await;
    assert_eq!((again.status, &*again.problem()), (401, "not_logged_in"), "it is over already");
}

#[tokio::test]
async fn s5_the_upstream_is_sent_a_masked_close_too() {
    let upstream = Upstream::that(Behaviour::Answers(UPGRADES)).await;
    let world = World::before(&upstream.url()).await;
    let token = token("ada");
    let mut socket = world.open(&world.ticket_for(&token).await).await;
    socket.send_text("first").await;
    let first = masked(0x81, b"first");
    upstream.received("the message", |all| all[0].ends_with(&first)).await;
    log_out(&world, &token, "{}").await;
    assert_eq!(closes_within_a_second(&mut socket).await, revoked());

    let is_close = |all: &Vec<Vec<u8>>| {
        let tail = all[0].windows(first.len()).position(|window| window == first).map(|at| &all[0][at + first.len()..]);
        tail.is_some_and(|tail| unmask_close(tail) == Some(revoked()))
    };
    upstream.received("a masked Close", is_close).await;
}

/// The code and reason of a masked Close that is all of these bytes.
fn unmask_close(frame: &[u8]) -> Option<(u16, String)> {
    let (head, payload) = frame.split_at_checked(6)?;
    if head[0] != 0x88 || head[1] & 0x80 == 0 || usize::from(head[1] & 0x7f) != payload.len() {
        return None;
    }
    let payload: Vec<u8> = payload.iter().zip(head[2..].iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let (code, reason) = payload.split_at_checked(2)?;
    Some((u16::from_be_bytes([code[0], code[1]]), String::from_utf8(reason.to_vec()).ok()?))
}

#[tokio::test]
async fn s5_a_logout_everywhere_ends_all_logins_of_the_person_and_nobody_elses() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let (one, two) = (token("ada"), token("ada"));
    let mut sockets =
        [world.open(&world.ticket_for(&one).await).await, world.open(&world.ticket_for(&two).await).await];
    let mut graces = world.open(&world.ticket_for(&token("grace")).await).await;
    let outstanding = world.ticket_for(&two).await;

    log_out(&world, &one, r#"{"everywhere": true}"#).await;
    for socket in &mut sockets {
        assert_eq!(closes_within_a_second(socket).await, revoked());
    }
    world.does_not_open(&outstanding).await;
    assert!(!mints(&world, &two).await);
    graces.echo("not mine").await;
    let later = sign(&claims_with("ada", json!({ "iat": unix_now() + 5 })));
    assert!(mints(&world, &later).await, "a login after that is a new one");
}

#[tokio::test]
async fn s5_a_login_is_known_by_its_sid_else_its_jti_else_its_subject() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let signed = |changes| sign(&claims_with("ada", changes));
    let by_sid = signed(json!({ "sid": "the-session" }));
    let refreshed = signed(json!({ "sid": "the-session" }));
    let by_jti = signed(json!({ "sid": null }));
    let another = signed(json!({ "sid": null }));
    log_out(&world, &by_sid, "").await;
    assert!(!mints(&world, &refreshed).await);
    log_out(&world, &by_jti, "{\"everywhere\": false}").await;
    assert!(!mints(&world, &by_jti).await);
    assert!(mints(&world, &another).await);
    log_out(&world, &signed(json!({ "sid": null, "jti": null })), "{}").await;
    assert!(!mints(&world, &another).await);
}

#[tokio::test]
async fn a_logout_that_cannot_be_read_ends_nothing() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let token = token("ada");
    for (body, status) in [("{\"everywhere\": 1}", 422), ("{\"everywere\": true}", 422), ("[]", 400), ("{", 400)] {
        let answer = world.ask(Request::post("/auth/logout").bearer(&token).json(body)).await;
        assert_eq!(answer.status, status, "{body}");
    }
    let answer = world.ask(Request::post("/auth/logout")).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
    assert!(mints(&world, &token).await);
}

#[tokio::test]
async fn a15_a_logout_during_the_upgrade_lets_nobody_in() {
    let upstream = Upstream::that(Behaviour::Hangs).await;
    let world = World::routing("upgrade_timeout_seconds = 1", &upstream.url()).await;
    let token = token("ada");
    let ticket = world.ticket_for(&token).await;
    let mut connection = world.connect().await;
    connection.send(Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&ticket).text()).await;
    upstream.received("the request", |all| all.iter().any(|one| one.ends_with(b"\r\n\r\n"))).await;
    log_out(&world, &token, "{}").await;
    assert_eq!(connection.answer().await.header("sec-websocket-protocol"), Some("admitone.refused"));
    connection.close().await;
}

#[tokio::test]
async fn a_session_ends_at_its_deadline() {
    let upstream = Upstream::echo().await;
    let world = World::routing("max_session_seconds = 3", &upstream.url()).await;
    let mut socket = world.open(&world.ticket().await).await;
    socket.echo("alive").await;
    assert_eq!(socket.close().await, (4800, "admitone:session_expired".to_owned()));
    assert!(mints(&world, &token("ada")).await, "only the session is over");
}

#[tokio::test]
async fn f12_a_shutdown_closes_sockets_admits_nobody_meanwhile_and_ends() {
    let upstream = Upstream::echo().await;
    // Long enough for all that is asked meanwhile.
    let lines = Lines { server: "drain_seconds = 5", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ticket = world.ticket().await;
    let mut sockets = Vec::new();
    for _ in 0..15 {
        sockets.push(world.open(&world.ticket().await).await);
    }
    let address = world.address;
    let mut waiting =
        [Connection::open(address).await, Connection::open(address).await, Connection::open(address).await];
    let ended = world.shut_down();
    let (first, at, _) = select_all(sockets.iter_mut().map(|socket| Box::pin(socket.close()))).await;
    assert_eq!(first, (1012, "admitone:draining".to_owned()));
    sockets.remove(at);

    let [ready, mint, upgrade] = &mut waiting;
    ready.send(Request::new("GET /readyz").text()).await;
    let answer = ready.answer().await;
    assert_eq!((answer.status, &answer.json()["status"]), (503, &json!("draining")));
    mint.send(Request::post("/auth/ticket").bearer(&token("ada")).text()).await;
    let answer = mint.answer().await;
    assert_eq!((answer.status, &*answer.problem()), (503, "draining"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    upgrade.send(Request::upgrade(ROUTE).origin(ORIGIN).readable_ticket(&ticket).text()).await;
    assert_eq!(upgrade.answer().await.header("sec-websocket-protocol"), Some("admitone.refused"));
    assert_eq!(upgrade.close().await, (1012, "admitone:draining".to_owned()));

    for socket in &mut sockets {
        assert_eq!(socket.close().await, (1012, "admitone:draining".to_owned()));
    }
    drop(sockets);
    soon("the gateway ends", ended).await.expect("no panic");
}

#[tokio::test]
async fn a_silent_socket_is_closed_where_its_route_says_so() {
    let upstream = Upstream::echo().await;
    let world = World::routing("idle_timeout_seconds = 3", &upstream.url()).await;
    let mut socket = world.open(&world.ticket().await).await;
    socket.echo("alive").await;
    assert_eq!(socket.close().await, (4803, "admitone:over_limit".to_owned()));
}
