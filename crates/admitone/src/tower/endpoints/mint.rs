//! `POST /auth/ticket`: a login becomes a ticket.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, ORIGIN};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Asked, body, json};
use crate::carrier;
use crate::grant::MAX_METADATA_BYTES;
use crate::principal::Permissions;
use crate::problem::FieldFault;
use crate::route::{self, OriginRefused, Route, TTL_SECONDS};
use crate::tower::{Refusal, Shared};

pub(super) async fn mint(shared: &Shared, asked: Asked) -> Result<Response<Vec<u8>>, Refusal> {
    let Asked { parts, fields, login, now } = asked;
    shared.check_not_draining()?;
    let (route, asked) = read_fields(shared, &fields)?;
    let (single_use, uses) = (asked.single_use, uses(&route, asked.single_use)?);
    let origin = origin(&parts.headers, &route)?;
    let grant = route.grant(&login, asked, now)?;
    let place = route.minting_place(origin, None);
    let minted = shared.engine.admission.mint_for_uses(grant, uses, &place, now).await?;
    let ticket = minted.ticket.expose();
    let answer = Answer {
        ticket,
        session_id: minted.session_id.as_str(),
        created_at: minted.created_at,
        expires_at: minted.expires_at,
        expires_in: minted.expires_at.saturating_sub(now.unix),
        ttl_seconds: minted.expires_at - minted.created_at,
        single_use,
        login_expires_at: login.expires_at,
        websocket_url: shared.public_url.socket_url(&route.path),
        protocols: carrier::offer_ticket(ticket),
    };
    json(StatusCode::CREATED, &answer)
}

#[derive(Serialize)]
struct Answer<'a> {
    ticket: &'a str,
    session_id: &'a str,
    created_at: u64,
    expires_at: u64,
    expires_in: u64,
    ttl_seconds: u64,
    single_use: bool,
    login_expires_at: u64,
    websocket_url: String,
    protocols: [String; 3],
}

/// The page that asks, when it is one: it has to be on the route's list, since the ticket will only work from there.
fn origin<'a>(headers: &'a HeaderMap, route: &Route) -> Result<Option<&'a str>, OriginRefused> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() || !route.lists_origin(line.as_bytes()) {
        return Err(OriginRefused::Unlisted);
    }
    Ok(line.to_str().ok())
}

/// Reads the request's fields, all faults at once.
fn read_fields(shared: &Shared, fields: &Map<String, Value>) -> Result<(Arc<Route>, route::Asked), Refusal> {
    let mut asked = route::Asked { ttl: shared.default_ttl, single_use: true, permissions: None, metadata: None };
    let mut named = None;
    let faults = body::read_each(fields, |field, value| match field {
        "route" => read_route(shared, value).map(|path| named = Some(path)),
        "ttl_seconds" => read_ttl(value).map(|ttl| asked.ttl = ttl),
        "single_use" => read_single_use(value).map(|single_use| asked.single_use = single_use),
        "permissions" => read_permissions(value).map(|permissions| asked.permissions = Some(permissions)),
        "metadata" => read_metadata(value).map(|metadata| asked.metadata = Some(metadata)),
        _ => Err("no such field; there are route, ttl_seconds, single_use, permissions, metadata".to_owned()),
    });
    if !faults.is_empty() {
        return Err(Refusal::Body(faults));
    }
    let route = match named {
        None => shared.routes.first(),
        Some(path) => shared.find(&path),
    };
    Ok((route.cloned().ok_or(Refusal::Absent("the field `route` names no route"))?, asked))
}

/// A path, or a socket URL of this server.
fn read_route(shared: &Shared, value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("a string is needed, a path such as \"/chat\"")?;
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    let base = shared.public_url.socket_url("");
    match text.strip_prefix(&base) {
        Some(path) if path.starts_with('/') => Ok(path.to_owned()),
        _ => Err(format!("a path, or a URL that begins {base}/, is needed")),
    }
}

fn read_ttl(value: &Value) -> Result<Duration, String> {
    match value.as_u64().filter(|seconds| TTL_SECONDS.contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(format!("an integer from {} to {} is needed", TTL_SECONDS.start(), TTL_SECONDS.end())),
    }
}

fn read_single_use(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "true or false is needed".to_owned())
}

fn uses(route: &Route, single_use: bool) -> Result<NonZeroU32, Refusal> {
    let detail = || "this route mints single-use tickets only".to_owned();
    let fault = || Refusal::Body(vec![FieldFault { field: "single_use".to_owned(), detail: detail() }]);
    route.uses(single_use).ok_or_else(fault)
}

fn read_permissions(value: &Value) -> Result<Permissions, String> {
    let list = value.as_array().ok_or("a list of strings is needed")?;
    let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    Permissions::new(texts.ok_or("a list of strings is needed")?).map_err(|error| error.to_string())
}

fn read_metadata(value: &Value) -> Result<Arc<str>, String> {
    if !value.is_object() {
        return Err("an object is needed".to_owned());
    }
    let json = value.to_string();
    if json.len() > MAX_METADATA_BYTES {
        return Err(format!("at most {MAX_METADATA_BYTES} bytes of JSON; this is {}", json.len()));
    }
    Ok(Arc::from(json))
}
