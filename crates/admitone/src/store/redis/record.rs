//! How a grant is written.
//!
//! A header of fixed widths, which the scripts read, then JSON. All numbers are decimal with leading zeros:
//!
//! | from | width | |
//! |---|---|---|
//! | 1 | 1 | `1`, the version |
//! | 2 | 40 | the fence: `master_replid`, or dashes |
//! | 42 | 10 | uses in all |
//! | 52 | 10 | uses taken |
//! | 62 | 13 | when it ends by the server's clock, Unix milliseconds |
//! | 75 | 20 | when the login happened, Unix seconds |
//! | 95 | 22 | hash of issuer and `sid`, or dashes |
//! | 117 | 22 | hash of issuer and `jti`, or dashes |
//! | 139 | 27 | the session's handle |
//! | 166 | | JSON |

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::names::digest;
use crate::grant::{Grant, SessionId};
use crate::principal::{LoginStamp, Permissions, Principal};
use crate::store::Stored;

pub(super) const VERSION: &str = "1";

const USES: usize = 41;
const ISSUED: usize = 74;
const SESSION: usize = 138;
const BODY: usize = 165;

/// The parts around what the script adds: the fence before `uses`, the end after it.
pub(super) struct Written {
    pub(super) uses: String,
    pub(super) rest: Vec<u8>,
}

pub(super) fn write(stored: &Stored) -> Option<Written> {
    let grant = &stored.grant;
    let hash = |value: Option<&str>| match value {
        Some(value) => digest(grant.principal.issuer(), value),
        None => "-".repeat(22),
    };
    let (sid, jti) = (hash(grant.login.sid.as_deref()), hash(grant.login.jti.as_deref()));
    let mut rest = format!("{:020}{sid}{jti}{}", grant.login.issued_at, stored.session_id).into_bytes();
    serde_json::to_writer(&mut rest, &Body::of(grant)).ok()?;
    Some(Written { uses: format!("{:010}{:010}", stored.uses, 0), rest })
}

/// A grant, with its uses in all.
pub(super) fn read(text: &[u8]) -> Option<Stored> {
    if !text.starts_with(VERSION.as_bytes()) {
        return None;
    }
    let session_id = SessionId::parse(text_of(text, SESSION, BODY)?).ok()?;
    let issued_at = text_of(text, ISSUED, ISSUED + 20)?.parse().ok()?;
    let uses = text_of(text, USES, USES + 10)?.parse().ok()?;
    let body: Body<'_> = serde_json::from_slice(text.get(BODY..)?).ok()?;
    Some(Stored { grant: body.grant(issued_at)?, session_id, uses })
}

fn text_of(text: &[u8], from: usize, to: usize) -> Option<&str> {
    std::str::from_utf8(text.get(from..to)?).ok()
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    perm: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    login_exp: u64,
    route: String,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<String>,
}

impl<'a> Body<'a> {
    fn of(grant: &'a Grant) -> Self {
        Self {
            iss: grant.principal.issuer().into(),
            sub: grant.principal.subject().into(),
            email: grant.principal.email().map(Cow::from),
            tenant: grant.principal.tenant().map(Cow::from),
            perm: grant.permissions.iter().collect(),
            sid: grant.login.sid.as_deref().map(str::to_owned),
            jti: grant.login.jti.as_deref().map(str::to_owned),
            login_exp: grant.login_expires_at,
            route: grant.route.as_ref().to_owned(),
            iat: grant.created_at,
            exp: grant.expires_at,
            meta: grant.metadata.as_deref().map(str::to_owned),
        }
    }

    fn grant(self, issued_at: u64) -> Option<Grant> {
        let principal = Principal::new(&self.iss, &self.sub, self.email.as_deref()).ok()?;
        let login = LoginStamp { issued_at, sid: self.sid.map(|sid| sid.into()), jti: self.jti.map(|jti| jti.into()) };
        Some(Grant {
            principal: match self.tenant {
                Some(tenant) => principal.with_tenant(&tenant).ok()?,
                None => principal,
            },
            permissions: Permissions::new(self.perm).ok()?,
            login,
            login_expires_at: self.login_exp,
            route: self.route.into(),
            created_at: self.iat,
            expires_at: self.exp,
            metadata: self.meta.map(|metadata| metadata.into()),
        })
    }
}
