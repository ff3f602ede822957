//! An issuer that is asked: about opaque tokens, or about an application's sessions.

use std::time::Duration;

use admitone::authn::introspection::IntrospectedIssuer;
use http::{HeaderName, HeaderValue};

use super::{Of, parse_identifier};
use crate::config::fault::{Wrong, quoted, wrong};
use crate::config::remote::read_client;
use crate::config::table::Table;
use crate::fetch::{Fetch, Url};
use crate::logins::{Asking, SessionCarrier};

/// The server that is asked about opaque tokens, and as whom.
#[derive(Debug)]
pub struct AskedServer {
    /// Whose tokens they are.
    pub issuer: IntrospectedIssuer,
    /// Its introspection endpoint.
    pub url: Url,
    /// `Authorization` of the requests to it.
    pub authorization: HeaderValue,
    /// How it is fetched.
    pub fetch: Fetch,
    /// How long an answer is kept at most.
    pub longest: Duration,
}

/// The application that is asked about its sessions.
#[derive(Debug)]
pub struct AskedApplication {
    /// Where a request holds the session.
    pub carrier: SessionCarrier,
    /// How it is asked.
    pub asking: Asking,
}

/// Reads `[issuers.introspection]`; `Some(None)` where there is none, and `None` for faults.
pub(super) fn read_server(issuer: &Table<'_>, of: &Of) -> Option<Option<AskedServer>> {
    let is_written = issuer.is_written("introspection");
    issuer.section("introspection", |table| {
        let url = read_url(table, of, is_written);
        let longest = table.seconds("max_cache_seconds", 0..=3600, 30);
        let authorization = if is_written { read_client(table) } else { None };
        let audiences = if is_written { read_audiences(issuer, table) } else { None };
        if !is_written {
            return Some(None);
        }
        let introspected = IntrospectedIssuer {
            issuer: of.issuer.clone(),
            audiences: audiences?,
            leeway_seconds: of.leeway_seconds,
            claims: of.claims.clone(),
        };
        let fetch = of.remote.as_ref()?.fetch();
        Some(Some(AskedServer { issuer: introspected, url: url?, authorization: authorization?, fetch, longest }))
    })
}

/// Reads `[issuers.callback]`; `Some(None)` where there is none, and `None` for faults.
pub(super) fn read_application(issuer: &Table<'_>, of: &Of) -> Option<Option<AskedApplication>> {
    let is_written = issuer.is_written("callback");
    issuer.section("callback", |table| {
        let url = read_url(table, of, is_written);
        let longest = table.seconds("max_cache_seconds", 0..=3600, 60);
        let carrier = read_carrier(table, is_written);
        if !is_written {
            return Some(None);
        }
        let (issuer, claims) = (of.issuer.clone(), of.claims.clone());
        let asking = Asking { issuer, claims, url: url?, fetch: of.remote.as_ref()?.fetch(), longest };
        Some(Some(AskedApplication { carrier: carrier?, asking }))
    })
}

fn read_url(table: &Table<'_>, of: &Of, is_written: bool) -> Option<Url> {
    if is_written && !table.has("url") {
        table.refuse_absence("url", "write the URL that says who somebody is");
    }
    let (entry, remote) = (table.text("url")?, of.remote.as_ref()?);
    entry.parse(|text| remote.parse_url(text))
}

/// The issuer's audiences; none where the server alone is to decide for whom a token is.
fn read_audiences(issuer: &Table<'_>, table: &Table<'_>) -> Option<Vec<String>> {
    let danger_any = table.switch("danger_any_audience", false);
    let mend = "write the `aud` that its tokens have for this gateway, or set introspection.danger_any_audience";
    match issuer.texts("audience") {
        Some(_) if danger_any => {
            table.refuse("danger_any_audience", wrong("the issuer has an audience", "keep one of the two"));
            None
        }
        Some(entries) if entries.is_empty() => {
            issuer.refuse("audience", wrong("the list is empty", mend));
            None
        }
        Some(entries) => entries.iter().map(|entry| entry.parse(parse_identifier).map(str::to_owned)).collect(),
        None if danger_any => Some(Vec::new()),
        None => {
            issuer.refuse_absence("audience", mend);
            None
        }
    }
}

fn read_carrier(table: &Table<'_>, is_written: bool) -> Option<SessionCarrier> {
    let (cookie, header) = (table.text("cookie"), table.text("header"));
    match (cookie, header) {
        (Some(cookie), None) => cookie.parse(parse_cookie).map(SessionCarrier::Cookie),
        (None, Some(header)) => header.parse(parse_header).map(SessionCarrier::Header),
        (Some(_), Some(header)) => {
            header.refuse(wrong("cookie is set too", "keep one of the two"));
            None
        }
        (None, None) => {
            if is_written && !table.has("cookie") && !table.has("header") {
                table.refuse_absence("cookie", "write the name of the session cookie, or of a header as `header`");
            }
            None
        }
    }
}

fn parse_cookie(text: &str) -> Result<String, Wrong> {
    let is_token = HeaderName::from_bytes(text.as_bytes()).is_ok();
    if is_token && text.len() <= 128 {
        return Ok(text.to_owned());
    }
    Err(wrong(format!("{} is not the name of a cookie", quoted(text)), "write its name alone"))
}

fn parse_header(text: &str) -> Result<HeaderName, Wrong> {
    const TAKEN: [&str; 8] =
        ["authorization", "connection", "content-length", "cookie", "host", "origin", "transfer-encoding", "upgrade"];
    let name: HeaderName = text
        .parse()
        .map_err(|_| wrong(format!("{} is not the name of a header", quoted(text)), "write its name alone"))?;
    if TAKEN.contains(&name.as_str()) {
        let mend = "write a header of the application's own, such as `x-session`";
        return Err(wrong(format!("{} has a meaning of its own", quoted(text)), mend));
    }
    Ok(name)
}
