//! `POST /admin/api/revoke`: a session, a login, everything of a person, or everything before a time is over.

use std::sync::Arc;

use admitone::now::Now;
use admitone::revocation::Revocation;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use super::fields::{self, Fields, wrong};
use super::{Admin, guard, status};
use crate::audit::{Event, What};
use crate::rejection::Rejection;

const FIELDS: [&str; 7] = ["session_id", "subject", "issuer", "sid", "jti", "everything", "before"];

/// What may be named, one of them.
const TARGETS: [&str; 5] = ["session_id", "subject", "sid", "jti", "everything"];

pub(super) async fn revoke(State(admin): State<Arc<Admin>>, request: Request) -> Result<Response, Rejection> {
    let now = Now::read();
    let (parts, body) = request.into_parts();
    let fields = fields::read(&parts.headers, body, &FIELDS).await?;
    let revocation = read(&admin, &fields, now)?;
    admin.app().revocations.revoke(revocation.clone(), now).await?;
    admin.app().audit.tell(&Event { address: guard::peer(&parts).map(|peer| peer.0.ip()), ..event(&revocation) });
    Ok(status::json(&json!({ "revoked": revocation.mark().name(), "until": until(&revocation) })))
}

fn read(admin: &Admin, fields: &Fields, now: Now) -> Result<Revocation, Rejection> {
    let named: Vec<_> = TARGETS.into_iter().filter(|target| fields.has(target)).collect();
    let [target] = *named else {
        return Err(wrong("subject", "exactly one of session_id, subject, sid, jti and everything is needed"));
    };
    let has_time = matches!(target, "subject" | "everything");
    if fields.has("before") && !has_time {
        return Err(wrong("before", "it counts with subject or everything"));
    }
    if fields.has("issuer") && matches!(target, "session_id" | "everything") {
        return Err(wrong("issuer", "it counts with subject, sid or jti"));
    }
    let until = fields.time("before")?.unwrap_or(now.unix);
    if until > now.unix {
        return Err(wrong("before", "it is ahead: nobody could log in until then"));
    }
    let text = || fields.required(target);
    Ok(match target {
        "session_id" => Revocation::Session(fields.session_id()?),
        "subject" => Revocation::Subject { issuer: issuer(admin, fields)?, subject: text()?.into(), until },
        "sid" => Revocation::Sid { issuer: issuer(admin, fields)?, sid: text()?.into() },
        "jti" => Revocation::Jti { issuer: issuer(admin, fields)?, jti: text()?.into() },
        _ if fields.is_true("everything")? => Revocation::Everything { until },
        _ => return Err(wrong("everything", "true is needed")),
    })
}

/// One of the issuers that are configured: the only one need not be named.
pub(super) fn issuer(admin: &Admin, fields: &Fields) -> Result<Arc<str>, Rejection> {
    let app = admin.app();
    let known = &app.issuers;
    let listed = || known.join(", ");
    match fields.text("issuer")? {
        Some(named) if known.contains(&named) => Ok(named.into()),
        Some(_) => Err(wrong("issuer", &format!("no such issuer; there are {}", listed()))),
        None => match &known[..] {
            [only] => Ok(only.as_str().into()),
            _ => Err(wrong("issuer", &format!("needed, since there are several: {}", listed()))),
        },
    }
}

fn until(revocation: &Revocation) -> Option<u64> {
    match revocation {
        Revocation::Subject { until, .. } | Revocation::Everything { until } => Some(*until),
        _ => None,
    }
}

fn event(revocation: &Revocation) -> Event<'_> {
    let event = Event {
        mark: Some(revocation.mark().name()),
        until: until(revocation),
        by: Some("admin"),
        ..Event::new(What::Revoked)
    };
    match revocation {
        Revocation::Session(id) => Event { session_id: Some(id.as_str()), ..event },
        Revocation::Subject { issuer, subject, .. } => Event { issuer: Some(issuer), subject: Some(subject), ..event },
        Revocation::Sid { issuer, sid } => Event { issuer: Some(issuer), sid: Some(sid), ..event },
        Revocation::Jti { issuer, jti } => Event { issuer: Some(issuer), jti: Some(jti), ..event },
        _ => event,
    }
}
