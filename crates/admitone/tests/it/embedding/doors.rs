use std::time::Duration;

use admitone::carrier::{Carrier, Policy};
use admitone::route::Route;
use admitone::sessions::Terms;

use super::client::Request;
use super::site::{ORIGIN, Site, chat, origin, token};

#[tokio::test]
async fn a_ticket_opens_one_socket_and_the_handler_is_told_who_it_is() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    site.open(&ticket).await.echo("hello").await;
    let again = site.ask(&Request::upgrade("/chat").origin(ORIGIN).ticket(&ticket).clone()).await;
    assert_eq!(again.status, 101, "told by a Close");
    let plain = Request::upgrade("/chat").origin(ORIGIN).with("Authorization", &format!("Ticket {ticket}"));
    assert_eq!(site.ask(&plain).await.problem(), "ticket_not_accepted");
    let subjects: Vec<String> = site.seen().into_iter().map(|seen| seen.subject).collect();
    assert_eq!(subjects, ["ada"], "once");
}

#[tokio::test]
async fn s2_a_page_of_an_origin_that_is_not_listed_cannot_connect_and_spends_nothing() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    for evil in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "https://app.example.com:8443",
        "http://app.example.com",
        "HTTPS://app.example.com",
        "https://app.example.co",
        "https://app.example.com, https://app.example.com",
        "",
    ] {
        let request = Request::upgrade("/chat").origin(evil).with("Authorization", &format!("Ticket {ticket}"));
        let answer = site.ask(&request).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "origin_not_allowed"), "{evil:?}");
    }
    let twice =
        Request::upgrade("/chat").origin(ORIGIN).origin(ORIGIN).with("Authorization", &format!("Ticket {ticket}"));
    assert_eq!(site.ask(&twice).await.problem(), "origin_not_allowed");
    assert!(site.seen().is_empty());
    site.opens(&ticket).await;
}

#[tokio::test]
async fn s2_a_ticket_works_from_the_origin_alone_that_it_was_minted_from() {
    let route = Route::new("/chat", [origin(ORIGIN), origin("https://other.example.com")]);
    let site = Site::with(route, |builder| builder);
    let ticket = site.ticket("ada").await;
    let elsewhere = Request::upgrade("/chat").origin("https://other.example.com");
    let answer = site.ask(&elsewhere.with("Authorization", &format!("Ticket {ticket}"))).await;
    assert_eq!(answer.problem(), "ticket_not_accepted");
    site.opens(&ticket).await;
}

#[tokio::test]
async fn s2_a_cookie_without_an_origin_is_refused_and_a_native_client_is_not() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    let cookie = Request::upgrade("/chat").with("Cookie", &format!("__Host-admitone-ticket={ticket}"));
    assert_eq!(site.ask(&cookie).await.problem(), "origin_not_allowed");
    let asking = Request::post("/auth/ticket").bearer(&token("ada")).json("{}");
    let native = site.ask(&asking).await.json()["ticket"].as_str().expect("a ticket").to_owned();
    let upgrade = Request::upgrade("/chat").with("Authorization", &format!("Ticket {native}"));
    assert_eq!(site.ask(&upgrade).await.status, 101);
}

#[tokio::test]
async fn s24_a1_a2_the_handler_sees_nothing_of_the_credential_our_markers_and_forged_identities() {
    let route = Route { carriers: Policy { ticket: Carrier::ALL.to_vec(), ..Policy::default() }, ..chat() };
    let site = Site::with(route, |builder| builder);
    let upgrade = |target: &str| Request::upgrade(target).origin(ORIGIN);
    for carrier in Carrier::ALL {
        let ticket = site.ticket("ada").await;
        let request = match carrier {
            Carrier::Subprotocol => upgrade("/chat?room=1")
                .protocols(&format!("v2.chat, admitone.v1, AdmitOne.Refused, admitone.ticket.{ticket}")),
            Carrier::Cookie => {
                upgrade("/chat?room=1").with("Cookie", &format!("a=b; __Host-admitone-ticket={ticket}; c=d"))
            }
            Carrier::Query => upgrade(&format!("/chat?ticket={ticket}&room=1")),
            _ => upgrade("/chat?room=1").with("Authorization", &format!("Ticket {ticket}")),
        };
        let forged = request
            .with("X-AdmitOne-Subject", "root")
            .with("x_admitone_subject", "root")
            .with("X.AdmitOne.Permissions", "everything");
        assert_eq!(site.ask(&forged).await.status, 101, "{carrier:?}");
        let seen = site.seen().pop().expect("a request");
        assert_eq!(seen.target, "/chat?room=1", "{carrier:?}");
        assert!(!seen.headers.contains(&ticket[5..]), "{carrier:?}: {}", seen.headers);
        assert!(!seen.headers.to_ascii_lowercase().contains("admitone"), "{carrier:?}: {}", seen.headers);
        assert!(!seen.headers.contains("root"), "{carrier:?}: {}", seen.headers);
        assert_eq!(seen.headers.contains("v2.chat"), carrier == Carrier::Subprotocol, "{}", seen.headers);
        assert_eq!(seen.headers.contains("a=b; c=d"), carrier == Carrier::Cookie, "{}", seen.headers);
    }
}

#[tokio::test]
async fn a_credential_in_the_query_is_refused_where_the_route_takes_none_there() {
    let site = Site::new();
    let ticket = site.ticket("ada").await;
    for query in [format!("ticket={ticket}"), "access_token=abc".to_owned()] {
        let answer = site.ask(&Request::upgrade(&format!("/chat?{query}")).origin(ORIGIN)).await;
        assert_eq!((answer.status, &*answer.problem()), (400, "query_token_not_allowed"));
    }
    assert!(site.refusals().iter().all(|line| !line.contains(&ticket)), "{:?}", site.refusals());
    site.opens(&ticket).await;
}

#[tokio::test]
async fn a_refused_ticket_never_falls_through_to_another_credential() {
    let route = Route {
        carriers: Policy { jwt: vec![Carrier::Subprotocol, Carrier::Authorization], ..chat().carriers },
        ..chat()
    };
    let site = Site::with(route, |builder| builder);
    let ticket = site.ticket("ada").await;
    site.opens(&ticket).await;
    let both = Request::upgrade("/chat").origin(ORIGIN).bearer(&token("ada"));
    let both = both.protocols(&format!("admitone.ticket.{ticket}"));
    assert_eq!(site.ask(&both).await.problem(), "ambiguous_credential");
    let cookie = Request::upgrade("/chat").origin(ORIGIN).bearer("no login at all");
    let cookie = cookie.with("Cookie", &format!("__Host-admitone-ticket={}", site.ticket("ada").await));
    assert_eq!(site.ask(&cookie).await.problem(), "not_logged_in", "the cookie is not tried");
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn a_login_takes_the_place_of_a_ticket_where_the_route_says_so_alone() {
    let by_login = Request::upgrade("/chat").origin(ORIGIN).bearer(&token("ada"));
    assert_eq!(Site::new().ask(&by_login).await.problem(), "not_logged_in");
    let route = Route { carriers: Policy { jwt: vec![Carrier::Authorization], ..chat().carriers }, ..chat() };
    let site = Site::with(route, |builder| builder);
    let (answer, mut socket) = site.present(&by_login).await;
    assert_eq!(answer.status, 101);
    socket.echo("hello").await;
    let logout = Request::post("/auth/logout").bearer(&token("ada"));
    assert_eq!(site.ask(&logout).await.status, 204);
    assert_eq!(socket.close().await, (4900, "admitone:revoked".to_owned()));
    assert_eq!(site.ask(&by_login).await.problem(), "not_logged_in", "the login is over");
    let away = Request::upgrade("/chat").origin(ORIGIN).bearer("away");
    let answer = site.ask(&away).await;
    assert_eq!(
        (answer.status, &*answer.problem(), answer.header("retry-after")),
        (503, "issuer_unavailable", Some("2"))
    );
}

#[tokio::test]
async fn s5_a_logout_closes_the_socket_and_the_tickets_that_were_minted_with_it_open_none() {
    let site = Site::new();
    let (first, second) = (site.ticket("ada").await, site.ticket("ada").await);
    let (mut ada, mut grace) = (site.open(&first).await, site.open(&site.ticket("grace").await).await);
    ada.echo("hello").await;
    assert_eq!(site.ask(&Request::post("/auth/logout").bearer(&token("ada"))).await.status, 204);
    assert_eq!(ada.close().await, (4900, "admitone:revoked".to_owned()));
    let (answer, mut refused) = site.present(&Request::upgrade("/chat").origin(ORIGIN).ticket(&second)).await;
    assert_eq!(answer.header("sec-websocket-protocol"), Some("admitone.refused"));
    assert_eq!(refused.close().await, (4801, "admitone:ticket_not_accepted".to_owned()));
    grace.echo("somebody else's goes on").await;
}

#[tokio::test]
async fn a_session_ends_with_its_terms_and_with_its_handler() {
    let site = Site::with(Route { terms: Terms::from(Duration::from_millis(50)), ..chat() }, |builder| builder);
    let mut socket = site.open(&site.ticket("ada").await).await;
    assert_eq!(socket.close().await, (4800, "admitone:session_expired".to_owned()));
    let site = Site::new();
    let socket = site.open(&site.ticket("ada").await).await;
    assert_eq!(site.admit.engine().sessions.count(), 1);
    drop(socket);
    site.is_empty().await;
}

#[tokio::test]
async fn a_subject_has_as_many_sessions_as_it_may_at_a_time() {
    let site = Site::with(chat(), |builder| builder.most_sessions_per_subject(1));
    let first = site.open(&site.ticket("ada").await).await;
    let ticket = site.ticket("ada").await;
    let over = Request::upgrade("/chat").origin(ORIGIN).with("Authorization", &format!("Ticket {ticket}"));
    let answer = site.ask(&over).await;
    assert_eq!(
        (answer.status, &*answer.problem(), answer.header("admitone-ticket")),
        (429, "over_limit", Some("spent"))
    );
    let _grace = site.open(&site.ticket("grace").await).await;
    drop(first);
    let room = async {
        while site.admit.engine().sessions.count() > 1 {
            tokio::task::yield_now().await;
        }
    };
    super::client::soon("the place is free", room).await;
    site.opens(&site.ticket("ada").await).await;
}

#[tokio::test]
async fn a_drain_closes_what_is_open_and_lets_nobody_in() {
    let site = Site::new();
    let (ticket, mut socket) = (site.ticket("ada").await, site.open(&site.ticket("ada").await).await);
    let draining = tokio::spawn({
        let admit = site.admit.clone();
        async move { admit.drain(Duration::from_millis(20)).await }
    });
    assert_eq!(socket.close().await, (1012, "admitone:draining".to_owned()));
    draining.await.expect("it returns");
    let (_, mut refused) = site.present(&Request::upgrade("/chat").origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!(refused.close().await, (1012, "admitone:draining".to_owned()));
    let answer = site.ask(&Request::post("/auth/ticket").bearer(&token("ada"))).await;
    assert_eq!((answer.status, &*answer.problem(), answer.header("retry-after")), (503, "draining", Some("1")));
}

#[tokio::test]
async fn a14_a_client_that_goes_away_while_it_is_admitted_leaves_no_session_behind() {
    let site = Site::new();
    for _ in 0..20 {
        let ticket = site.ticket("ada").await;
        let mut socket = site.connect();
        let upgrade = Request::upgrade("/chat").origin(ORIGIN).ticket(&ticket);
        tokio::select! { biased; _ = tokio::task::yield_now() => {} _ = socket.ask(&upgrade) => {} }
        drop(socket);
    }
    site.is_empty().await;
}
