use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::{Carrier, Found, Kind, Policy, Presented, TakeError};

const TICKET_NAMES: [&str; 3] = ["ticket", "auth_ticket", "ticket_id"];
const JWT_NAMES: [&str; 4] = ["token", "jwt", "auth_token", "access_token"];

pub(super) struct Query {
    pub(super) credentials: Vec<Found>,
    /// The target without them, byte for byte otherwise.
    pub(super) left: String,
}

pub(super) fn read(target: &str, policy: &Policy) -> Result<Query, TakeError> {
    let Some((path, query)) = target.split_once('?') else {
        return Ok(Query { credentials: Vec::new(), left: target.to_owned() });
    };
    let mut credentials = Vec::new();
    let mut kept = Vec::new();
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match kind_of(&decode(name), policy) {
            None => kept.push(parameter),
            Some(kind) if !policy.allows(kind, Carrier::Query) => return Err(TakeError::QueryOff),
            Some(kind) => credentials.push(Ok(Presented::new(kind, Carrier::Query, decode(value)))),
        }
    }
    let left = match kept.join("&") {
        _ if credentials.is_empty() => target.to_owned(),
        kept if kept.is_empty() => path.to_owned(),
        kept => format!("{path}?{kept}"),
    };
    Ok(Query { credentials, left })
}

fn kind_of(name: &str, policy: &Policy) -> Option<Kind> {
    if policy.query_passthrough.iter().any(|passed| passed == name) {
        None
    } else if TICKET_NAMES.contains(&name) {
        Some(Kind::Ticket)
    } else if JWT_NAMES.contains(&name) {
        Some(Kind::Jwt)
    } else {
        None
    }
}

/// As `application/x-www-form-urlencoded` (WHATWG URL).
fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned())
    } else {
        percent_decode(text.as_bytes()).decode_utf8_lossy()
    }
}
