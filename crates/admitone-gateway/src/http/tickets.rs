//! `POST /auth/ticket/introspect` and `/auth/ticket/revoke`: asking about a ticket, and taking it back.

use std::sync::Arc;

use admitone::admission::{Asker, Introspection};
use admitone::grant::SessionId;
use admitone::now::Now;
use admitone::principal::Login;
use admitone::problem::ProblemCode;
use admitone::ticket::Ticket;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::on;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb, always};
use super::fields::{AnyText, Field, Fields, Reader};
use super::shape::{Shaped as _, written};
use super::{App, body, login, reply, telling};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

pub(super) static INTROSPECT: Endpoint = Endpoint {
    name: "introspect",
    about: "Says what a ticket stands for, to its owner and to a service; consumes nothing.",
    verb: Verb::Post,
    paths: &["/auth/ticket/introspect"],
    id: None,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Json(FIELDS),
    gives: &[Given::json(StatusCode::OK, "What it stands for, or that it is none of the caller's business.", told)],
    refuses: &[login::REFUSALS, body::REFUSALS, &[ProblemCode::StoreUnavailable]],
    is_there: always,
    handler: |by| on(by, introspect),
};

pub(super) static REVOKE: Endpoint = Endpoint {
    name: "revokeTicket",
    about: "Takes a ticket back, and closes what a multi-use ticket has opened.",
    verb: Verb::Post,
    paths: &["/auth/ticket/revoke"],
    id: None,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Json(FIELDS),
    gives: &[Given::json(StatusCode::OK, "It admits nobody any more.", Revoked::shape)],
    refuses: &[login::REFUSALS, body::REFUSALS, &[ProblemCode::NotFound, ProblemCode::StoreUnavailable]],
    is_there: always,
    handler: |by| on(by, revoke),
};

const FIELDS: Fields = &[&TICKET];

static TICKET: Field<AnyText> = Field::new("ticket", "The ticket.", AnyText).needed();

written! {
    /// A ticket that could be redeemed now.
    struct Active<'a> {
        /// True.
        active: bool,
        subject: &'a str,
        issuer: &'a str,
        permissions: Vec<&'a str>,
        /// A path.
        route: &'a str,
        /// Unix seconds.
        expires_at: u64,
        /// At least one.
        uses_left: u64,
        /// The connection's public handle.
        session_id: &'a str,
        /// What the mint request had.
        metadata: Option<Map<String, Value>>,
    }
}

written! {
    /// Any other ticket, or none, or somebody else's.
    struct Inactive {
        /// False.
        active: bool,
    }
}

written! {
    /// A ticket that was taken back.
    struct Revoked<'a> {
        /// True.
        revoked: bool,
        /// The connection's public handle.
        session_id: &'a str,
    }
}

fn told() -> Value {
    json!({ "anyOf": [Active::shape(), Inactive::shape()] })
}

/// Consumes nothing. Whoever may not know learns as much as about a ticket that never was.
async fn introspect(State(app): State<Arc<App>>, request: Request) -> Result<Response, Rejection> {
    let now = Now::read();
    let (headers, login, ticket) = read(&app, request, now).await?;
    drop(headers);
    let told = match ticket {
        Some(ticket) => app.admission.introspect(&ticket, asker(&app, &login), now).await?,
        None => None,
    };
    match told {
        Some(told) => reply::json(StatusCode::OK, &active(&told)),
        None => reply::json(StatusCode::OK, &Inactive { active: false }),
    }
}

async fn revoke(State(app): State<Arc<App>>, request: Request) -> Result<Response, Rejection> {
    let now = Now::read();
    let (headers, login, ticket) = read(&app, request, now).await?;
    let session_id = take_back(&app, &headers, &login, ticket, now).await?;
    reply::json(StatusCode::OK, &Revoked { revoked: true, session_id: session_id.as_str() })
}

/// Takes a ticket of this login's back.
pub(super) async fn take_back(
    app: &App,
    headers: &HeaderMap,
    login: &Login,
    ticket: Option<Ticket>,
    now: Now,
) -> Result<SessionId, Rejection> {
    let ticket = ticket.ok_or(Rejection::NoSuchTicket)?;
    let revoked = app.admission.revoke_ticket(&ticket, &login.principal, now).await?;
    let session_id = revoked.ok_or(Rejection::NoSuchTicket)?;
    let event = Event {
        request_id: telling::request_id(headers),
        session_id: Some(session_id.as_str()),
        mark: Some("ticket"),
        by: Some("subject"),
        ..Event::new(What::Revoked)
    };
    app.audit.tell(&event.of(&login.principal));
    Ok(session_id)
}

/// As whom somebody asks about a ticket.
pub(super) fn asker<'a>(app: &App, login: &'a Login) -> Asker<'a> {
    let is_service = app.service_permission.as_ref().is_some_and(|permission| login.permissions.has(permission));
    if is_service { Asker::Service } else { Asker::Owner(&login.principal) }
}

/// Who asks, and about which ticket; none when the text could be nobody's ticket.
async fn read(app: &App, request: Request, now: Now) -> Result<(HeaderMap, Login, Option<Ticket>), Rejection> {
    let (parts, body) = request.into_parts();
    let login = login::of_request(app, &parts.headers, now).await?;
    let fields = body::object(&parts.headers, body).await?;
    let mut reader = Reader::strict(app, FIELDS, &fields);
    let ticket = reader.read(&TICKET);
    reader.finish()?;
    Ok((parts.headers, login, ticket.and_then(|ticket| Ticket::parse(&ticket).ok())))
}

fn active(told: &Introspection) -> Active<'_> {
    let grant = &told.grant;
    Active {
        active: true,
        subject: grant.principal.subject(),
        issuer: grant.principal.issuer(),
        permissions: grant.permissions.iter().collect(),
        route: &grant.route,
        expires_at: grant.expires_at,
        uses_left: told.uses_left.into(),
        session_id: told.session_id.as_str(),
        // What was stored was written by a JSON serialiser.
        metadata: grant.metadata.as_deref().and_then(|json| serde_json::from_str(json).ok()),
    }
}
