use admitone::authn::{Algorithm, ClaimNames, JwtIssuer, TokenKind, Verifier, VerifyingKey};
use admitone::principal::Login;
use axum::body::Body;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

const BASE_URL: &str = "http://127.0.0.1:7002";
const PAGE: HeaderValue = HeaderValue::from_static("http://127.0.0.1:7000");

fn issuer() -> Issuer {
    Issuer::generate(BASE_URL).expect("an issuer")
}

async fn ask(issuer: &Issuer, method: Method, path: &str, origin: &str, body: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(ORIGIN, origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let (head, body) = issuer.router(PAGE).oneshot(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).expect("text"))
}

async fn log_in(issuer: &Issuer, body: &str) -> (StatusCode, HeaderMap, Value) {
    let (status, headers, body) = ask(issuer, Method::POST, "/login", "http://127.0.0.1:7000", body).await;
    (status, headers, serde_json::from_str(&body).expect("JSON"))
}

fn verify(issuer: &Issuer, token: &str) -> Login {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    Verifier::new(vec![JwtIssuer {
        name: "demo".to_owned(),
        issuer: BASE_URL.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        algorithms: vec![Algorithm::Es256],
        keys: VerifyingKey::from_pem(issuer.public_key_pem(), &[Algorithm::Es256]).expect("a P-256 public key").into(),
        token_kind: TokenKind::Access { require_at_jwt: true },
        leeway_seconds: 5,
        claims: ClaimNames::default(),
    }])
    .expect("a usable issuer")
    .verify(token, now)
    .expect("a login")
}

#[tokio::test]
async fn everybody_can_log_in_and_the_gateways_rules_accept_it() {
    let issuer = issuer();
    for person in PEOPLE {
        let (status, headers, answer) = log_in(&issuer, &json!({"person": person.id}).to_string()).await;
        assert_eq!((status, &answer["expires_in"]), (StatusCode::OK, &json!(900)));
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        let login = verify(&issuer, answer["token"].as_str().expect("a token"));
        assert_eq!(login.principal.subject(), person.id);
        assert_eq!(login.principal.email(), Some(person.email));
        assert_eq!(login.permissions.to_string(), "chat:read chat:write");
        assert_eq!(login.expires_at, login.stamp.issued_at + 900 + 5, "with the leeway");
    }
}

#[tokio::test]
async fn every_login_is_another_session() {
    let issuer = issuer();
    let mut stamps = Vec::new();
    for _ in 0..2 {
        let (_, _, answer) = log_in(&issuer, r#"{"person":"ada"}"#).await;
        stamps.push(verify(&issuer, answer["token"].as_str().expect("a token")).stamp);
    }
    assert!(stamps[0].sid.is_some() && stamps[0].sid != stamps[1].sid);
    assert!(stamps[0].jti.is_some() && stamps[0].jti != stamps[1].jti);
}

#[tokio::test]
async fn strangers_and_malformed_logins_are_told_who_there_is() {
    let (status, headers, answer) = log_in(&issuer(), r#"{"person":"eve"}"#).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!((&answer["people"], &answer["code"]), (&json!(["ada", "grace"]), &json!("unknown_person")));
    for body in ["", "{", "[]", r#"{"person":1}"#, r#"{"person":"ada","admin":true}"#] {
        let (status, _, answer) = log_in(&issuer(), body).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("malformed_login")), "{body}");
    }
    let (status, ..) = ask(&issuer(), Method::POST, "/login", "http://127.0.0.1:7000", &"x".repeat(5000)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn only_the_page_may_read_the_answer() {
    let (_, headers, _) = log_in(&issuer(), r#"{"person":"ada"}"#).await;
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
    for method in [Method::POST, Method::OPTIONS] {
        for origin in ["http://evil.example", "http://127.0.0.1:70001", "http://localhost:7000", "null"] {
            let (_, headers, _) = ask(&issuer(), method.clone(), "/login", origin, r#"{"person":"ada"}"#).await;
            assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
        }
    }
    let (status, headers, _) = ask(&issuer(), Method::OPTIONS, "/login", "http://127.0.0.1:7000", "").await;
    assert_eq!((status, &headers[ACCESS_CONTROL_ALLOW_ORIGIN]), (StatusCode::OK, &PAGE));
    assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], "content-type");
}

#[tokio::test]
async fn it_says_that_it_is_for_demonstration_only() {
    let (status, _, text) = ask(&issuer(), Method::GET, "/", "http://127.0.0.1:7000", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("for demonstration only"));
}
