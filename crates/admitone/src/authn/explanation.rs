//! Why a token is or is not a login, step by step, for people. Nothing of it is the token: neither its signature nor a claim
//! that no step is about.

use serde::Serialize;
use serde_json::Value;

use super::json::Object;
use super::jws::{Jws, JwsError};
use super::jwt::claims::audiences;
use super::jwt::{JwtIssuer, LoginError, TokenKind, Verifier};
use crate::principal::Login;

/// Longest text of a token's that is shown, in characters.
const SHOWN: usize = 80;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was passed.
    Passed,
    /// It refused the token.
    Failed,
    /// An earlier one had refused it.
    NotReached,
}

/// One step on the way from a token to a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which: one of a fixed set of words.
    pub step: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// What was compared with what; empty where it was not reached.
    pub detail: String,
}

const STEPS: [&str; 9] = ["form", "issuer", "algorithm", "key", "signature", "kind", "audience", "times", "claims"];

impl Verifier {
    /// What [`verify`](Self::verify) found at `now` (Unix seconds), `outcome` being what it gave for this token.
    #[must_use]
    pub fn explain(&self, token: &str, outcome: &Result<Login, LoginError>, now: u64) -> Vec<Step> {
        let failed = outcome.as_ref().err().map(step_of);
        let read = Read::of(self, token);
        let reached = failed.and_then(|failed| STEPS.iter().position(|step| *step == failed)).unwrap_or(STEPS.len());
        let steps = STEPS.into_iter().enumerate().map(|(at, step)| {
            let found = if at <= reached { read.detail(step, outcome.as_ref().ok(), now) } else { String::new() };
            match (at.cmp(&reached), outcome) {
                (std::cmp::Ordering::Less, _) | (_, Ok(_)) => Step { step, outcome: Outcome::Passed, detail: found },
                (std::cmp::Ordering::Equal, Err(error)) => {
                    let detail = if found.is_empty() { error.to_string() } else { format!("{error}: {found}") };
                    Step { step, outcome: Outcome::Failed, detail }
                }
                (std::cmp::Ordering::Greater, Err(_)) => {
                    Step { step, outcome: Outcome::NotReached, detail: String::new() }
                }
            }
        });
        steps.collect()
    }
}

/// The step that an error belongs to.
fn step_of(error: &LoginError) -> &'static str {
    match error {
        LoginError::UnknownIssuer => "issuer",
        LoginError::MissingClaim(claim) | LoginError::MistypedClaim(claim) => match &**claim {
            "iss" => "issuer",
            "aud" | "azp" => "audience",
            "exp" | "nbf" | "iat" => "times",
            _ => "claims",
        },
        LoginError::Jws(JwsError::Algorithm) => "algorithm",
        LoginError::UnknownKey { .. } | LoginError::Jws(JwsError::UnknownKey | JwsError::AmbiguousKey) => "key",
        LoginError::Jws(JwsError::Signature) => "signature",
        LoginError::Jws(_) => "form",
        LoginError::Type | LoginError::Event | LoginError::SenderConstrained => "kind",
        LoginError::Audience | LoginError::AuthorizedParty => "audience",
        LoginError::Expired | LoginError::NotYetValid | LoginError::IssuedInFuture => "times",
        LoginError::Identity(_) => "claims",
    }
}

/// What a token says, as far as it can be read, and whose it claims to be.
struct Read<'v> {
    bytes: usize,
    header: Option<Object>,
    claims: Option<Object>,
    issuer: Option<&'v JwtIssuer>,
    names: Vec<&'v str>,
}

impl<'v> Read<'v> {
    fn of(verifier: &'v Verifier, token: &str) -> Self {
        let jws = Jws::parse(token).ok();
        let claims = jws.as_ref().and_then(|jws| jws.claims().ok());
        let claimed = claims.as_ref().and_then(|claims| claims.get("iss")).and_then(Value::as_str);
        let issuer = claimed.and_then(|claimed| verifier.issuers().iter().find(|issuer| issuer.issuer == claimed));
        let names = verifier.issuers().iter().map(|issuer| issuer.issuer.as_str()).collect();
        Self { bytes: token.len(), header: jws.map(|jws| jws.header), claims, issuer, names }
    }

    fn detail(&self, step: &str, login: Option<&Login>, now: u64) -> String {
        let Some(issuer) = self.issuer else {
            return match step {
                "form" => format!("{} bytes", self.bytes),
                "issuer" => format!("`iss` is {}, the issuers are {:?}", self.claim("iss"), self.names),
                _ => String::new(),
            };
        };
        match step {
            "form" => format!("a signed token of {} bytes", self.bytes),
            "issuer" => format!("{} is issuer {:?}", self.claim("iss"), issuer.name),
            "algorithm" => {
                let names: Vec<&str> = issuer.algorithms.iter().map(|algorithm| algorithm.name()).collect();
                format!("`alg` is {}, the issuer's are {names:?}", self.member("alg"))
            }
            "key" => format!("`kid` is {}, of {} known keys", self.member("kid"), issuer.keys.current().len()),
            "signature" => "by that key".to_owned(),
            "kind" => {
                format!("`typ` is {}, the issuer's tokens are of kind {}", self.member("typ"), issuer.token_kind.name())
            }
            "audience" => self.audience(issuer),
            "times" => self.times(issuer.leeway_seconds, now),
            "claims" => login.map(mapped).unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn audience(&self, issuer: &JwtIssuer) -> String {
        let claimed = self.claims.as_ref().and_then(|claims| audiences(claims).ok()).unwrap_or_default();
        let claimed: Vec<String> = claimed.into_iter().take(8).map(shown).collect();
        let client = match &issuer.token_kind {
            TokenKind::Id { client_id } => format!(", the client is {client_id:?}"),
            TokenKind::Access { .. } => String::new(),
        };
        format!("`aud` is [{}], the issuer's are {:?}{client}", claimed.join(", "), issuer.audiences)
    }

    fn times(&self, leeway: u64, now: u64) -> String {
        let time = |name: &str| self.claims.as_ref().and_then(|claims| claims.get(name)).and_then(Value::as_u64);
        let mut told = Vec::new();
        for name in ["iat", "nbf", "exp"] {
            told.push(match time(name) {
                None => format!("no `{name}`"),
                Some(time) if time > now => format!("`{name}` in {} s", time - now),
                Some(time) => format!("`{name}` {} s ago", now - time),
            });
        }
        format!("{}, {leeway} s of leeway", told.join(", "))
    }

    fn claim(&self, name: &str) -> String {
        value(self.claims.as_ref(), name)
    }

    fn member(&self, name: &str) -> String {
        value(self.header.as_ref(), name)
    }
}

fn mapped(login: &Login) -> String {
    let said = |there: bool| if there { "there" } else { "none" };
    format!(
        "subject {:?}, e-mail {}, permissions {:?}, `sid` {}, `jti` {}",
        login.principal.subject(),
        said(login.principal.email().is_some()),
        login.permissions.to_string(),
        said(login.stamp.sid.is_some()),
        said(login.stamp.jti.is_some()),
    )
}

fn value(object: Option<&Object>, name: &str) -> String {
    match object.and_then(|object| object.get(name)) {
        None => "absent".to_owned(),
        Some(Value::String(text)) => shown(text),
        Some(_) => "no string".to_owned(),
    }
}

/// On one line, without control characters, and not too long.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{start:?}{more}")
}
