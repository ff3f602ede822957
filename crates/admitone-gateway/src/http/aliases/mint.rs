//! `POST /websocket/ticket` and `POST /auth/generate-ticket`: a login becomes a ticket, whose URL carries it.

use std::sync::Arc;
use std::time::Duration;

use admitone::now::Now;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::on;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{are_on, fractional};
use crate::config::ALIAS_TTL_SECONDS;
use crate::http::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb};
use crate::http::fields::{CappedSeconds, Field, Fields, JsonObject, PermissionList, Reader, Seconds, Switch};
use crate::http::mint::{Form, Order, REFUSALS, Traded, trade};
use crate::http::shape::{Shaped as _, written};
use crate::http::{App, Peer, body, login, reply};
use crate::rejection::Rejection;
use crate::routes::Asked;

pub(in crate::http) static MINT: Endpoint = Endpoint {
    name: "aliasMint",
    about: "Mints a ticket for the default route, as clients of an older system ask for it.",
    verb: Verb::Post,
    paths: &["/websocket/ticket", "/api/websocket/ticket"],
    id: None,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::JsonNeeded(FIELDS),
    gives: &[Given::json(StatusCode::OK, "The ticket.", Answer::shape)],
    refuses: &[login::REFUSALS, body::REFUSALS, REFUSALS],
    is_there: are_on,
    handler: |by| on(by, mint),
};

pub(in crate::http) static GENERATE: Endpoint = Endpoint {
    name: "aliasGenerate",
    about: "The same; a longer life than the longest is capped, and all that the ticket stands for is told.",
    verb: Verb::Post,
    paths: &["/auth/generate-ticket", "/api/v1/auth/generate-ticket"],
    id: None,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::JsonNeeded(CAPPED_FIELDS),
    gives: &[Given::json(StatusCode::OK, "The ticket.", WholeAnswer::shape)],
    refuses: &[login::REFUSALS, body::REFUSALS, REFUSALS],
    is_there: are_on,
    handler: |by| on(by, generate),
};

const FIELDS: Fields = &[&TTL, &SINGLE_USE, &PERMISSIONS, &METADATA];
const CAPPED_FIELDS: Fields = &[&CAPPED_TTL, &SINGLE_USE, &PERMISSIONS, &METADATA];

const SHORTEST: u64 = *ALIAS_TTL_SECONDS.start();
const LONGEST: u64 = *ALIAS_TTL_SECONDS.end();

static TTL: Field<Seconds> =
    Field::new("ttl_seconds", "How long the ticket lives.", Seconds(SHORTEST, LONGEST)).by_default(default_ttl_json);
static CAPPED_TTL: Field<CappedSeconds> =
    Field::new("ttl_seconds", "How long the ticket lives.", CappedSeconds(SHORTEST, LONGEST))
        .by_default(default_ttl_json);
static SINGLE_USE: Field<Switch> =
    Field::new("single_use", "False only where the route allows several uses.", Switch).by_default(|_| json!(true));
static PERMISSIONS: Field<PermissionList> =
    Field::new("permissions", "Some of the login's; [] for none, null for all.", PermissionList).or_null();
static METADATA: Field<JsonObject> = Field::new("metadata", "The application's own.", JsonObject).or_null();

written! {
    struct Answer<'a> {
        /// The ticket itself.
        ticket_id: &'a str,
        /// Unix seconds.
        expires_at: f64,
        /// Unix seconds.
        created_at: f64,
        /// Seconds.
        ttl_seconds: u64,
        single_use: bool,
        /// Where to connect to, with the ticket in the query.
        websocket_url: String,
    }
}

written! {
    struct WholeAnswer<'a> {
        /// The ticket itself.
        ticket_id: &'a str,
        user_id: &'a str,
        email: Option<&'a str>,
        permissions: Vec<&'a str>,
        /// What was asked for, or null.
        metadata: Option<Map<String, Value>>,
        /// Unix seconds.
        expires_at: f64,
        /// Unix seconds.
        created_at: f64,
        /// Seconds.
        ttl_seconds: u64,
        single_use: bool,
        /// Where to connect to, with the ticket in the query.
        websocket_url: String,
    }
}

async fn mint(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Rejection> {
    let form = Form { is_needed: true, read: |app, fields| read(app, fields, FIELDS, |reader| reader.read(&TTL)) };
    let traded = trade(&app, peer, request, &form, Now::read()).await?;
    let minted = &traded.minted;
    let answer = Answer {
        ticket_id: minted.ticket.expose(),
        expires_at: fractional(minted.expires_at),
        created_at: fractional(minted.created_at),
        ttl_seconds: minted.expires_at - minted.created_at,
        single_use: traded.single_use,
        websocket_url: websocket_url(&app, &traded),
    };
    reply::json(StatusCode::OK, &answer)
}

async fn generate(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Rejection> {
    let read =
        |app: &App, fields: &Map<String, Value>| read(app, fields, CAPPED_FIELDS, |reader| reader.read(&CAPPED_TTL));
    let traded = trade(&app, peer, request, &Form { is_needed: true, read }, Now::read()).await?;
    let (minted, principal) = (&traded.minted, &traded.login.principal);
    let answer = WholeAnswer {
        ticket_id: minted.ticket.expose(),
        user_id: principal.subject(),
        email: principal.email(),
        permissions: traded.permissions.iter().collect(),
        // What was read was written by a JSON serialiser.
        metadata: traded.metadata.as_deref().and_then(|json| serde_json::from_str(json).ok()),
        expires_at: fractional(minted.expires_at),
        created_at: fractional(minted.created_at),
        ttl_seconds: minted.expires_at - minted.created_at,
        single_use: traded.single_use,
        websocket_url: websocket_url(&app, &traded),
    };
    reply::json(StatusCode::OK, &answer)
}

/// Everything but the TTL is read alike. Other fields are passed over, as these clients are used to.
fn read(
    app: &App,
    fields: &Map<String, Value>,
    table: Fields,
    read_ttl: fn(&mut Reader<'_>) -> Option<Duration>,
) -> Result<Order, Rejection> {
    let mut reader = Reader::lenient(app, table, fields);
    let asked = Asked {
        ttl: read_ttl(&mut reader).unwrap_or_else(|| default_ttl(app)),
        single_use: reader.read(&SINGLE_USE).unwrap_or(true),
        permissions: reader.read(&PERMISSIONS),
        metadata: reader.read(&METADATA),
    };
    reader.finish()?;
    let route = app.routes.default_route().cloned().ok_or(Rejection::Internal("aliases without a default route"))?;
    Ok(Order { route, asked })
}

fn default_ttl(app: &App) -> Duration {
    app.aliases.as_ref().map_or(app.default_ttl, |aliases| aliases.ttl)
}

fn default_ttl_json(app: &App) -> Value {
    json!(default_ttl(app).as_secs())
}

fn websocket_url(app: &App, traded: &Traded) -> String {
    format!("{}?ticket={}", app.public_url.socket_url(&traded.route.path), traded.minted.ticket.expose())
}
