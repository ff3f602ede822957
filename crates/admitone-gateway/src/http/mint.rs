//! `POST /auth/ticket`: a login becomes a ticket.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use admitone::carrier;
use admitone::grant::MAX_METADATA_BYTES;
use admitone::now::Now;
use admitone::principal::Permissions;
use admitone::problem::FieldFault;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, ORIGIN};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{App, Peer, body, client, login, telling};
use crate::audit::{Event, What};
use crate::config::TTL_SECONDS;
use crate::rejection::Rejection;
use crate::routes::{Asked, Route};
use crate::traces::Trace;

pub(super) async fn mint(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Rejection> {
    let now = Now::read();
    let minted = trade(&app, peer, request, now).await;
    let outcome = minted.as_ref().map_or_else(|refused| refused.row().code.name(), |_| "minted");
    app.metrics.minted(outcome, now.instant.elapsed());
    minted
}

async fn trade(app: &Arc<App>, peer: Peer, request: Request, now: Now) -> Result<Response, Rejection> {
    let address = client::address(app, peer, request.headers());
    app.check_not_draining()?;
    app.limits.check_mint(address, now.instant)?;
    refuse_query_token(request.uri().query())?;
    let (parts, body) = request.into_parts();
    let trace = parts.extensions.get::<Trace>().cloned().unwrap_or_default();
    let step = trace.step("authenticate");
    let login = login::of_request(app, &parts.headers, now).await?;
    step.ended("accepted");
    app.limits.count_mint(address, &login.principal, now.instant)?;
    let fields = body::object(&parts.headers, body).await?;
    let (route, asked) = read_fields(app, &fields)?;
    let (single_use, uses) = (asked.single_use, uses(&route, asked.single_use)?);
    let origin = origin(&parts.headers, &route)?;
    let place = route.minting_place(origin, Some(address));
    let grant = route.grant(&login, asked, now)?;
    let step = trace.step("put");
    let minted = app.admission.mint_for_uses(grant, uses, &place, now).await?;
    step.ended("minted");
    trace.note("admitone.session_id", minted.session_id.as_str());

    app.audit.tell(
        &Event {
            route: Some(&route.path),
            session_id: Some(minted.session_id.as_str()),
            expires_at: Some(minted.expires_at),
            address: Some(address),
            request_id: telling::request_id(&parts.headers),
            ..Event::new(What::Minted)
        }
        .of(&login.principal)
        .by_login(&login.stamp),
    );
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
        websocket_url: app.public_url.socket_url(&route.path),
        protocols: carrier::offer_ticket(ticket),
    };
    let json = serde_json::to_vec(&answer).map_err(|_| Rejection::Internal("the answer does not serialise"))?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, json).into_response())
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

/// A token in the URL is refused even beside a good one: it is in somebody's log already (RFC 6750 §2.3).
fn refuse_query_token(query: Option<&str>) -> Result<(), Rejection> {
    match query {
        None => Ok(()),
        Some(_) => Err(Rejection::Request("this endpoint takes no query: the token goes into Authorization")),
    }
}

/// The page that asks, when it is one: it has to be on the route's list, since the ticket will only work from there.
fn origin<'a>(headers: &'a HeaderMap, route: &Route) -> Result<Option<&'a str>, Rejection> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() || !route.lists_origin(line.as_bytes()) {
        return Err(Rejection::Origin);
    }
    Ok(line.to_str().ok())
}

/// Reads the request's fields, all faults at once.
fn read_fields(app: &App, fields: &Map<String, Value>) -> Result<(Arc<Route>, Asked), Rejection> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, detail: String| faults.push(FieldFault { field: field.to_owned(), detail });
    let mut asked = Asked { ttl: app.default_ttl, single_use: true, permissions: None, metadata: None };
    let mut named = None;
    for (field, value) in fields {
        let read = match field.as_str() {
            "route" => read_route(app, value).map(|path| named = Some(path)),
            "ttl_seconds" => read_ttl(value).map(|ttl| asked.ttl = ttl),
            "single_use" => read_single_use(value).map(|single_use| asked.single_use = single_use),
            "permissions" => read_permissions(value).map(|permissions| asked.permissions = Some(permissions)),
            "metadata" => read_metadata(value).map(|metadata| asked.metadata = Some(metadata)),
            _ => Err("no such field; there are route, ttl_seconds, single_use, permissions, metadata".to_owned()),
        };
        if let Err(detail) = read {
            fault(field, detail);
        }
    }
    if named.is_none() && app.routes.default_route().is_none() && !fields.contains_key("route") {
        fault("route", "needed: the gateway has several routes and no default one".to_owned());
    }
    if !faults.is_empty() {
        return Err(Rejection::Body(faults));
    }
    let route = match named {
        None => app.routes.default_route(),
        Some(path) => app.routes.find(&path),
    };
    Ok((route.cloned().ok_or(Rejection::NoSuchRoute)?, asked))
}

/// A path, or a socket URL of this gateway.
fn read_route(app: &App, value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("a string is needed, a path such as \"/chat\"")?;
    if text.starts_with('/') {
        return Ok(text.to_owned());
    }
    let base = app.public_url.socket_url("");
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

fn uses(route: &Route, single_use: bool) -> Result<NonZeroU32, Rejection> {
    let detail = || "this route mints single-use tickets only".to_owned();
    let fault = || Rejection::Body(vec![FieldFault { field: "single_use".to_owned(), detail: detail() }]);
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
