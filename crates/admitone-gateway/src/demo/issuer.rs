//! The demo's issuer: it logs in whoever asks, so it listens on loopback and its key lives as long as the process.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::id;

/// The `aud` of the tokens.
pub const AUDIENCE: &str = "admitone-demo";

/// How long a token is good for, in seconds.
pub const TOKEN_SECONDS: u64 = 900;

const MAX_BODY_BYTES: usize = 4096;

const GREETING: &str = "This is the development issuer of `admitone demo`, for demonstration only.
It logs in anybody as anybody, without a password: never let it be an issuer of a real gateway.

POST /login {\"person\":\"ada\"} answers {\"token\":\"...\",\"expires_in\":900}; the people are ada and grace.
";

/// A person that the issuer logs in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Person {
    /// The subject of the tokens, and what a login names.
    pub id: &'static str,
    /// The full name.
    pub name: &'static str,
    /// The e-mail address.
    pub email: &'static str,
    /// What the tokens permit.
    pub permissions: &'static [&'static str],
}

/// Everybody that there is.
pub static PEOPLE: [Person; 2] = [
    Person { id: "ada", name: "Ada Lovelace", email: "ada@example.com", permissions: &["chat:read", "chat:write"] },
    Person { id: "grace", name: "Grace Hopper", email: "grace@example.com", permissions: &["chat:read", "chat:write"] },
];

/// Why there is no issuer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the development issuer could not generate its key pair")]
pub struct GenerateError;

impl From<aws_lc_rs::error::Unspecified> for GenerateError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

impl From<aws_lc_rs::error::KeyRejected> for GenerateError {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Self
    }
}

/// A development issuer with its own P-256 key pair.
pub struct Issuer {
    public_key_pem: String,
    signer: Arc<Signer>,
}

struct Signer {
    base_url: String,
    key: EcdsaKeyPair,
}

impl Issuer {
    /// Makes an issuer with a new key pair; `base_url` is where it listens, and the `iss` of its tokens.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] when no key pair can be generated.
    pub fn generate(base_url: &str) -> Result<Self, GenerateError> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref())?;
        let public_key = key.public_key().as_der()?;
        Ok(Self {
            public_key_pem: public_key_pem(public_key.as_ref()),
            signer: Arc::new(Signer { base_url: base_url.to_owned(), key }),
        })
    }

    /// The public key that verifies its tokens (ES256), as a PEM file.
    #[must_use]
    pub fn public_key_pem(&self) -> &str {
        &self.public_key_pem
    }

    /// `POST /login` for the page at `page_origin`, and a `GET /` that says what this is.
    pub fn router(&self, page_origin: HeaderValue) -> Router {
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list([page_origin]))
            .allow_methods([Method::POST])
            .allow_headers([CONTENT_TYPE]);
        Router::new()
            .route("/", get(greet))
            .route("/login", post(log_in))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(cors)
            .with_state(Arc::clone(&self.signer))
    }
}

fn public_key_pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let (first, second) = base64.split_at(64);
    format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
}

async fn greet() -> impl IntoResponse {
    ([(X_CONTENT_TYPE_OPTIONS, "nosniff")], GREETING)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    person: String,
}

#[derive(Serialize)]
struct LoginAnswer {
    token: String,
    expires_in: u64,
}

async fn log_in(State(signer): State<Arc<Signer>>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<LoginRequest>(&body) else {
        return problem(StatusCode::BAD_REQUEST, "malformed_login", "send the JSON object {\"person\":\"ada\"}");
    };
    let Some(person) = PEOPLE.iter().find(|person| person.id == request.person) else {
        return problem(StatusCode::NOT_FOUND, "unknown_person", "there are only ada and grace");
    };
    match signer.token(person, SystemTime::now()) {
        Ok(token) => no_store(Json(LoginAnswer { token, expires_in: TOKEN_SECONDS })),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "not_signed", "the token could not be signed"),
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    sub: &'static str,
    name: &'static str,
    email: &'static str,
    scope: String,
    sid: String,
    jti: String,
    iat: u64,
    exp: u64,
}

/// A token could not be signed.
struct SignError;

impl Signer {
    fn token(&self, person: &Person, now: SystemTime) -> Result<String, SignError> {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let claims = Claims {
            iss: &self.base_url,
            aud: AUDIENCE,
            sub: person.id,
            name: person.name,
            email: person.email,
            scope: person.permissions.join(" "),
            sid: id::random(),
            jti: id::random(),
            iat: now,
            exp: now + TOKEN_SECONDS,
        };
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"at+jwt"}"#);
        let message =
            format!("{header}.{}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).map_err(|_| SignError)?));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).map_err(|_| SignError)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// An RFC 9457 problem that also lists who can be logged in.
fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let people: Vec<&str> = PEOPLE.iter().map(|person| person.id).collect();
    let body = json!({
        "title": status.canonical_reason(), "status": status.as_u16(), "code": code, "detail": detail, "people": people,
    });
    no_store((status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()))
}

fn no_store(answer: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], answer).into_response()
}

#[cfg(test)]
mod tests;
