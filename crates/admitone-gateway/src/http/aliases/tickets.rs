//! `GET /websocket/ticket/{id}/validate` and `DELETE /websocket/ticket/{id}`, where the id is the ticket itself.

use std::sync::Arc;

use admitone::admission::Introspection;
use admitone::now::Now;
use admitone::problem::ProblemCode;
use admitone::ticket::Ticket;
use axum::extract::State;
use axum::response::Response;
use axum::routing::on;
use http::{HeaderMap, StatusCode};

use super::{are_on, fractional};
use crate::http::endpoint::{Caller, Endpoint, Given, Reach, Takes, Verb};
use crate::http::endpoints::{Id, read_id};
use crate::http::shape::{Shaped as _, written};
use crate::http::tickets::{asker, take_back};
use crate::http::{App, login, reply};
use crate::rejection::Rejection;

const ID: Option<&str> = Some("The ticket.");

pub(in crate::http) static VALIDATE: Endpoint = Endpoint {
    name: "aliasValidate",
    about: "Says what a ticket stands for, to its owner and to a service; consumes nothing.",
    verb: Verb::Get,
    paths: &["/websocket/ticket/{id}/validate", "/api/websocket/ticket/{id}/validate"],
    id: ID,
    caller: Caller::AnybodyOrLogin,
    reach: Reach::Pages,
    takes: Takes::Nothing,
    gives: &[Given::json(
        StatusCode::OK,
        "What it stands for, or that it is not valid for the caller.",
        Validity::shape,
    )],
    refuses: &[login::REFUSALS, &[ProblemCode::StoreUnavailable]],
    is_there: are_on,
    handler: |by| on(by, validate),
};

pub(in crate::http) static DELETE: Endpoint = Endpoint {
    name: "aliasDelete",
    about: "Takes a ticket back.",
    verb: Verb::Delete,
    paths: &["/websocket/ticket/{id}", "/api/websocket/ticket/{id}"],
    id: ID,
    caller: Caller::Login,
    reach: Reach::Pages,
    takes: Takes::Nothing,
    gives: &[Given::json(StatusCode::OK, "It admits nobody any more.", Deleted::shape)],
    refuses: &[login::REFUSALS, &[ProblemCode::Forbidden, ProblemCode::NotFound, ProblemCode::StoreUnavailable]],
    is_there: are_on,
    handler: |by| on(by, delete),
};

written! {
    struct Validity<'a> {
        valid: bool,
        user_id: Option<&'a str>,
        email: Option<&'a str>,
        permissions: Option<Vec<&'a str>>,
        /// Unix seconds.
        expires_at: Option<f64>,
        /// Why it is not valid.
        error: Option<&'static str>,
    }
}

written! {
    struct Deleted {
        success: bool,
        message: &'static str,
    }
}

/// Whoever may not know learns as much as about a ticket that never was.
async fn validate(State(app): State<Arc<App>>, id: Id, headers: HeaderMap) -> Result<Response, Rejection> {
    let now = Now::read();
    let Some(login) = login::if_any(&app, &headers, now).await? else {
        return reply::json(StatusCode::OK, &invalid("log in as the ticket's owner to ask about it"));
    };
    let told = match read_id(id).and_then(|id| Ticket::parse(&id).ok()) {
        Some(ticket) => app.admission.introspect(&ticket, asker(&app, &login), now).await?,
        None => None,
    };
    match told {
        Some(told) => reply::json(StatusCode::OK, &valid(&told)),
        None => reply::json(StatusCode::OK, &invalid("this login has no such ticket that could be redeemed")),
    }
}

fn valid(told: &Introspection) -> Validity<'_> {
    let grant = &told.grant;
    Validity {
        valid: true,
        user_id: Some(grant.principal.subject()),
        email: grant.principal.email(),
        permissions: Some(grant.permissions.iter().collect()),
        expires_at: Some(fractional(grant.expires_at)),
        error: None,
    }
}

const fn invalid(error: &'static str) -> Validity<'static> {
    Validity { valid: false, user_id: None, email: None, permissions: None, expires_at: None, error: Some(error) }
}

async fn delete(State(app): State<Arc<App>>, id: Id, headers: HeaderMap) -> Result<Response, Rejection> {
    let now = Now::read();
    let login = login::of_request(&app, &headers, now).await?;
    let ticket = read_id(id).and_then(|id| Ticket::parse(&id).ok());
    if ticket.as_ref().is_some_and(|ticket| app.admission.is_anothers(ticket, &login.principal)) {
        return Err(Rejection::NotTheOwner);
    }
    take_back(&app, &headers, &login, ticket, now).await?;
    reply::json(StatusCode::OK, &Deleted { success: true, message: "the ticket was revoked" })
}
