//! Who is logged in: a presented credential becomes a [`Login`], by whichever source it belongs to.
//!
//! A request holds one credential that counts: the first that a source of the configured chain takes for its own. What that
//! source says is final.

mod callback;
mod flights;
mod introspector;
mod presented;
mod published_keys;
mod reachable;
mod refusal;
mod unavailable;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use admitone::authn::explanation::{Outcome, Step};
use admitone::authn::{IssuerError, LoginError, LogoutReplays, LogoutToken, LogoutTokenError, TokenKind, Verifier};
use admitone::carrier::{Carrier, Presented};
use admitone::now::Now;
use admitone::principal::Login;
use futures_util::future::join_all;
use http::header::{HeaderMap, HeaderName};

use crate::config;

use callback::Callback;
pub use callback::{Asking, NotAccepted, SessionCarrier};
use introspector::Introspector;
pub use presented::PresentError;
use published_keys::PublishedKeys;
pub use published_keys::{KeysAt, KeysState};
pub use reachable::Reachable;
pub use refusal::{NoLogin, NoLogout};
pub use unavailable::Unavailable;

use presented::{bearer, cookie, is_signed, only};

/// Most logout tokens that are remembered until they expire.
const MOST_LOGOUTS: usize = 100_000;

/// A way to find out who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A signed token says it.
    Jwt,
    /// The authorization server says it of an opaque token.
    Introspection,
    /// The application says it of its own session.
    Callback,
}

impl Source {
    /// All of them, in the order that a chain has by default.
    pub const ALL: [Self; 3] = [Self::Jwt, Self::Introspection, Self::Callback];

    /// The word in configuration, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Introspection => "introspection",
            Self::Callback => "callback",
        }
    }
}

/// A client that pages log in with: public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicClient {
    /// The issuer's identifier.
    pub issuer: String,
    /// The client's id there.
    pub client_id: String,
}

/// A login's credential and the source that it belongs to; nobody has judged it yet.
#[derive(Clone, Copy)]
pub struct Credential<'r> {
    of: Of,
    secret: &'r str,
}

#[derive(Clone, Copy)]
enum Of {
    Verifier,
    Introspector,
    Callback(usize),
}

impl Credential<'_> {
    /// The kind of its source.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self.of {
            Of::Verifier => Source::Jwt,
            Of::Introspector => Source::Introspection,
            Of::Callback(_) => Source::Callback,
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("source", &self.source().name()).finish_non_exhaustive()
    }
}

/// Every source of logins that is configured.
#[derive(Debug)]
pub struct Logins {
    verifier: Verifier,
    published_keys: Vec<Arc<PublishedKeys>>,
    introspector: Option<Introspector>,
    callbacks: Vec<Callback>,
    chain: Vec<Source>,
    clients: Vec<PublicClient>,
    logouts: Mutex<LogoutReplays>,
    /// Whether an issuer needs no published keys.
    any_standing: bool,
}

impl Logins {
    /// By these issuers; `chain` is the order in which a request is looked through for their credentials.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] for the first issuer whose signed tokens cannot be judged.
    pub fn new(issuers: Vec<config::Issuer>, chain: Vec<Source>) -> Result<Self, IssuerError> {
        let any_standing = issuers.iter().any(|issuer| issuer.published.is_none());
        let (mut tokens, mut published_keys, mut callbacks, mut introspector) = (vec![], vec![], vec![], None);
        let clients = issuers.iter().filter_map(public_client).collect();
        for issuer in issuers {
            if let (Some(signed), Some(published)) = (&issuer.tokens, issuer.published) {
                published_keys.push(Arc::new(PublishedKeys::new(signed, published)));
            }
            tokens.extend(issuer.tokens);
            introspector = introspector.or(issuer.introspection.map(|server| Introspector::new(&issuer.name, server)));
            callbacks.extend(issuer.callback.map(|application| Callback::new(&issuer.name, application)));
        }
        Ok(Self {
            verifier: Verifier::new(tokens)?,
            published_keys,
            introspector,
            callbacks,
            chain,
            clients,
            logouts: Mutex::new(LogoutReplays::new(MOST_LOGOUTS)),
            any_standing,
        })
    }

    /// The credential in a request's headers.
    ///
    /// # Errors
    ///
    /// [`PresentError`].
    pub fn presented<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Credential<'r>>, PresentError> {
        let token = bearer(headers)?;
        for source in &self.chain {
            let found = match source {
                Source::Jwt | Source::Introspection => token.and_then(|token| self.token_for(*source, token)),
                Source::Callback => self.session(headers)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The credential that an upgrade presents; `cookie` is the name of the cookie it may be from. `None` where no source
    /// takes it.
    #[must_use]
    pub fn of_upgrade<'r>(&self, presented: &'r Presented, cookie: Option<&str>) -> Option<Credential<'r>> {
        let secret = presented.expose();
        if presented.carrier == Carrier::Cookie
            && let Some(of) = cookie.and_then(|name| self.callback_of_cookie(name))
        {
            return Some(Credential { of: Of::Callback(of), secret });
        }
        self.of_token(secret)
    }

    /// The login behind a credential, as its source says; nobody has compared it with the marks yet.
    ///
    /// # Errors
    ///
    /// [`NoLogin`]. It is final: no other source is asked about the same request.
    pub async fn authenticate(&self, credential: Credential<'_>, now: Now) -> Result<Login, NoLogin> {
        match credential.of {
            Of::Verifier => {
                let judged = self.verify(credential.secret, now).await;
                self.tell(credential, &judged, now);
                judged
            }
            Of::Introspector => match &self.introspector {
                Some(introspector) => introspector.login(credential.secret, now).await,
                None => Err(LoginError::UnknownIssuer.into()),
            },
            Of::Callback(of) => match self.callbacks.get(of) {
                Some(callback) => callback.login(credential.secret, now).await,
                None => Err(LoginError::UnknownIssuer.into()),
            },
        }
    }

    /// Waits until every issuer's keys have come, or have been seen not to come; [`follow_keys`](Self::follow_keys) has to run.
    pub async fn keys_settled(&self) {
        join_all(self.published_keys.iter().map(|keys| keys.settled())).await;
    }

    /// What a signed token was judged by, step by step; nothing for other credentials.
    #[must_use]
    pub fn explain(&self, credential: Credential<'_>, judged: &Result<Login, NoLogin>, now: Now) -> Vec<Step> {
        let outcome = match (credential.of, judged) {
            (Of::Verifier, Ok(login)) => Ok(login.clone()),
            (Of::Verifier, Err(NoLogin::Token(error))) => Err(error.clone()),
            _ => return Vec::new(),
        };
        self.verifier.explain(credential.secret, &outcome, now.unix)
    }

    /// The credential that a bearer token is, if any source takes it.
    #[must_use]
    pub fn of_token<'r>(&self, token: &'r str) -> Option<Credential<'r>> {
        self.chain.iter().find_map(|source| self.token_for(*source, token))
    }

    /// Whether a credential is one that browsers send unasked.
    #[must_use]
    pub fn is_cookie(&self, credential: &Credential<'_>) -> bool {
        let Of::Callback(of) = credential.of else { return false };
        self.callbacks.get(of).is_some_and(|callback| matches!(callback.carrier(), SessionCarrier::Cookie(_)))
    }

    /// Whether logins are presented as bearer tokens.
    #[must_use]
    pub fn take_bearer(&self) -> bool {
        self.chain.iter().any(|source| *source != Source::Callback)
    }

    /// Where applications' sessions are presented.
    pub fn session_carriers(&self) -> impl Iterator<Item = &SessionCarrier> {
        self.callbacks.iter().map(Callback::carrier)
    }

    /// The headers that sessions are presented in.
    pub fn session_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.session_carriers().filter_map(|carrier| match carrier {
            SessionCarrier::Header(name) => Some(name),
            SessionCarrier::Cookie(_) => None,
        })
    }

    /// Whether sessions are presented in a cookie.
    #[must_use]
    pub fn any_cookie(&self) -> bool {
        self.session_carriers().any(|carrier| matches!(carrier, SessionCarrier::Cookie(_)))
    }

    /// How the published keys of each issuer are.
    pub fn published_keys(&self, now: Now) -> impl Iterator<Item = KeysState<'_>> {
        self.published_keys.iter().map(move |keys| keys.state(now.instant))
    }

    /// Keeps published keys up to date, for ever.
    pub async fn follow_keys(&self) {
        join_all(self.published_keys.iter().map(|source| source.clone().run())).await;
    }

    /// Whose logins can be accepted.
    #[must_use]
    pub fn reachable(&self, now: Now) -> Reachable {
        let lacking = self.published_keys.iter().filter(|source| !source.is_usable(now.instant)).count();
        match lacking {
            0 => Reachable::All,
            _ if self.any_standing || lacking < self.published_keys.len() => Reachable::Some,
            _ => Reachable::None,
        }
    }

    /// What an issuer's logout token says is over, told the first time only.
    ///
    /// # Errors
    ///
    /// [`NoLogout`].
    pub async fn logout(&self, token: &str, now: Now) -> Result<LogoutToken, NoLogout> {
        let logout = match self.verifier.verify_logout(token, now.unix) {
            Err(LogoutTokenError::Token(LoginError::UnknownKey { issuer })) => {
                let unavailable = |cause| NoLogout::Unavailable { issuer: issuer.clone(), cause };
                self.newer_keys(&issuer, now).await.map_err(unavailable)?;
                self.verifier.verify_logout(token, now.unix)?
            }
            verified => verified?,
        };
        if self.logouts().is_first(&logout, now.unix) { Ok(logout) } else { Err(NoLogout::Replayed) }
    }

    /// Lets a logout that could not be carried out be told again.
    pub fn forget_logout(&self, logout: &LogoutToken) {
        self.logouts().forget(logout);
    }

    /// The clients that pages log in with.
    #[must_use]
    pub fn clients(&self) -> &[PublicClient] {
        &self.clients
    }

    fn logouts(&self) -> MutexGuard<'_, LogoutReplays> {
        // Nothing that could panic runs while it is held.
        self.logouts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says in the log by which comparison a token was refused.
    fn tell(&self, credential: Credential<'_>, judged: &Result<Login, NoLogin>, now: Now) {
        if judged.is_ok() || !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let steps = self.explain(credential, judged, now);
        if let Some(failed) = steps.iter().find(|step| step.outcome == Outcome::Failed) {
            tracing::info!(step = failed.step, detail = failed.detail, "token refused");
        }
    }

    async fn verify(&self, token: &str, now: Now) -> Result<Login, NoLogin> {
        match self.verifier.verify(token, now.unix) {
            Err(LoginError::UnknownKey { issuer }) => {
                let unavailable = |cause| NoLogin::Unavailable { issuer: issuer.clone(), cause };
                self.newer_keys(&issuer, now).await.map_err(unavailable)?;
                Ok(self.verifier.verify(token, now.unix)?)
            }
            verified => Ok(verified?),
        }
    }

    /// Waits for newer keys of an issuer, where that is worth it.
    async fn newer_keys(&self, issuer: &str, now: Now) -> Result<(), Unavailable> {
        match self.published_keys.iter().find(|keys| keys.name() == issuer) {
            Some(keys) if !keys.is_usable(now.instant) => Err(Unavailable::NoKeys),
            Some(keys) => {
                keys.newer().await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A bearer token as `source` takes it: signed ones where opaque ones are accepted too are told by their form.
    fn token_for<'r>(&self, source: Source, token: &'r str) -> Option<Credential<'r>> {
        let of = match source {
            Source::Jwt if self.introspector.is_none() || is_signed(token) => Of::Verifier,
            Source::Introspection if self.introspector.is_some() => Of::Introspector,
            _ => return None,
        };
        Some(Credential { of, secret: token })
    }

    fn session<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Credential<'r>>, PresentError> {
        for (of, callback) in self.callbacks.iter().enumerate() {
            let secret = match callback.carrier() {
                SessionCarrier::Cookie(name) => cookie(headers, name)?,
                SessionCarrier::Header(name) => only(headers, name, "session header")?,
            };
            if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
                return Ok(Some(Credential { of: Of::Callback(of), secret }));
            }
        }
        Ok(None)
    }

    fn callback_of_cookie(&self, cookie: &str) -> Option<usize> {
        let is_its = |callback: &Callback| matches!(callback.carrier(), SessionCarrier::Cookie(name) if name == cookie);
        self.callbacks.iter().position(is_its)
    }
}

fn public_client(issuer: &config::Issuer) -> Option<PublicClient> {
    match &issuer.tokens.as_ref()?.token_kind {
        TokenKind::Id { client_id } => {
            Some(PublicClient { issuer: issuer.issuer.clone(), client_id: client_id.clone() })
        }
        TokenKind::Access { .. } => None,
    }
}
