//! What handlers may get wrong.

use admitone::tower::Admitted;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::client::Request as Asking;
use super::site::{ORIGIN, Reply, Site, chat, switching, talk};

fn selecting(protocol: &'static str, mut request: Request<Incoming>, admitted: Admitted) -> Reply {
    tokio::spawn(talk(hyper::upgrade::on(&mut request), admitted));
    let mut response = switching();
    response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
    Ok(response)
}

/// An upgrade with the application's subprotocols, and a ticket.
async fn upgrade(site: &std::sync::Arc<Site>, protocols: &str) -> Asking {
    let ticket = site.ticket("ada").await;
    let ours = format!("admitone.v1, admitone.refused, admitone.ticket.{ticket}");
    Asking::upgrade("/chat").origin(ORIGIN).protocols(&format!("{protocols}{ours}"))
}

#[tokio::test]
async fn the_handlers_choice_among_the_applications_subprotocols_is_the_answers() {
    let site = Site::handled_by(|request, admitted| selecting("v2.chat", request, admitted), chat(), |builder| builder);
    let answer = site.ask(&upgrade(&site, "v1.chat, v2.chat, ").await).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("v2.chat")));
}

#[tokio::test]
async fn without_a_choice_the_marker_is_selected_and_without_the_marker_nothing() {
    let site = Site::new();
    let answer = site.ask(&upgrade(&site, "v1.chat, ").await).await;
    assert_eq!(answer.header("sec-websocket-protocol"), Some("admitone.v1"));
    let ticket = site.ticket("ada").await;
    let bare = Asking::upgrade("/chat").origin(ORIGIN).with("Authorization", &format!("Ticket {ticket}"));
    assert_eq!(site.ask(&bare).await.header("sec-websocket-protocol"), None);
}

#[tokio::test]
async fn a_handler_that_selects_what_was_not_offered_is_answered_500() {
    let site = Site::handled_by(|request, admitted| selecting("v3.chat", request, admitted), chat(), |builder| builder);
    let answer = site.ask(&upgrade(&site, "v1.chat, ").await).await;
    assert_eq!((answer.status, &*answer.problem()), (500, "internal"));
    assert_eq!(site.refusals(), ["/chat: the handler selected a subprotocol that was not offered"]);
    site.is_empty().await;
}

#[tokio::test]
async fn s5_a_handler_that_opens_a_socket_and_lets_go_of_its_session_is_answered_500() {
    let forgets = |mut request: Request<Incoming>, admitted: Admitted| {
        drop(admitted);
        tokio::spawn(hyper::upgrade::on(&mut request));
        Ok(switching())
    };
    let site = Site::handled_by(forgets, chat(), |builder| builder);
    let (answer, mut connection) = site.present(&upgrade(&site, "").await).await;
    assert_eq!((answer.status, &*answer.problem()), (500, "internal"));
    connection.ends().await;
    assert!(site.refusals()[0].contains("dropped its `Admitted`"), "{:?}", site.refusals());
}

#[tokio::test]
async fn a_handler_may_refuse_whom_the_door_admitted_and_the_session_is_over() {
    let refuses = |_: Request<Incoming>, _: Admitted| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::FORBIDDEN;
        Ok(response)
    };
    let site = Site::handled_by(refuses, chat(), |builder| builder);
    assert_eq!(site.ask(&upgrade(&site, "").await).await.status, 403);
    site.is_empty().await;
    assert!(site.refusals().is_empty(), "it is the application's own");
}
