//! `POST /auth/ticket`: a login becomes a ticket.

use std::num::NonZeroU32;
use std::sync::Arc;

use admitone::admission::Minted;
use admitone::carrier;
use admitone::now::Now;
use admitone::principal::{Login, Permissions};
use admitone::problem::{FieldFault, ProblemCode};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::on;
use http::StatusCode;
use http::header::{HeaderMap, ORIGIN};
use serde_json::{Map, Value, json};

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::fields::{Field, Fields, JsonObject, PermissionList, Reader, RouteName, Seconds, Switch};
use super::shape::{Shaped as _, written};
use super::{App, Peer, body, client, login, reply, rollout, telling};
use crate::audit::{Event, What};
use crate::config::TTL_SECONDS;
use crate::rejection::Rejection;
use crate::routes::{Asked, Route};
use crate::traces::Trace;

/// Where tickets are minted.
pub(super) const PATH: &str = "/auth/ticket";

pub(super) static ENDPOINT: Endpoint = Endpoint {
    name: "mint",
    about: "Mints a ticket for a login.",
    verb: Verb::Post,
    paths: &[PATH],
    id: None,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Json(FIELDS),
    gives: &[Given::json(StatusCode::CREATED, "The ticket.", Answer::shape)],
    refuses: &[login::REFUSALS, body::REFUSALS, REFUSALS],
    is_there: always,
    handler: |by| on(by, mint),
};

/// Of a mint, whoever asks for it in whatever form, beside those of its login and its body.
pub(super) const REFUSALS: &[ProblemCode] = &[
    ProblemCode::OriginNotAllowed,
    ProblemCode::Forbidden,
    ProblemCode::NotFound,
    ProblemCode::TicketsDisabled,
    ProblemCode::StoreUnavailable,
    ProblemCode::Draining,
];

const FIELDS: Fields = &[&ROUTE, &TTL, &SINGLE_USE, &PERMISSIONS, &METADATA];

static ROUTE: Field<RouteName> = Field::new("route", "A route's path, or the URL of its sockets.", RouteName)
    .by_default(|app| app.routes.default_route().map_or(Value::Null, |route| json!(&*route.path)));
static TTL: Field<Seconds> = Field::new(
    "ttl_seconds",
    "How long the ticket lives; less where the route's maximum or the login's end is nearer.",
    Seconds(*TTL_SECONDS.start(), *TTL_SECONDS.end()),
)
.by_default(|app| json!(app.default_ttl.as_secs()));
static SINGLE_USE: Field<Switch> =
    Field::new("single_use", "False only on a route that allows several uses.", Switch).by_default(|_| json!(true));
static PERMISSIONS: Field<PermissionList> =
    Field::new("permissions", "Some of the login's; without it, all of them.", PermissionList);
static METADATA: Field<JsonObject> = Field::new("metadata", "The application's own.", JsonObject);

pub(super) async fn mint(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Rejection> {
    let now = Now::read();
    let traded = trade(&app, peer, request, &Form { is_needed: false, read: read_order }, now).await?;
    let (minted, ticket) = (&traded.minted, traded.minted.ticket.expose());
    let answer = Answer {
        ticket,
        session_id: minted.session_id.as_str(),
        created_at: minted.created_at,
        expires_at: minted.expires_at,
        expires_in: minted.expires_at.saturating_sub(now.unix),
        ttl_seconds: minted.expires_at - minted.created_at,
        single_use: traded.single_use,
        login_expires_at: traded.login.expires_at,
        websocket_url: app.public_url.socket_url(&traded.route.path),
        protocols: carrier::offer_ticket(ticket),
    };
    reply::json(StatusCode::CREATED, &answer)
}

written! {
    /// A ticket that was minted.
    struct Answer<'a> {
        /// The secret that admits one connection.
        ticket: &'a str,
        /// The connection's public handle; not a secret.
        session_id: &'a str,
        /// Unix seconds.
        created_at: u64,
        /// Unix seconds.
        expires_at: u64,
        /// Seconds.
        expires_in: u64,
        /// Seconds.
        ttl_seconds: u64,
        single_use: bool,
        /// Unix seconds: when the login ends, and with it the connection unless it is renewed.
        login_expires_at: u64,
        /// Where to connect to, without the ticket.
        websocket_url: String,
        /// What to offer as subprotocols, behind the application's own.
        protocols: [String; 3],
    }
}

/// How a mint request says what it asks for.
pub(super) struct Form {
    /// Whether there has to be a body.
    pub(super) is_needed: bool,
    pub(super) read: fn(&App, &Map<String, Value>) -> Result<Order, Rejection>,
}

/// What a mint request asks for.
pub(super) struct Order {
    pub(super) route: Arc<Route>,
    pub(super) asked: Asked,
}

/// A ticket, and what it was minted for.
pub(super) struct Traded {
    pub(super) minted: Minted,
    pub(super) login: Login,
    pub(super) route: Arc<Route>,
    pub(super) single_use: bool,
    pub(super) permissions: Permissions,
    pub(super) metadata: Option<Arc<str>>,
}

/// A login becomes a ticket, in whatever form it is asked for; counted and timed.
pub(super) async fn trade(
    app: &Arc<App>,
    peer: Peer,
    request: Request,
    form: &Form,
    now: Now,
) -> Result<Traded, Rejection> {
    let traded = trade_uncounted(app, peer, request, form, now).await;
    let outcome = traded.as_ref().map_or_else(|refused| refused.row().told.code.name(), |_| "minted");
    app.metrics.minted(outcome, now.instant.elapsed());
    traded
}

async fn trade_uncounted(
    app: &Arc<App>,
    peer: Peer,
    request: Request,
    form: &Form,
    now: Now,
) -> Result<Traded, Rejection> {
    let address = client::address(app, peer, request.headers());
    app.check_not_draining()?;
    app.limits.check_mint(address, now.instant)?;
    refuse_query_token(request.uri().query())?;
    let (parts, body) = request.into_parts();
    let trace = Trace::of(&parts.extensions);
    let step = trace.step("authenticate");
    let login = login::of_request(app, &parts.headers, now).await?;
    step.ended("accepted");
    app.limits.count_mint(address, &login.principal, now.instant)?;
    let fields = if form.is_needed {
        body::needed_object(&parts.headers, body).await
    } else {
        body::object(&parts.headers, body).await
    };
    let Order { route, asked } = (form.read)(app, &fields?)?;
    let (single_use, uses) = (asked.single_use, uses(&route, asked.single_use)?);
    let origin = origin(&parts.headers, &route)?;
    let place = route.minting_place(origin, Some(address));
    let grant = route.grant(&login, asked, now)?;
    rollout::check(app, &route, &login.principal)?;
    let (permissions, metadata) = (grant.permissions.clone(), grant.metadata.clone());
    let step = trace.step("put");
    let minted = app.admission.mint_for_uses(grant, uses, &place, now).await.map_err(Rejection::from);
    let minted = minted.inspect_err(|rejection| rollout::failed(app, &route, rejection))?;
    step.ended("minted");
    trace.note("admitone.session_id", minted.session_id.as_str());
    rollout::worked(app, &route);

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
    Ok(Traded { minted, login, route, single_use, permissions, metadata })
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

fn read_order(app: &App, fields: &Map<String, Value>) -> Result<Order, Rejection> {
    let mut reader = Reader::strict(app, FIELDS, fields);
    let named = reader.read(&ROUTE);
    let asked = Asked {
        ttl: reader.read(&TTL).unwrap_or(app.default_ttl),
        single_use: reader.read(&SINGLE_USE).unwrap_or(true),
        permissions: reader.read(&PERMISSIONS),
        metadata: reader.read(&METADATA),
    };
    if app.routes.default_route().is_none() && !fields.contains_key("route") {
        reader.fault("route", "needed: the gateway has several routes and no default one".to_owned());
    }
    reader.finish()?;
    let route = match named {
        None => app.routes.default_route(),
        Some(path) => app.routes.find(&path),
    };
    Ok(Order { route: route.cloned().ok_or(Rejection::NoSuchRoute)?, asked })
}

fn uses(route: &Route, single_use: bool) -> Result<NonZeroU32, Rejection> {
    let detail = || "this route mints single-use tickets only".to_owned();
    let fault = || Rejection::Body(vec![FieldFault { field: "single_use".to_owned(), detail: detail() }]);
    route.uses(single_use).ok_or_else(fault)
}
