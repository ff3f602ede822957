//! `/admin/api/sessions` and `/admin/api/close`: who is connected, and ending that without taking anything back.

use std::sync::Arc;
use std::time::Duration;

use admitone::close::CloseCode;
use admitone::control::{Listing, Told, Wanted};
use admitone::now::Now;
use admitone::sessions::{Listed, Scope};
use axum::extract::{Request, State};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::fields::{self, Fields, wrong};
use super::{Admin, guard, revoke, status};
use crate::audit::{Event, What};
use crate::http::App;
use crate::rejection::Rejection;

/// Most sessions that are listed, and how many when the request does not say.
const MOST_LISTED: usize = 1000;
const LISTED: usize = 50;

const FIELDS: [&str; 6] = ["route", "session_id", "subject", "issuer", "everything", "over_seconds"];

/// What may be named, one of them.
const TARGETS: [&str; 4] = ["route", "session_id", "subject", "everything"];

/// Longest time that closing may be spread over.
const LONGEST_CLOSING: u64 = 300;

/// Which sessions to list.
#[derive(Default)]
struct Question {
    wanted: Wanted,
    /// Of all nodes, not of this one alone.
    everywhere: bool,
}

/// The youngest first.
pub(super) async fn sessions(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Rejection> {
    let Question { wanted, everywhere } = Question::read(request.uri().query().unwrap_or_default())?;
    let (app, now) = (admin.app(), Now::read());
    let others = if everywhere { others(&app).await? } else { 0 };
    let mut listings = app.control.list_elsewhere(&wanted, others).await;
    let silent = others - listings.len();
    listings.insert(0, app.control.list_here(&wanted));
    let total: usize = listings.iter().map(|listing| listing.total).sum();
    let of_node = |listing: &Listing| {
        let shown = |session: &Told| (session.opened_at, shown(session, &listing.node, now));
        listing.sessions.iter().map(shown).collect::<Vec<_>>()
    };
    let mut sessions: Vec<(u64, Value)> = listings.iter().flat_map(of_node).collect();
    sessions.sort_by_key(|(opened_at, _)| std::cmp::Reverse(*opened_at));
    let sessions: Vec<Value> = sessions.into_iter().take(wanted.most).map(|(_, session)| session).collect();
    Ok(status::json(&json!({ "node": app.node, "total": total, "silent": silent, "sessions": sessions })))
}

/// How many other nodes there are.
async fn others(app: &App) -> Result<usize, Rejection> {
    Ok(app.roster.all().await?.len().saturating_sub(1))
}

fn shown(session: &Told, node: &str, now: Now) -> Value {
    let mut shown = serde_json::to_value(session).unwrap_or_default();
    shown["node"] = node.into();
    shown["open_seconds"] = now.unix.saturating_sub(session.opened_at).into();
    shown["ends_in_seconds"] = session.expires_at.saturating_sub(now.unix).into();
    shown
}

impl Question {
    fn read(query: &str) -> Result<Self, Rejection> {
        let mut question = Self { wanted: Wanted { most: LISTED, ..Wanted::default() }, ..Self::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong(name, "UTF-8 is needed"))?;
            match name {
                "subject" => question.wanted.subject = Some(value.into_owned()),
                "issuer" => question.wanted.issuer = Some(value.into_owned()),
                "route" => question.wanted.route = Some(value.into_owned()),
                "nodes" if value == "all" => question.everywhere = true,
                "nodes" => return Err(wrong(name, "all is needed; without it, only this node's are listed")),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST_LISTED).contains(limit));
                    let detail = || wrong(name, &format!("a number from 1 to {MOST_LISTED} is needed"));
                    question.wanted.most = limit.ok_or_else(detail)?;
                }
                _ => return Err(wrong(name, "no such parameter; there are subject, issuer, route, nodes, limit")),
            }
        }
        Ok(question)
    }
}

/// On every node. Whoever was closed mints again and comes back.
pub(super) async fn close(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    let fields = fields::read(&parts.headers, body, &FIELDS).await?;
    let scope = scope(&admin, &fields)?;
    let over = fields.time("over_seconds")?.unwrap_or_default();
    if over > LONGEST_CLOSING {
        return Err(wrong("over_seconds", &format!("a number from 0 to {LONGEST_CLOSING} is needed")));
    }
    let here = admin.app().sessions.list(|session| is_meant(&scope, session)).len();
    admin.app().audit.tell(&Event {
        address: guard::peer(&parts).map(|peer| peer.0.ip()),
        by: Some("admin"),
        count: Some(here as u64),
        ..event(&scope)
    });
    admin.app().control.close(scope, CloseCode::Draining, Duration::from_secs(over), Now::read()).await?;
    Ok(status::json(&json!({ "closing": true, "sessions_here": here })))
}

fn scope(admin: &Admin, fields: &Fields) -> Result<Scope, Rejection> {
    let named: Vec<_> = TARGETS.into_iter().filter(|target| fields.has(target)).collect();
    let [target] = *named else {
        return Err(wrong("route", "exactly one of route, session_id, subject and everything is needed"));
    };
    if fields.has("issuer") && target != "subject" {
        return Err(wrong("issuer", "it counts with subject"));
    }
    Ok(match target {
        "route" => Scope::Route(known_route(admin, fields.required("route")?)?),
        "session_id" => Scope::Session(fields.session_id()?),
        "subject" => {
            let issuer = revoke::issuer(admin, fields)?.to_string();
            Scope::Subject { issuer, subject: fields.required("subject")? }
        }
        _ if fields.is_true("everything")? => Scope::Everything,
        _ => return Err(wrong("everything", "true is needed")),
    })
}

fn known_route(admin: &Admin, route: String) -> Result<String, Rejection> {
    let app = admin.app();
    if app.routes.find(&route).is_some() {
        return Ok(route);
    }
    let known: Vec<_> = app.routes.iter().map(|route| &*route.path).collect();
    Err(wrong("route", &format!("no such route; there are {}", known.join(", "))))
}

fn is_meant(scope: &Scope, session: &Listed) -> bool {
    match scope {
        Scope::Route(route) => **route == *session.route,
        Scope::Session(id) => *id == session.id || session.id.of_ticket().as_ref() == Some(id),
        Scope::Subject { issuer, subject } => {
            *issuer == session.principal.issuer() && *subject == session.principal.subject()
        }
        _ => true,
    }
}

fn event(scope: &Scope) -> Event<'_> {
    let event = Event::new(What::Closed);
    match scope {
        Scope::Route(route) => Event { route: Some(route), ..event },
        Scope::Session(id) => Event { session_id: Some(id.as_str()), ..event },
        Scope::Subject { issuer, subject } => Event { issuer: Some(issuer), subject: Some(subject), ..event },
        _ => event,
    }
}
