//! nginx, Caddy, Traefik and Envoy ask the gateway before they open a socket: the recipes of `deploy/forward-auth`.

use std::net::Ipv4Addr;

use futures_util::future::join_all;
use serde_json::json;

use crate::client::{Request, soon};
use crate::recipe::Recipe;
use crate::scene::{HangsUp, Scene, at_host, by_query, text, upgrade, values};
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE};

/// Every case with every proxy.
macro_rules! through {
    ($($case:ident: $nginx:ident, $caddy:ident, $traefik:ident, $envoy:ident;)*) => {$(
        #[tokio::test]
        async fn $nginx() { $case(Recipe::Nginx).await; }
        #[tokio::test]
        async fn $caddy() { $case(Recipe::Caddy).await; }
        #[tokio::test]
        async fn $traefik() { $case(Recipe::Traefik).await; }
        #[tokio::test]
        async fn $envoy() { $case(Recipe::Envoy).await; }
    )*};
}

through! {
    opens_by_query: s7_s17_nginx_opens_by_query_once, s7_s17_caddy_opens_by_query_once,
        s7_s17_traefik_opens_by_query_once, s7_s17_envoy_opens_by_query_once;
    opens_by_subprotocol: s24_nginx_opens_by_subprotocol, s24_caddy_opens_by_subprotocol,
        s24_traefik_opens_by_subprotocol, s24_envoy_opens_by_subprotocol;
    believes_no_identity: a1_a2_a3_a6_nginx_passes_on_no_identity_of_a_client, a1_a2_a3_a6_caddy_passes_on_no_identity_of_a_client,
        a1_a2_a3_a6_traefik_passes_on_no_identity_of_a_client, a1_a2_a3_a6_envoy_passes_on_no_identity_of_a_client;
    asks_about_what_it_opens: a4_a5_nginx_asks_about_what_it_opens, a4_a5_caddy_asks_about_what_it_opens,
        a4_a5_traefik_asks_about_what_it_opens, a4_a5_envoy_asks_about_what_it_opens;
    refuses: s2_s30_nginx_refuses_as_the_gateway_does, s2_s30_caddy_refuses_as_the_gateway_does,
        s2_s30_traefik_refuses_as_the_gateway_does, s2_s30_envoy_refuses_as_the_gateway_does;
    lets_nobody_else_ask: a4_nginx_lets_nobody_else_ask, a4_caddy_lets_nobody_else_ask,
        a4_traefik_lets_nobody_else_ask, a4_envoy_lets_nobody_else_ask;
    asks_once: s7_s30_nginx_asks_once_and_refuses_without_an_answer, s7_s30_caddy_asks_once_and_refuses_without_an_answer,
        s7_s30_traefik_asks_once_and_refuses_without_an_answer, s7_s30_envoy_asks_once_and_refuses_without_an_answer;
}

/// The ticket leaves the target, but for Traefik's, which cannot change it: there it arrives spent.
async fn opens_by_query(recipe: Recipe) {
    let scene = Scene::of(recipe).await;
    let minted = scene.minted(json!({}), "{}").await;
    let ticket = text(&minted["ticket"]);
    let (answer, mut socket) = scene.present(&by_query(&ticket)).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, None), "{answer:?}");
    soon("an echo", socket.echo("hello")).await;

    let request = scene.upstream.only_request().await;
    let target =
        if recipe == Recipe::Traefik { format!("{ROUTE}?room=5&ticket={ticket}") } else { format!("{ROUTE}?room=5") };
    assert!(request.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{request}");
    for (name, value) in [
        ("subject", "ada"),
        ("issuer", "https://id.example.com"),
        ("email", "ada@example.com"),
        ("permissions", "chat:read chat:write"),
        ("session-id", &*text(&minted["session_id"])),
        ("method", "ticket"),
    ] {
        assert_eq!(values(&request, &format!("x-admitone-{name}")), [value], "{request}");
    }
    assert_eq!(values(&request, "origin"), [ORIGIN], "A12: {request}");

    assert_eq!(scene.refuses(&by_query(&ticket)).await.status, 401);
    let ticket = scene.ticket().await;
    let request = by_query(&ticket);
    let all_at_once = join_all((0..12).map(|_| scene.ask(&request))).await;
    let admitted = all_at_once.iter().filter(|answer| answer.status == 101).count();
    assert_eq!(admitted, 1, "{all_at_once:?}");
}

async fn opens_by_subprotocol(recipe: Recipe) {
    // Traefik cannot select ours: its recipe says to bring the ticket in the query then.
    let ours = if recipe == Recipe::Traefik { None } else { Some("admitone.v1") };
    for (selects, offer, selected) in [
        (None, "admitone.v1, admitone.refused, ", ours),
        (Some("chat.v2"), "chat.v1, chat.v2, admitone.v1, ", Some("chat.v2")),
    ] {
        let scene = Scene::with(recipe, selects, "").await;
        let ticket = scene.ticket().await;
        let offer = format!("{offer}admitone.ticket.{ticket}");
        let (answer, mut socket) = scene.present(&upgrade(ROUTE).with("Sec-WebSocket-Protocol", &offer)).await;
        assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, selected), "{answer:?}");
        soon("an echo", socket.echo("hello")).await;
        let request = scene.upstream.only_request().await;
        let offered: &[&str] = if selects.is_some() { &["chat.v1, chat.v2"] } else { &[] };
        assert_eq!(values(&request, "sec-websocket-protocol"), offered, "{request}");
        assert!(!request.contains("adm1_") && request.starts_with(&format!("GET {ROUTE} HTTP/1.1\r\n")), "{request}");
        assert_eq!(values(&request, "x-admitone-subject"), ["ada"], "{request}");
    }
}

const PARTS: [&str; 10] =
    ["Subject", "Issuer", "Email", "Tenant", "Permissions", "Session-Id", "Method", "Assertion", "Uri", "Subprotocol"];

/// In every spelling, listed in `Connection`, and for claims that the login does not have.
async fn believes_no_identity(recipe: Recipe) {
    let scene = Scene::of(recipe).await;
    for email in [json!(null), json!("äda@example.com")] {
        let ticket = text(&scene.minted(json!({ "email": email }), "{}").await["ticket"]);
        let mut parts = PARTS.to_vec();
        if recipe != Recipe::Nginx {
            // One that nobody has heard of yet; nginx can only name those that it removes.
            parts.push("Admin");
        }
        let names: Vec<_> = parts.iter().map(|part| format!("X-AdmitOne-{part}")).collect();
        let mut request = by_query(&ticket).replacing("Connection", &format!("Upgrade, {}", names.join(", ")));
        for name in &names {
            let folded = [name.clone(), name.to_ascii_lowercase(), name.replace('-', "_"), name.replace('-', ".")];
            for spelling in folded.into_iter().chain([name.replacen('-', "_", 1), name.to_ascii_uppercase()]) {
                request = request.with(&spelling, "spoofed");
            }
        }
        let answer = scene.ask(&request).await;
        let request = scene.last_request().await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert!(!request.to_ascii_lowercase().contains("spoofed"), "{recipe:?}: {request}");
        for (part, expected) in [("subject", 1), ("issuer", 1), ("permissions", 1), ("method", 1), ("session-id", 1)] {
            assert_eq!(values(&request, &format!("x-admitone-{part}")).len(), expected, "{part}: {request}");
        }
        for part in ["email", "tenant", "assertion"] {
            assert_eq!(values(&request, &format!("x-admitone-{part}")), [""; 0], "{part}: {request}");
        }
        // Whoever passes the request on must not take them away.
        let listed = values(&request, "connection").join(",").to_ascii_lowercase();
        assert!(!listed.contains("x-admitone"), "{request}");
    }
    // A12: a proxy that lets a client take its Origin away lets it in nowhere.
    let request = by_query(&scene.ticket().await).replacing("Connection", "Upgrade, Origin");
    let before = scene.requests().await.len();
    match scene.status(&request).await {
        Some(101) => assert_eq!(values(&scene.requests().await[before], "origin"), [ORIGIN]),
        status => assert_eq!((status, scene.requests().await.len()), (Some(401), before)),
    }
    for (name, value) in [
        ("Host", "gätewäy.test"),
        ("X-AdmitOne-Subject", "evil\r\n\tfolded"),
        ("X-AdmitOne-Subject", "evil\0"),
        ("X-AdmitOne-Subject ", "evil"),
        ("X-Large", &"x".repeat(1 << 20)),
    ] {
        let request = by_query(&scene.ticket().await);
        let request = if name == "Host" { request.replacing(name, value) } else { request.with(name, value) };
        let before = scene.requests().await.len();
        let status = scene.status(&request).await;
        let all = scene.requests().await;
        // A line that is no header of HTTP may be left out; it must not be read as one.
        let is_adas = || values(&all[before], "x-admitone-subject") == ["ada"] && !all[before].contains("evil");
        assert!(if status == Some(101) { is_adas() } else { all.len() == before }, "{recipe:?} {name}: {all:?}");
    }
}

/// Whatever the client writes about its request, the one that reaches the upstream is the one that was asked about.
async fn asks_about_what_it_opens(recipe: Recipe) {
    let scene = Scene::of(recipe).await;
    let spoofed = |request: Request, target: &str| {
        let request =
            request.with("X-Original-URI", target).with("X-Forwarded-Uri", target).with("X-Original-URL", target);
        let request = request.with("X-Forwarded-Method", "GET").with("X-Forwarded-Host", "evil.example");
        let request = request.with("X-Forwarded-Prefix", "/other").with("X-Rewrite-Url", target);
        request.with("X-Envoy-Original-Path", target).with("X-Forwarded-For", "127.0.0.1")
    };
    let other = text(&scene.minted(json!({}), r#"{"route":"/other"}"#).await["ticket"]);
    let target = format!("/other?ticket={other}");
    scene.refuses(&spoofed(upgrade(ROUTE), &target)).await;
    scene.refuses(&spoofed(upgrade(&format!("{ROUTE}?ticket={other}")), &target)).await;
    let before = scene.requests().await.len();
    assert_ne!(scene.status(&spoofed(upgrade(&target), ROUTE)).await, Some(101));
    assert_eq!(scene.requests().await.len(), before);
    let ticket = scene.ticket().await;
    assert_eq!(scene.ask(&spoofed(by_query(&ticket), &target)).await.status, 101, "what it writes does not count");

    let ticket = scene.ticket().await;
    let posted = by_query(&ticket).starting(&format!("POST {ROUTE}?ticket={ticket} HTTP/1.1"));
    scene.refuses(&posted.with("X-Forwarded-Method", "GET").with("Content-Length", "0")).await;
    for target in TARGETS {
        let ticket = scene.ticket().await;
        let request = upgrade(target).with("Sec-WebSocket-Protocol", &format!("chat.v1, admitone.ticket.{ticket}"));
        let before = scene.requests().await.len();
        let answer = scene.status(&request).await;
        let all = scene.requests().await;
        // What a proxy makes the same path of is that path.
        let is_chat = || all[before].starts_with("GET /chat HTTP/1.1\r\n") || all[before].starts_with("GET /chat?");
        match answer {
            Some(101) => assert!(all.len() == before + 1 && is_chat(), "{recipe:?} {target}: {all:?}"),
            status => assert!(all.len() == before, "{recipe:?} {target}: {status:?} {:?}", &all[before..]),
        }
    }
    for name in ["GoogleHC/1.0", "kube-probe/1.30", "ELB-HealthChecker/2.0"] {
        assert_eq!(scene.refuses(&upgrade(ROUTE).with("User-Agent", name)).await.status, 401);
    }
}

/// What one reads as the route's path and another does not.
const TARGETS: [&str; 22] = [
    "/chat?ticket",
    "/chat?ticket=",
    "/chat?ticket=%zz",
    "/chat?%00",
    "/chat?a=%0d%0aX-AdmitOne-Subject:%20evil",
    "/chat/",
    "//chat",
    "/chat//",
    "/./chat",
    "/x/../chat",
    "/x/%2e%2e/chat",
    "/chat/..%2fother",
    "/chat%2f",
    "/chat%00",
    "/chat%20",
    "/%63hat",
    "/chat;x",
    "/chat#",
    "/chat\\",
    "/CHAT",
    "https://app.example.com/chat",
    "chat",
];

/// With the gateway's status, or the nearest that the proxy can pass on, and never with a redirect.
async fn refuses(recipe: Recipe) {
    let limit = "\n[limits]\nfailed_redeems_per_minute_per_address = 1\n";
    let scene = Scene::with(recipe, None, limit).await;
    let ticket = scene.ticket().await;
    let forged = format!("adm1_{}", "x".repeat(72));
    let plain = at_host(Request::new(&format!("GET {ROUTE}?ticket={ticket}"))).origin(ORIGIN);
    for (request, status) in [
        (upgrade(ROUTE), 401),
        (by_query(&ticket).replacing("Origin", "https://evil.example"), 403),
        (by_query(&ticket).replacing("Sec-WebSocket-Version", "8"), 426),
        (by_query(&ticket).with("Sec-WebSocket-Protocol", &format!("admitone.ticket.{ticket}")), 400),
        (plain, 426),
    ] {
        assert_eq!(scene.refuses(&request).await.status, status, "{recipe:?}: {}", request.text());
    }
    let flooder = Ipv4Addr::new(127, 0, 9, 9);
    assert_eq!(scene.ask_from(flooder, &by_query(&forged)).await.status, 401);
    let limited = scene.ask_from(flooder, &by_query(&ticket)).await;
    assert_eq!(limited.status, 429, "{limited:?}");
    assert!(limited.header("retry-after").is_some(), "{limited:?}");
    scene.opens(&ticket).await;
}

/// By no spelling of the path. What the gateway's own endpoints answer to a page stays as it is.
async fn lets_nobody_else_ask(recipe: Recipe) {
    let scene = Scene::of(recipe).await;
    let ticket = scene.ticket().await;
    let target = format!("{ROUTE}?ticket={ticket}");
    for path in [
        "/auth/verify",
        "/auth/verify/",
        "/auth/verify?a",
        &format!("/auth/verify{target}"),
        &format!("/auth//verify{target}"),
        &format!("/auth/./verify{target}"),
        &format!("/auth/x/../verify{target}"),
        &format!("/auth/x/%2e%2e/verify{target}"),
        &format!("/auth/x/..%2fverify{target}"),
        &format!("/auth/%76erify{target}"),
        &format!("/auth%2fverify{target}"),
        &format!("/auth/verify%2f..%2fverify{target}"),
        &format!("/AUTH/VERIFY{target}"),
        &format!("/auth/verify;{target}"),
        &format!("//auth/verify{target}"),
        &format!("/auth/ticket/../verify{target}"),
    ] {
        for request in [upgrade(path), at_host(Request::new(&format!("GET {path}"))).origin(ORIGIN)] {
            let request = request.with("X-Original-URI", &target).with("X-Forwarded-Uri", &target);
            let request = request.with("X-Forwarded-For", "127.0.0.1").with("X-Forwarded-Method", "GET");
            let answer = scene.ask(&request).await;
            assert!(answer.status >= 300, "{recipe:?} {path}: {answer:?}");
            let identity = answer.headers.iter().find(|(name, _)| name.starts_with("x-admitone-"));
            assert_eq!(identity, None, "{recipe:?} {path}");
        }
    }
    scene.opens(&ticket).await;
}

/// Not again when the gateway hangs up: it may have spent the ticket.
async fn asks_once(recipe: Recipe) {
    let upstream = Upstream::echo().await;
    let gateway = HangsUp::new().await;
    let (answer, asked) = gateway.asked_by(recipe, &upstream).await;
    let status = match recipe {
        Recipe::Caddy => 502,
        Recipe::Traefik => 500,
        _ => 503,
    };
    assert_eq!(answer.status, status, "{recipe:?}: {answer:?}");
    assert_eq!(asked, 1, "{recipe:?}");
    assert!(upstream.received_by_now().await.is_empty(), "nothing passes unasked");
}
