//! What the upstream is told of who connects, and what a client cannot make it believe.

use serde_json::json;

use crate::client::Request;
use crate::tokens::{claims_with, sign, token};
use crate::upstream::{Behaviour, UPGRADES, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

fn upgrade(ticket: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket)
}

/// The values of every header whose name reads like this one to an upstream that folds `_` and `.` into `-`.
fn values<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let lines = request.lines().filter_map(|line| line.split_once(':'));
    let named = lines.filter(|(known, _)| known.to_ascii_lowercase().replace(['_', '.'], "-") == name);
    named.map(|(_, value)| value.trim()).collect()
}

#[tokio::test]
async fn s17_the_upstream_is_told_who_connects() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let minted = world.minted(&token("ada"), "{}").await;
    world.opens(minted["ticket"].as_str().expect("a ticket")).await;
    let request = upstream.only_request().await;
    for (name, value) in [
        ("subject", "ada"),
        ("issuer", "https://id.example.com"),
        ("email", "ada@example.com"),
        ("permissions", "chat:read chat:write"),
        ("session-id", minted["session_id"].as_str().expect("a session id")),
        ("method", "ticket"),
    ] {
        assert_eq!(values(&request, &format!("x-admitone-{name}")), [value], "{request}");
    }
}

const SPELLINGS: [&str; 5] =
    ["X-AdmitOne-Subject", "x-admitone-subject", "X_AdmitOne_Subject", "X.AdmitOne.Subject", "x-admitone_subject"];

#[tokio::test]
async fn s17_a1_a2_a_client_cannot_say_who_it_is_in_any_spelling() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut request = upgrade(&world.ticket().await);
    for spelling in SPELLINGS {
        for part in ["subject", "issuer", "permissions", "method", "session-id", "email", "admin", ""] {
            request = request.with(&spelling.to_ascii_lowercase().replace("subject", part), "spoofed");
        }
        request = request.with(spelling, "spoofed");
    }
    assert_eq!(world.ask(request).await.status, 101);
    let request = upstream.only_request().await;
    assert!(!request.contains("spoofed"), "{request}");
    assert_eq!(values(&request, "x-admitone-subject"), ["ada"]);
}

#[tokio::test]
async fn a1_a6_an_email_that_cannot_be_told_is_left_out_and_the_clients_own_is_dropped() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for email in [json!(null), json!("adá@example.com"), json!("ada@example.com\r\nx-admin: 1"), json!("")] {
        let token = sign(&claims_with("ada", json!({ "email": email, "scope": null })));
        let ticket = world.ticket_for(&token).await;
        let request = upgrade(&ticket).with("X-AdmitOne-Email", "spoofed@example.com");
        assert_eq!(world.ask(request.with("x_admitone_email", "spoofed@example.com")).await.status, 101);
    }
    let requests = upstream.received_by_now().await;
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert!(values(&request, "x-admitone-email").is_empty(), "{request}");
        assert_eq!(values(&request, "x-admitone-permissions"), [""], "{request}");
        assert!(values(&request, "x-admin").is_empty(), "{request}");
    }
}

#[tokio::test]
async fn a6_a_subject_that_could_split_a_header_never_mints() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for subject in ["a\r\nx-admin: 1", "a\0", "ä", "a b", ""] {
        assert_eq!(world.ask_for_ticket(&token(subject), "{}").await.status, 401, "{subject:?}");
    }
}

#[tokio::test]
async fn s18_a3_connection_removes_what_it_lists_but_never_ours() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let request = upgrade(&world.ticket().await)
        .replacing("Connection", "Upgrade, X-AdmitOne-Subject, x-admitone-issuer, X-Hop, x-forwarded-for, host")
        .with("Connection", "x-other-hop")
        .with("X-Hop", "hop-value")
        .with("X-Other-Hop", "hop-value")
        .with("Keep-Alive", "hop-value")
        .with("Proxy-Connection", "hop-value")
        .with("Proxy-Authorization", "hop-value")
        .with("TE", "hop-value")
        .with("Trailer", "hop-value")
        .with("Sec-WebSocket-Accept", "hop-value")
        .with("Expect", "hop-value")
        .with("Transfer_Encoding", "hop-value")
        .with("Sec_WebSocket_Protocol", "hop-value")
        .with("Proxy.Authorization", "hop-value")
        .with("X-End", "end-to-end");
    assert_eq!(world.ask(request).await.status, 101);
    let request = upstream.only_request().await;
    assert!(!request.contains("hop-value"), "{request}");
    for (name, value) in [
        ("x-admitone-subject", "ada"),
        ("x-admitone-issuer", "https://id.example.com"),
        ("x-end", "end-to-end"),
        ("connection", "Upgrade"),
        ("host", &upstream.address.to_string()),
        ("x-forwarded-host", "gateway.test"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ] {
        assert_eq!(values(&request, name), [value], "{request}");
    }
}

#[tokio::test]
async fn s32_a_clients_own_forwarding_headers_are_not_believed_in_any_spelling() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut request = upgrade(&world.ticket().await);
    for name in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"] {
        request = request.with(name, "203.0.113.7").with(&name.replace('-', "_"), "203.0.113.7");
    }
    assert_eq!(world.ask(request).await.status, 101);
    let request = upstream.only_request().await;
    assert!(!request.contains("203.0.113.7"), "{request}");
    assert_eq!(values(&request, "x-forwarded-for"), ["127.0.0.1"]);
}

#[tokio::test]
async fn s32_a_ticket_bound_to_a_network_believes_trusted_proxies_only() {
    let upstream = Upstream::echo().await;
    let route = "bind_address = true";
    let from = |request: Request, address: &str| request.with("X-Forwarded-For", address);
    let mint = |address| from(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")), address);

    let world = World::routing(route, &upstream.url()).await;
    let minted = world.ask(mint("203.0.113.7")).await.json();
    let ticket = minted["ticket"].as_str().expect("a ticket");
    assert_eq!(world.ask(from(upgrade(ticket), "198.51.100.7")).await.status, 101, "both came from here");

    let lines = Lines { route, server: "trusted_proxies = [\"127.0.0.1\"]", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let minted = world.ask(mint("203.0.113.7")).await.json();
    let ticket = minted["ticket"].as_str().expect("a ticket");
    // What stands before the hop that the proxy added was written by the client.
    for address in ["198.51.100.7", "203.0.113.7, 198.51.100.7", "nonsense", ""] {
        let answer = world.ask(from(upgrade(ticket), address)).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "ticket_not_accepted"), "{address}");
    }
    assert_eq!(world.ask(from(upgrade(ticket), "198.51.100.7, 203.0.113.99, 127.0.0.1")).await.status, 101);
}

#[tokio::test]
async fn an_upstreams_answer_passes_without_what_looks_like_ours() {
    let script = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nUpgrade: websocket\r\n\
                  Sec-WebSocket-Accept: {accept}\r\nX-Hop: 1\r\nX-AdmitOne-Subject: eve\r\nSet-Cookie: a=1\r\n\r\n";
    assert!(script.starts_with(&UPGRADES[..20]));
    let upstream = Upstream::that(Behaviour::Answers(script)).await;
    let world = World::before(&upstream.url()).await;
    let answer = world.ask(upgrade(&world.ticket().await)).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (101, Some("a=1")));
    assert_eq!((answer.header("x-hop"), answer.header("x-admitone-subject")), (None, None));
}

#[tokio::test]
async fn a1_s12_the_upstream_hears_the_tenant_of_the_login_and_never_the_clients() {
    let upstream = Upstream::echo().await;
    let end = r#"
[[issuers]]
name = "tenants"
issuer = "https://tenants.example.com"
audience = "admitone"
algorithms = ["ES256"]
public_key_file = "issuer.pem"
claims = { tenant = "org" }
"#;
    let world = World::with(Lines { end, ..Lines::default() }, &upstream.url()).await;
    let spoofed =
        |ticket: &str| upgrade(ticket).with("X-AdmitOne-Tenant", "spoofed").with("x.admitone.tenant", "spoofed");
    let member = sign(&claims_with("ada", json!({ "iss": "https://tenants.example.com", "org": "acme" })));
    for token in [member, token("ada")] {
        assert_eq!(world.ask(spoofed(&world.ticket_for(&token).await)).await.status, 101);
    }
    let requests = upstream.received_by_now().await;
    assert_eq!(values(&requests[0], "x-admitone-tenant"), ["acme"], "{}", requests[0]);
    assert!(values(&requests[1], "x-admitone-tenant").is_empty(), "{}", requests[1]);
    let outsider = sign(&claims_with("ada", json!({ "iss": "https://tenants.example.com" })));
    assert_eq!(world.ask_for_ticket(&outsider, "{}").await.status, 401);
}

#[tokio::test]
async fn s17_a1_a2_headers_that_a_route_drops_reach_the_upstream_in_no_spelling() {
    let upstream = Upstream::echo().await;
    let world = World::routing("drop_headers = [\"X-User\", \"x_remote.groups\"]", &upstream.url()).await;
    let mut request = upgrade(&world.ticket().await).with("X-Users", "kept").with("X-User-Agent", "kept");
    for name in ["X-User", "x-user", "X_User", "x.user", "X-Remote-Groups", "x_remote_groups", "X.Remote.Groups"] {
        request = request.with(name, "spoofed");
    }
    let request = request.replacing("Connection", "Upgrade, X-Users-Other");
    assert_eq!(world.ask(request).await.status, 101);
    let request = upstream.only_request().await;
    assert!(!request.contains("spoofed"), "{request}");
    assert_eq!((values(&request, "x-users"), values(&request, "x-user-agent")), (vec!["kept"], vec!["kept"]));
}

#[tokio::test]
async fn a6_an_oversize_subject_or_a_host_that_is_no_ascii_is_refused() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    assert_eq!(world.ask_for_ticket(&token(&"a".repeat(513)), "{}").await.status, 401);
    let longest = world.ticket_for(&token(&"a".repeat(512))).await;
    world.opens(&longest).await;
    let ticket = world.ticket().await;
    for host in ["gätewäy.test", "gateway.test\u{1}", "a b", "gateway.test, evil.test"] {
        let answer = world.ask(upgrade(&ticket).replacing("Host", host)).await;
        assert_eq!(answer.status, 400, "{host:?}: {answer:?}");
    }
    assert_eq!(upstream.received_by_now().await.len(), 1, "none of them was dialled for");
    world.opens(&ticket).await;
}

#[tokio::test]
async fn a7_a_claim_is_passed_on_as_it_is_and_nothing_is_read_into_it() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let claims = claims_with("ada@example.com@evil.example", json!({ "email": "ada@example.com@evil.example" }));
    world.opens(&world.ticket_for(&sign(&claims)).await).await;
    let request = upstream.only_request().await;
    for name in ["x-admitone-subject", "x-admitone-email"] {
        assert_eq!(values(&request, name), ["ada@example.com@evil.example"], "{request}");
    }
}

#[tokio::test]
async fn a12_the_upstream_sees_the_origin_whatever_connection_lists() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let request = upgrade(&world.ticket().await).replacing("Connection", "Upgrade, Origin");
    assert_eq!(world.ask(request).await.status, 101);
    assert_eq!(values(&upstream.only_request().await, "origin"), [ORIGIN]);
}
