//! How a refused upgrade is told.

use admitone::refusal::{CloseProfile, RefuseWith};
use admitone::route::Route;

use super::client::Request;
use super::site::{ORIGIN, Site, chat};

const FORGED: &str = "adm1_EQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn where_the_client_can_read_one_a_refusal_is_a_close_and_elsewhere_a_problem() {
    let site = Site::new();
    let upgrade = || Request::upgrade("/chat").origin(ORIGIN);
    let (answer, mut refused) = site.present(&upgrade().ticket(FORGED)).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("admitone.refused")));
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(refused.close().await, (4801, "admitone:ticket_not_accepted".to_owned()));

    let plain = upgrade().protocols(&format!("v2.chat, admitone.ticket.{FORGED}"));
    let (answer, mut connection) = site.present(&plain).await;
    assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer.header("admitone-ticket"), None, "nobody is told why");
    connection.ends().await;
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_route_may_always_close_never_close_and_close_as_clients_of_old_read_it() {
    let upgrade = || Request::upgrade("/chat").origin(ORIGIN);
    let always = Site::with(Route { refuse_with: RefuseWith::Close, ..chat() }, |builder| builder);
    let (answer, mut refused) =
        always.present(&upgrade().protocols(&format!("v2.chat, admitone.ticket.{FORGED}"))).await;
    assert_eq!(answer.header("sec-websocket-protocol"), Some("v2.chat"));
    assert_eq!(refused.close().await.0, 4801);
    let never = Site::with(Route { refuse_with: RefuseWith::Http, ..chat() }, |builder| builder);
    assert_eq!(never.ask(&upgrade().ticket(FORGED)).await.problem(), "ticket_not_accepted");
    let of_old = Site::with(Route { close_profile: CloseProfile::Policy1008, ..chat() }, |builder| builder);
    let (_, mut refused) = of_old.present(&upgrade().ticket(FORGED)).await;
    let message = r#"{"type":"error","error_code":"AUTH_FAILED"}"#;
    refused.reads(&[&[0x81, message.len() as u8], message.as_bytes()].concat()).await;
    assert_eq!(refused.close().await, (1008, "admitone:ticket_not_accepted".to_owned()));
}

#[tokio::test]
async fn s20_s21_s22_a10_what_is_no_sound_upgrade_is_answered_here() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    let sound = || Request::upgrade("/chat").origin(ORIGIN).ticket(&ticket);
    for (request, status) in [
        (Request::new("GET /chat"), 426),
        (Request::post("/chat").bearer("x"), 426),
        (sound().without("Sec-WebSocket-Version").with("Sec-WebSocket-Version", "8"), 426),
        (sound().without("Upgrade").with("Upgrade", "h2c"), 400),
        (sound().without("Upgrade").with("Upgrade", "websocket, h2c"), 400),
        (sound().without("Sec-WebSocket-Key"), 400),
        (sound().without("Sec-WebSocket-Key").with("Sec-WebSocket-Key", "c2hvcnQ="), 400),
        (sound().with("Content-Length", "3"), 400),
        (sound().protocols("a b"), 400),
    ] {
        let (answer, mut connection) = site.present(&request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
        assert_eq!(answer.header("connection"), Some("close"), "nothing is read behind it");
        connection.ends().await;
    }
    assert!(site.seen().is_empty());
    site.opens(&ticket).await;
}

#[tokio::test]
async fn s28_every_refusal_is_heard_of_and_holds_no_secret() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    let upgrade = || Request::upgrade("/chat").origin(ORIGIN);
    site.opens(&ticket).await;
    for request in [
        upgrade(),
        upgrade().ticket(&ticket),
        upgrade().ticket(FORGED),
        upgrade().ticket("adm1_short"),
        upgrade().bearer("a-secret-token"),
        Request::post("/auth/ticket").bearer("a-secret-token"),
        Request::post("/auth/ticket/revoke").bearer("login-of-ada").json(&format!(r#"{{"ticket":"{ticket}"}}"#)),
        Request::post(&format!("/auth/ticket/{ticket}")).bearer("login-of-ada"),
        Request::new(&format!("DELETE /auth/session/{ticket}")).bearer("login-of-ada"),
    ] {
        site.ask(&request).await;
    }
    let refusals = site.refusals();
    assert_eq!(refusals.len(), 9, "{refusals:?}");
    assert!(refusals[1].starts_with("/chat: ticket: the ticket of session ses_"), "{refusals:?}");
    assert_eq!(
        refusals[2],
        "/chat: ticket: the ticket's key id 0 is unknown here: minted by another node without shared keys, or before a restart"
    );
    assert_eq!(refusals[5], "/auth/ticket: login: no such login");
    assert_eq!(refusals[7..], [": nothing is at this path", "/auth/session/{id}: this login has no such session"]);
    for secret in [&ticket[5..], &FORGED[5..], "a-secret-token"] {
        assert!(refusals.iter().all(|line| !line.contains(secret)), "{refusals:?}");
    }
    assert!(!format!("{:?}", site.admit).contains(&ticket));
}
