//! The native client against this gateway: it reconnects with a new ticket, stops where it must, and tells no secret.

use std::sync::{Arc, Mutex};

use admitone_client::connection::{CredentialKind, MachineOptions};
use admitone_client::{
    AdmitConnection, Code, Ended, Event, Failure, HttpTicketSource, Message, MintError, Minted, Opened, Options,
    Renewed, TicketSource, Token, Url,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;

use crate::client::{Request, soon};
use crate::native_example;
use crate::ports;
use crate::tokens::{FOLDER, claims_with, sign, token, unix_now};
use crate::upstream::{Closed, Upstream};
use crate::world::{Lines, ROUTE, World};

/// The login that the application has now.
type Login = Arc<Mutex<String>>;

fn source(world: &World, login: &Login) -> impl TicketSource + use<> {
    let login = login.clone();
    let gateway = Url::parse(&format!("http://{}", world.address)).expect("a URL");
    let token = move || std::future::ready(Ok(login.lock().expect("a login").clone()));
    HttpTicketSource::new(gateway, token).route(ROUTE)
}

fn login(token: &str) -> Login {
    Arc::new(Mutex::new(token.to_owned()))
}

/// Retries often, as a test's gateway is soon there again.
fn impatient(world: &World) -> Options {
    let machine =
        MachineOptions { retry_base_ms: 20, retry_cap_ms: 100, max_retries: 1_000, ..MachineOptions::default() };
    let url = Url::parse(&format!("ws://{}{ROUTE}", world.address)).expect("a URL");
    Options { url: Some(url), machine, ..Options::default() }
}

fn connect(world: &World, token: &str) -> AdmitConnection {
    AdmitConnection::open(source(world, &login(token)), impatient(world)).expect("a connection")
}

async fn next(connection: &mut AdmitConnection) -> Event {
    soon("an event", connection.next_event()).await.expect("it goes on")
}

/// Whatever waits before it.
async fn opened(connection: &mut AdmitConnection) -> Opened {
    loop {
        match next(connection).await {
            Event::Opened(opened) => return opened,
            Event::Waiting { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn echoes(connection: &mut AdmitConnection, text: &str) {
    connection.send(Message::text(text)).await.expect("it is open");
    match next(connection).await {
        Event::Message(message) => assert_eq!(message, Message::text(text)),
        other => panic!("{other:?}"),
    }
}

async fn waiting(connection: &mut AdmitConnection) -> Ended {
    match next(connection).await {
        Event::Waiting { ended, .. } => ended,
        other => panic!("{other:?}"),
    }
}

/// Nothing comes behind it.
async fn closed(connection: &mut AdmitConnection) -> Ended {
    let Event::Closed(ended) = next(connection).await else { panic!("not the end") };
    assert!(soon("the end", connection.next_event()).await.is_none());
    ended
}

fn close_of(ended: &Ended) -> Option<(u16, &str)> {
    ended.cause.close.as_ref().map(|close| (close.code, &*close.reason))
}

#[tokio::test]
async fn f12_f26_it_reconnects_with_a_new_ticket_when_the_gateway_drains_and_is_started_again() {
    let upstream = Upstream::echo().await;
    let configuration = Lines { server: "drain_seconds = 1", ..Lines::default() }.configuration(&upstream.url());
    // Nobody else is given this port meanwhile.
    let address = ([127, 0, 0, 1], ports::claim()).into();
    let world = World::at(address, &configuration).await;
    let mut connection = connect(&world, &token("ada"));
    let first = opened(&mut connection).await;
    assert_eq!((first.credential, first.fallback), (CredentialKind::Ticket, None));
    echoes(&mut connection, "before").await;

    let stopped = world.shut_down();
    let ended = waiting(&mut connection).await;
    assert_eq!(close_of(&ended), Some((1012, "admitone:draining")));
    assert!(connection.send(Message::text("lost")).await.is_err(), "nothing is kept for another session");
    soon("the gateway's end", stopped).await.expect("no panic");
    let _again = World::at(address, &configuration).await;
    let second = opened(&mut connection).await;
    assert!(second.session_id.is_some() && second.session_id != first.session_id, "another ticket's session");
    echoes(&mut connection, "after").await;
    assert_eq!(upstream.received_by_now().await.len(), 2);
}

#[tokio::test]
async fn s5_a_revoked_login_ends_it_for_good() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let token = token("ada");
    let mut connection = connect(&world, &token);
    opened(&mut connection).await;
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&token)).await.status, 204);
    let ended = closed(&mut connection).await;
    assert_eq!(close_of(&ended), Some((4900, "admitone:revoked")));
    assert!(ended.cause.code.requires_login() && !ended.is_wanted());
    assert_eq!(upstream.received_by_now().await.len(), 1, "no second socket");
}

#[tokio::test]
async fn what_the_upstream_or_the_application_ends_is_no_error() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut connection = connect(&world, &token("ada"));
    opened(&mut connection).await;
    connection.send(Message::text("last")).await.expect("it is open");
    connection.close(Some(3001), "done").expect("a code of the application's");
    let ended = loop {
        match next(&mut connection).await {
            Event::Closed(ended) => break ended,
            Event::Message(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(ended.is_wanted());
    assert_eq!(close_of(&ended), Some((3001, "done")));
    assert!(connection.close(Some(1012), "").is_err() && connection.close(None, &"x".repeat(124)).is_err());

    let mut messages = connect(&world, &token("ada"));
    opened(&mut messages).await;
    messages.send(Message::binary(vec![1, 2])).await.expect("it is open");
    let first = soon("the echo", StreamExt::next(&mut messages)).await.expect("a message").expect("no error");
    assert_eq!(first, Message::binary(vec![1, 2]));
    SinkExt::close(&mut messages).await.expect("a Close");
    assert!(soon("the end", StreamExt::next(&mut messages)).await.is_none());
}

#[tokio::test]
async fn a_refused_upgrade_says_why_in_a_close_or_in_a_problem() {
    let down = Closed::new();
    for (route, close) in [("", Some((4802, "admitone:upstream_unavailable"))), ("refuse_with = \"http\"", None)] {
        let world = World::routing(route, &down.url()).await;
        let mut connection = connect(&world, &token("ada"));
        let ended = waiting(&mut connection).await;
        assert_eq!((ended.cause.code.as_str(), close_of(&ended)), ("upstream_unavailable", close), "{ended}");
        assert_eq!(ended.failure.is_some(), close.is_none(), "{ended}");
    }
    // No route takes the login itself here.
    let world = World::before(&down.url()).await;
    let mut options = impatient(&world);
    (options.machine.tickets, options.machine.jwt_fallback) = (false, true);
    let mut connection = AdmitConnection::open(source(&world, &login(&token("ada"))), options).expect("a connection");
    let ended = closed(&mut connection).await;
    assert_eq!(close_of(&ended), Some((4901, "admitone:not_logged_in")));
}

/// A source whose mint fails, of a login that is good.
struct Mintless(Login);

impl TicketSource for Mintless {
    async fn mint(&self) -> Result<Minted, MintError> {
        Err(MintError::Timeout(std::time::Duration::ZERO))
    }

    async fn renew(&self, _: &str) -> Result<Renewed, MintError> {
        Err(MintError::NoUrl)
    }

    async fn token(&self) -> Result<Token, MintError> {
        Token::new(self.0.lock().expect("a login").clone())
    }
}

#[tokio::test]
async fn the_login_takes_a_tickets_place_where_both_ends_allow_it() {
    let upstream = Upstream::echo().await;
    let world = World::routing("jwt_fallback = \"allow\"", &upstream.url()).await;
    let mut options = impatient(&world);
    options.machine.jwt_fallback = true;
    let mut connection = AdmitConnection::open(Mintless(login(&token("ada"))), options).expect("a connection");
    let opened = opened(&mut connection).await;
    assert_eq!((opened.credential, opened.fallback), (CredentialKind::Jwt, Some(Code::TIMEOUT)));
    assert_eq!(opened.session_id, None);
    echoes(&mut connection, "by JWT").await;
    assert!(upstream.only_request().await.contains("\r\nx-admitone-method: jwt\r\n"));
}

#[tokio::test]
async fn a_fresh_login_renews_the_session_and_another_persons_does_not() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let login = login(&token("ada"));
    let mut connection = AdmitConnection::open(source(&world, &login), impatient(&world)).expect("a connection");
    let opened = opened(&mut connection).await;
    let until = unix_now() + 2_000;
    *login.lock().expect("a login") = sign(&claims_with("ada", json!({ "exp": until })));
    connection.login_changed();
    let Event::Renewed(renewed) = next(&mut connection).await else { panic!("no renewal") };
    assert_eq!(Some(renewed.session_id), opened.session_id);
    // The gateway allows for clocks that differ a little.
    let leeway = renewed.expires_at - until.cast_signed();
    assert!((0..=60).contains(&leeway), "{leeway} s behind the fresh login's end");

    *login.lock().expect("a login") = token("grace");
    connection.login_changed();
    let Event::NotRenewed(error) = next(&mut connection).await else { panic!("a renewal") };
    assert_eq!(error.code(), Code::NOT_FOUND);
    echoes(&mut connection, "as it was").await;
}

#[tokio::test]
async fn s16_what_cannot_be_minted_is_told_without_the_token() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let expired = sign(&claims_with("ada", json!({ "exp": unix_now() - 60 })));
    let mut connection = connect(&world, &expired);
    let ended = closed(&mut connection).await;
    assert_eq!(ended.cause.code, Code::NOT_LOGGED_IN);
    assert!(matches!(&ended.failure, Some(Failure::Mint(MintError::Refused(refusal))) if refusal.status == 401));
    let told = format!("{ended} {ended:?} {connection:?}");
    assert!(!told.contains(&expired) && !told.contains("adm1_"), "{told}");

    let source = source(&world, &login("two words"));
    let ended = closed(&mut AdmitConnection::open(source, impatient(&world)).expect("a connection")).await;
    assert_eq!(ended.cause.code, Code::TOKEN_FAILED);
    assert!(!format!("{ended} {ended:?}").contains("words"));
}

#[tokio::test]
async fn nothing_secret_leaves_this_machine_unencrypted() {
    let source = HttpTicketSource::new(Url::parse("http://gw.example.com").expect("a URL"), || {
        std::future::ready(Ok("token".to_owned()))
    });
    let error = source.mint().await.expect_err("it would go in the clear");
    assert_eq!(error.code(), Code::INVALID_URL);
    assert!(error.to_string().contains("http://gw.example.com/ is not encrypted"), "{error}");
}

#[tokio::test]
async fn the_example_says_hello() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let file = FOLDER.join("example.token");
    std::fs::write(&file, token("ada") + "\n").expect("a file");
    let url = format!("ws://{}{ROUTE}", world.address);
    let answer = soon("an answer", native_example::hello(&url, file)).await.expect("an echo");
    assert_eq!(answer, Message::text("hello"));
}

#[tokio::test]
async fn f25_it_falls_back_at_once_where_tickets_are_off_and_stops_where_it_may_not() {
    let upstream = Upstream::echo().await;
    let world = World::routing("jwt_fallback = \"allow\"\n[routes.rollout]\npercent = 0", &upstream.url()).await;
    let mut options = impatient(&world);
    options.machine.jwt_fallback = true;
    let falling_back = AdmitConnection::open(source(&world, &login(&token("ada"))), options);
    let mut connection = falling_back.expect("a connection");
    let opened = opened(&mut connection).await;
    assert_eq!((opened.credential, opened.fallback), (CredentialKind::Jwt, Some(Code::TICKETS_DISABLED)));
    echoes(&mut connection, "by JWT").await;
    let ended = closed(&mut connect(&world, &token("grace"))).await;
    assert_eq!(ended.cause.code, Code::TICKETS_DISABLED);
}
