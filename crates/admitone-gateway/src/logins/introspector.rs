//! Opaque tokens: the authorization server says who is behind one (RFC 7662).

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::authn::answers::CredentialHash;
use admitone::authn::introspection::{self, IntrospectionError};
use admitone::now::Now;
use admitone::principal::Login;
use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::flights::{Flights, Told};
use super::{NoLogin, Unavailable};
use crate::config::AskedServer;

/// How long it is remembered that a token is not accepted.
const REFUSAL_KEPT: Duration = Duration::from_secs(10);

/// One authorization server and what it has said.
#[derive(Debug)]
pub(super) struct Introspector {
    name: String,
    server: Arc<AskedServer>,
    flights: Flights<Result<Login, IntrospectionError>>,
}

impl Introspector {
    /// For the issuer that the configuration calls `name`.
    pub(super) fn new(name: &str, server: AskedServer) -> Self {
        Self { name: name.to_owned(), server: Arc::new(server), flights: Flights::new() }
    }

    pub(super) async fn login(&self, token: &str, now: Now) -> Result<Login, NoLogin> {
        let hash = CredentialHash::of(&self.name, token);
        let (server, body) = (self.server.clone(), form(token));
        let told = self.flights.answer(hash, now.instant, || ask(server, body, hash)).await;
        let told = told.map_err(|cause| NoLogin::Unavailable { issuer: self.name.as_str().into(), cause })?;
        Ok(told?)
    }
}

async fn ask(
    server: Arc<AskedServer>,
    body: Bytes,
    token: CredentialHash,
) -> Result<Told<Result<Login, IntrospectionError>>, Unavailable> {
    let headers = HeaderMap::from_iter([
        (AUTHORIZATION, server.authorization.clone()),
        (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
    ]);
    let answer = server.fetch.post(&server.url, headers, body).await?;
    if answer.status != StatusCode::OK {
        return Err(Unavailable::Status(answer.status));
    }
    let now = Now::read();
    let read = introspection::read(&answer.body, &server.issuer, &token, now.unix);
    if let Err(malformed @ IntrospectionError::Malformed) = read {
        return Err(Unavailable::Answer(malformed.to_string().into()));
    }
    let until = kept_until(&read, server.longest, now);
    Ok(Told { answer: read, until })
}

fn kept_until(read: &Result<Login, IntrospectionError>, longest: Duration, now: Now) -> Instant {
    let kept = match read {
        Ok(login) => Duration::from_secs(login.expires_at.saturating_sub(now.unix)),
        Err(_) => REFUSAL_KEPT,
    };
    now.instant + kept.min(longest)
}

fn form(token: &str) -> Bytes {
    format!("token={}&token_type_hint=access_token", utf8_percent_encode(token, NON_ALPHANUMERIC)).into()
}
