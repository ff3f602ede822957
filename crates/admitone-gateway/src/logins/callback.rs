//! Sessions of an application's own: the application says who is behind its cookie or header.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::authn::answers::CredentialHash;
use admitone::authn::callback::{self, CallbackError};
use admitone::authn::{ClaimNames, LoginError};
use admitone::now::Now;
use admitone::principal::Login;
use http::StatusCode;
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use super::flights::{Flights, Told};
use super::{NoLogin, Unavailable};
use crate::config::AskedApplication;
use crate::fetch::{self, Fetch, Url};

/// How long a login lasts when neither the identity nor `Cache-Control` says.
const LIFETIME: Duration = Duration::from_secs(300);

/// Where a request holds the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionCarrier {
    /// In the cookie of this name.
    Cookie(String),
    /// In the header of this name.
    Header(HeaderName),
}

/// One application and what it has said.
#[derive(Debug)]
pub(super) struct Callback {
    name: String,
    carrier: SessionCarrier,
    asking: Arc<Asking>,
    flights: Flights<Result<Login, NotAccepted>>,
}

/// Whose logins they are, and how an application is asked.
#[derive(Debug)]
pub struct Asking {
    /// The identifier of the application, as the issuer of its logins.
    pub issuer: String,
    /// Where its identities keep what they say.
    pub claims: ClaimNames,
    /// The URL that says who is behind a session.
    pub url: Url,
    /// How it is fetched.
    pub fetch: Fetch,
    /// How long an answer is kept at most.
    pub longest: Duration,
}

/// Why an application's session is not a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// The application says that nobody is logged in, or may not be.
    #[error("the application answered {0} about the session")]
    Status(StatusCode),
    /// The identity is over.
    #[error("the application's identity: {0}")]
    Identity(LoginError),
}

impl Callback {
    /// For the issuer that the configuration calls `name`.
    pub(super) fn new(name: &str, application: AskedApplication) -> Self {
        let AskedApplication { carrier, asking } = application;
        Self { name: name.to_owned(), carrier, asking: Arc::new(asking), flights: Flights::new() }
    }

    /// Where a request holds the session.
    pub(super) const fn carrier(&self) -> &SessionCarrier {
        &self.carrier
    }

    pub(super) async fn login(&self, session: &str, now: Now) -> Result<Login, NoLogin> {
        let unavailable = |cause| NoLogin::Unavailable { issuer: self.name.as_str().into(), cause };
        let hash = CredentialHash::of(&self.name, session);
        let headers = self.headers(session).ok_or(NoLogin::Unwritable)?;
        let asking = self.asking.clone();
        let told = self.flights.answer(hash, now.instant, || asking.ask(headers, hash)).await;
        Ok(told.map_err(unavailable)??)
    }

    /// The session alone: what else the request has is none of the application's business here.
    fn headers(&self, session: &str) -> Option<HeaderMap> {
        let (name, value) = match &self.carrier {
            SessionCarrier::Cookie(name) => (COOKIE, format!("{name}={session}")),
            SessionCarrier::Header(name) => (name.clone(), session.to_owned()),
        };
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some(HeaderMap::from_iter([(name, value)]))
    }
}

impl Asking {
    async fn ask(
        self: Arc<Self>,
        headers: HeaderMap,
        session: CredentialHash,
    ) -> Result<Told<Result<Login, NotAccepted>>, Unavailable> {
        let answer = self.fetch.get(&self.url, headers).await?;
        let now = Now::read();
        match answer.status {
            StatusCode::OK => {}
            // Not kept: the same session may be logged in a moment later.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Ok(Told { answer: Err(NotAccepted::Status(answer.status)), until: now.instant });
            }
            status => return Err(Unavailable::Status(status)),
        }
        let max_age = fetch::max_age(&answer.headers).unwrap_or_default();
        let lifetime = if max_age.is_zero() { LIFETIME } else { max_age };
        match callback::read(&answer.body, &self.issuer, &self.claims, &session, lifetime, now.unix) {
            Ok(login) => {
                let until = self.kept_until(&login, max_age, now);
                Ok(Told { answer: Ok(login), until })
            }
            Err(CallbackError::Refused(over @ LoginError::Expired)) => {
                Ok(Told { answer: Err(NotAccepted::Identity(over)), until: now.instant })
            }
            // What else is wrong with an identity is the application's fault, not the session's.
            Err(error) => Err(Unavailable::Answer(error.to_string().into())),
        }
    }

    fn kept_until(&self, login: &Login, max_age: Duration, now: Now) -> Instant {
        let left = Duration::from_secs(login.expires_at.saturating_sub(now.unix));
        now.instant + max_age.min(left).min(self.longest)
    }
}
