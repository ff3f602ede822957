//! Opaque tokens: the authorization server says who is behind one (RFC 7662).

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::authn::answers::CredentialHash;
use admitone::authn::introspection::{self, IntrospectedIssuer, IntrospectionError};
use admitone::now::Now;
use admitone::principal::Login;
use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::flights::{Flights, Told};
use super::{NoLogin, Unavailable};
use crate::fetch::{Fetch, Url};

/// How long it is remembered that a token is not accepted.
const REFUSAL_KEPT: Duration = Duration::from_secs(10);

/// One authorization server and what it has said.
#[derive(Debug)]
pub struct Introspector {
    name: String,
    asking: Arc<Asking>,
    flights: Flights<Result<Login, IntrospectionError>>,
}

#[derive(Debug)]
struct Asking {
    issuer: IntrospectedIssuer,
    url: Url,
    authorization: HeaderValue,
    fetch: Fetch,
    longest: Duration,
}

impl Introspector {
    /// Asks at `url`, as the client that `authorization` says, about tokens of the issuer that the configuration calls
    /// `name`. An answer counts for `longest` at most, and never past the token's end.
    #[must_use]
    pub fn new(
        name: &str,
        issuer: IntrospectedIssuer,
        url: Url,
        authorization: HeaderValue,
        fetch: Fetch,
        longest: Duration,
    ) -> Self {
        let asking = Arc::new(Asking { issuer, url, authorization, fetch, longest });
        Self { name: name.to_owned(), asking, flights: Flights::new() }
    }

    pub(super) async fn login(&self, token: &str, now: Now) -> Result<Login, NoLogin> {
        let hash = CredentialHash::of(&self.name, token);
        let (asking, body) = (self.asking.clone(), form(token));
        let told = self.flights.answer(hash, now.instant, || asking.ask(body, hash)).await;
        let told = told.map_err(|cause| NoLogin::Unavailable { issuer: self.name.as_str().into(), cause })?;
        Ok(told?)
    }
}

impl Asking {
    async fn ask(
        self: Arc<Self>,
        body: Bytes,
        token: CredentialHash,
    ) -> Result<Told<Result<Login, IntrospectionError>>, Unavailable> {
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, self.authorization.clone()),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        ]);
        let answer = self.fetch.post(&self.url, headers, body).await?;
        if answer.status != StatusCode::OK {
            return Err(Unavailable::Status(answer.status));
        }
        let now = Now::read();
        let read = introspection::read(&answer.body, &self.issuer, &token, now.unix);
        if let Err(malformed @ IntrospectionError::Malformed) = read {
            return Err(Unavailable::Answer(malformed.to_string().into()));
        }
        let until = self.kept_until(&read, now);
        Ok(Told { answer: read, until })
    }

    fn kept_until(&self, read: &Result<Login, IntrospectionError>, now: Now) -> Instant {
        let kept = match read {
            Ok(login) => Duration::from_secs(login.expires_at.saturating_sub(now.unix)),
            Err(_) => REFUSAL_KEPT,
        };
        now.instant + kept.min(self.longest)
    }
}

fn form(token: &str) -> Bytes {
    format!("token={}&token_type_hint=access_token", utf8_percent_encode(token, NON_ALPHANUMERIC)).into()
}
