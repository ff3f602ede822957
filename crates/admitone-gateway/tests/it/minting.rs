//! `POST /auth/ticket`: who may mint, and what comes back.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use tokio::net::TcpListener;

use crate::client::Request;
use crate::tokens::{claims, claims_with, legacy_token, sign, token, unix_now};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, World};

fn mint() -> Request {
    Request::post("/auth/ticket")
}

#[tokio::test]
async fn s3_without_a_login_nothing_is_minted() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for request in [mint(), mint().with("Authorization", "Basic YTpi"), mint().with("Authorization", "Ticket adm1_")] {
        let answer = world.ask(request).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn s3_s16_a_token_that_is_no_login_is_named_invalid() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for token in [
        String::new(),
        "nonsense".to_owned(),
        sign(&claims_with("ada", json!({ "exp": unix_now() - 60 }))),
        sign(&claims_with("ada", json!({ "exp": unix_now() + 31 * 86_400 }))),
        sign(&claims_with("ada", json!({ "aud": "another" }))),
        sign(&claims_with("ada", json!({ "iss": "https://id.example.com/" }))),
        sign(&claims_with("ada\r\nx-admin: 1", json!({}))),
        sign(&claims_with("ada", json!({ "iss": "legacy-app" }))),
    ] {
        let answer = world.ask(mint().bearer(&token)).await;
        assert_eq!((answer.status, &*answer.problem()), (401, "not_logged_in"));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    }
}

#[tokio::test]
async fn s3_two_authorizations_are_a_bad_request() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let answer = world.ask(mint().bearer(&token("ada")).bearer(&token("eve"))).await;
    assert_eq!((answer.status, &*answer.problem()), (400, "invalid_request"));
}

#[tokio::test]
async fn s3_only_post_mints_and_the_answer_says_so() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for path in ["/auth/ticket", "/auth/logout"] {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = world.ask(Request::new(&format!("{method} {path}")).bearer(&token("ada"))).await;
            assert_eq!((answer.status, &*answer.problem()), (405, "method_not_allowed"), "{method} {path}");
            assert_eq!(answer.header("allow"), Some("POST"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn s3_a_preflight_is_allowed_for_listed_origins_only() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for path in ["/auth/ticket", "/auth/logout"] {
        let preflight = |origin: &str| {
            Request::new(&format!("OPTIONS {path}"))
                .origin(origin)
                .with("Access-Control-Request-Method", "POST")
                .with("Access-Control-Request-Headers", "authorization,content-type")
        };
        let answer = world.ask(preflight(ORIGIN)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST,DELETE"));
        let headers = answer.header("access-control-allow-headers").expect("headers");
        assert_eq!(headers, "authorization,content-type");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert!(answer.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")));

        for origin in
            ["https://evil.example", "null", "https://app.example.com.evil.example", "https://app.example.com:444"]
        {
            let answer = world.ask(preflight(origin)).await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        }
    }
}

#[tokio::test]
async fn s3_pages_of_listed_origins_read_answers_and_refusals_others_mint_nothing() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let minted = world.ask(mint().origin(ORIGIN).bearer(&token("ada"))).await;
    let refused = world.ask(mint().origin(ORIGIN)).await;
    for (answer, status) in [(minted, 201), (refused, 401)] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(answer.header("access-control-expose-headers"), Some("retry-after,admitone-ticket"));
    }
    for request in [
        mint().origin("https://evil.example"),
        mint().origin("null"),
        mint().origin("https://APP.example.com"),
        mint().origin(ORIGIN).origin(ORIGIN),
        mint().origin(ORIGIN).origin("https://evil.example"),
    ] {
        let answer = world.ask(request.bearer(&token("ada"))).await;
        assert_eq!((answer.status, &*answer.problem()), (403, "origin_not_allowed"));
    }
    let foreign = world.ask(mint().origin("https://evil.example").bearer(&token("ada"))).await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn s16_a_token_in_the_url_is_refused_even_beside_a_good_one() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for query in ["access_token=x", "a=1&access_token=x", "access%5Ftoken=x"] {
        let answer = world.ask(Request::post(&format!("/auth/ticket?{query}")).bearer(&token("ada"))).await;
        assert_eq!((answer.status, &*answer.problem()), (400, "invalid_request"), "{query}");
    }
}

#[tokio::test]
async fn a_mint_says_everything_that_a_client_needs() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let before = unix_now();
    let answer = world.ask_for_ticket(&token("ada"), r#"{"ttl_seconds": 45}"#).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let minted = answer.json();
    let ticket = minted["ticket"].as_str().expect("a ticket");
    assert!(ticket.starts_with("adm1_") && ticket.len() == 77);
    let session = minted["session_id"].as_str().expect("a session id");
    assert!(session.starts_with("ses_") && session.len() == 27);
    let created = minted["created_at"].as_u64().expect("seconds");
    assert!((before..=unix_now()).contains(&created));
    assert_eq!(minted["expires_at"], created + 45);
    assert_eq!((&minted["expires_in"], &minted["ttl_seconds"]), (&json!(45), &json!(45)));
    assert_eq!(minted["single_use"], true);
    let login_ends = minted["login_expires_at"].as_u64().expect("seconds");
    assert!((before + 900..=created + 900 + 30).contains(&login_ends), "with the issuer's leeway: {login_ends}");
    assert_eq!(minted["websocket_url"], format!("ws://{}/chat", world.address));
    assert_eq!(minted["protocols"], json!(["admitone.v1", "admitone.refused", format!("admitone.ticket.{ticket}")]));
    assert_eq!(minted.as_object().expect("an object").len(), 10, "nothing else");
}

#[tokio::test]
async fn logins_of_every_issuer_mint_and_an_empty_body_will_do() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for token in [token("ada"), legacy_token("ada")] {
        let answer = world.ask(mint().origin(ORIGIN).bearer(&token)).await;
        assert_eq!((answer.status, &answer.json()["ttl_seconds"]), (201, &json!(60)));
        world.opens(answer.json()["ticket"].as_str().expect("a ticket")).await;
    }
}

#[tokio::test]
async fn a_ticket_never_outlives_its_login_nor_its_routes_limit() {
    let upstream = Upstream::echo().await;
    let world = World::routing("max_ttl_seconds = 30", &upstream.url()).await;
    assert_eq!(world.minted(&token("ada"), r#"{"ttl_seconds": 3600}"#).await["ttl_seconds"], 30);
    // It is accepted for 30 seconds of leeway beyond its expiry.
    let short = sign(&claims_with("ada", json!({ "exp": unix_now() - 10 })));
    let ttl = world.minted(&short, r#"{"ttl_seconds": 3600}"#).await["ttl_seconds"].as_u64().expect("seconds");
    assert!((15..=20).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn f8_a_subject_with_too_many_tickets_waits_while_others_mint() {
    let upstream = Upstream::echo().await;
    let lines = Lines { store: "max_tickets_per_subject = 2", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let first = world.ticket().await;
    world.ticket().await;
    let answer = world.ask_for_ticket(&token("ada"), "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (429, "over_limit"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    world.ticket_for(&token("grace")).await;
    // The same subject of another issuer is another person.
    world.ticket_for(&legacy_token("ada")).await;

    world.opens(&first).await;
    world.ticket().await;
}

#[tokio::test]
async fn f8_a_full_store_refuses_rather_than_evicts() {
    let upstream = Upstream::echo().await;
    let lines = Lines { store: "max_tickets = 1", ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let ticket = world.ticket().await;
    let answer = world.ask_for_ticket(&token("grace"), "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (503, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    world.opens(&ticket).await;
}

/// A chunked request is read by hyper, any other here.
#[tokio::test]
async fn s3_a_mint_says_the_same_whichever_way_it_is_read() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let from = |origin: Option<&str>| {
        let post = mint().bearer(&token("ada"));
        if let Some(origin) = origin { post.origin(origin) } else { post }
    };
    let refused = mint().origin(ORIGIN).bearer("no token");
    let requests =
        [(201, from(None)), (201, from(Some(ORIGIN))), (403, from(Some("https://evil.example"))), (401, refused)];
    for (status, request) in requests {
        let direct = world.ask(request.clone()).await;
        let mut connection = world.connect().await;
        connection.send(request.with("Transfer-Encoding", "chunked").text() + "0\r\n\r\n").await;
        let routed = connection.answer().await;
        assert_eq!((direct.status, routed.status), (status, status));
        // These differ by the way, by the ticket, or by the request.
        let differs = |name: &str| matches!(name, "date" | "connection" | "content-length" | "x-request-id");
        assert_eq!(direct.headers_but(differs), routed.headers_but(differs), "{status}");
    }
}

#[tokio::test]
async fn s9_a_key_that_a_token_points_to_is_never_fetched() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let canary = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/keys", canary.local_addr().expect("an address"));
    let key = rcgen::KeyPair::generate().expect("a key");
    let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("a P-256 key");
    let typ = Some("at+jwt".to_owned());
    let pointing = [
        Header { jku: Some(url.clone()), typ: typ.clone(), ..Header::new(Algorithm::ES256) },
        Header { x5u: Some(url.clone()), typ: typ.clone(), ..Header::new(Algorithm::ES256) },
        Header { kid: Some(url), typ, ..Header::new(Algorithm::ES256) },
    ];
    for header in pointing {
        let token = jsonwebtoken::encode(&header, &claims("ada"), &key).expect("a token");
        assert_eq!(world.ask_for_ticket(&token, "{}").await.status, 401);
    }
    let visited = canary.into_std().expect("a listener").accept();
    assert_eq!(visited.expect_err("nobody came").kind(), std::io::ErrorKind::WouldBlock);
}
