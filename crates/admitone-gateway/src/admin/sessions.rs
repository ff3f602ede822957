//! `/admin/api/sessions` and `/admin/api/close`: who is connected to this node, and ending that without taking anything back.

use std::sync::Arc;
use std::time::Duration;

use admitone::close::CloseCode;
use admitone::now::Now;
use admitone::sessions::{Listed, Scope};
use axum::extract::{Request, State};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::fields::{self, Fields, wrong};
use super::{Admin, guard, status};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

/// Most sessions that are listed, and how many when the request does not say.
const MOST_LISTED: usize = 1000;
const LISTED: usize = 50;

/// Longest time that closing may be spread over.
const LONGEST_CLOSING: u64 = 300;

/// Which sessions to list.
#[derive(Default)]
struct Filter {
    subject: Option<String>,
    issuer: Option<String>,
    route: Option<String>,
    limit: Option<usize>,
}

/// The youngest first.
pub(super) async fn sessions(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Rejection> {
    let filter = Filter::read(request.uri().query().unwrap_or_default())?;
    let now = Now::read();
    let mut listed = admin.app().sessions.list(|session| filter.has(session));
    let total = listed.len();
    listed.sort_unstable_by_key(|session| std::cmp::Reverse(session.opened.instant));
    listed.truncate(filter.limit.unwrap_or(LISTED));
    let shown: Vec<Value> = listed.iter().map(|session| shown(session, now)).collect();
    Ok(status::json(&json!({ "node": admin.app().node, "total": total, "sessions": shown })))
}

fn shown(session: &Listed, now: Now) -> Value {
    json!({
        "session_id": session.id.as_str(),
        "issuer": session.principal.issuer(),
        "subject": session.principal.subject(),
        "sid": session.login.sid.as_deref(),
        "jti": session.login.jti.as_deref(),
        "route": &*session.route,
        "method": session.method.name(),
        "opened_at": session.opened.unix,
        "expires_at": session.expires_at,
        "open_seconds": now.instant.saturating_duration_since(session.opened.instant).as_secs(),
        "ends_in_seconds": session.expires_at.saturating_sub(now.unix),
    })
}

impl Filter {
    fn read(query: &str) -> Result<Self, Rejection> {
        let mut filter = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong(name, "UTF-8 is needed"))?;
            match name {
                "subject" => filter.subject = Some(value.into_owned()),
                "issuer" => filter.issuer = Some(value.into_owned()),
                "route" => filter.route = Some(value.into_owned()),
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST_LISTED).contains(limit));
                    let detail = || wrong(name, &format!("a number from 1 to {MOST_LISTED} is needed"));
                    filter.limit = Some(limit.ok_or_else(detail)?);
                }
                _ => return Err(wrong(name, "no such parameter; there are subject, issuer, route, limit")),
            }
        }
        Ok(filter)
    }

    fn has(&self, session: &Listed) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        is(&self.subject, session.principal.subject())
            && is(&self.issuer, session.principal.issuer())
            && is(&self.route, &session.route)
    }
}

/// On every node. Whoever was closed mints again and comes back.
pub(super) async fn close(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Rejection> {
    let (parts, body) = request.into_parts();
    let fields = fields::read(&parts.headers, body, &["route", "everything", "over_seconds"]).await?;
    let (scope, route) = scope(&admin, &fields)?;
    let over = fields.time("over_seconds")?.unwrap_or_default();
    if over > LONGEST_CLOSING {
        return Err(wrong("over_seconds", &format!("a number from 0 to {LONGEST_CLOSING} is needed")));
    }
    let here = admin.app().sessions.list(|session| route.as_ref().is_none_or(|route| **route == *session.route)).len();
    admin.app().audit.tell(&Event {
        address: guard::peer(&parts).map(|peer| peer.0.ip()),
        route: route.as_deref(),
        by: Some("admin"),
        count: Some(here as u64),
        ..Event::new(What::Closed)
    });
    admin.app().control.close(scope, CloseCode::Draining, Duration::from_secs(over), Now::read()).await?;
    Ok(status::json(&json!({ "closing": true, "sessions_here": here })))
}

fn scope(admin: &Admin, fields: &Fields) -> Result<(Scope, Option<String>), Rejection> {
    match (fields.text("route")?, fields.is_true("everything")?) {
        (Some(route), false) if admin.app().routes.find(&route).is_some() => {
            Ok((Scope::Route(route.clone()), Some(route)))
        }
        (Some(_), false) => {
            let app = admin.app();
            let known: Vec<_> = app.routes.iter().map(|route| &*route.path).collect();
            Err(wrong("route", &format!("no such route; there are {}", known.join(", "))))
        }
        (None, true) => Ok((Scope::Everything, None)),
        _ => Err(wrong("route", "exactly one of route and everything: true is needed")),
    }
}
