use http::header::{COOKIE, HeaderMap, HeaderValue};

use super::{Carrier, Found, Kind, Policy, Presented, TICKET_COOKIE};

pub(super) struct Cookies {
    pub(super) credentials: Vec<Found>,
    /// The lines without them; those that held none are as they were.
    pub(super) left: Vec<HeaderValue>,
}

pub(super) fn read(headers: &HeaderMap, policy: &Policy) -> Cookies {
    let mut cookies = Cookies { credentials: Vec::new(), left: Vec::new() };
    for line in headers.get_all(COOKIE) {
        let before = cookies.credentials.len();
        let kept = keep(line.as_bytes(), policy, &mut cookies.credentials);
        if cookies.credentials.len() == before {
            cookies.left.push(line.clone());
        } else if !kept.is_empty() {
            // Joining parts of a valid value by "; " gives a valid value.
            cookies.left.extend(HeaderValue::from_bytes(&kept).ok());
        }
    }
    cookies
}

/// One line's other cookies, joined by `"; "`; its credentials go to `credentials`.
fn keep(line: &[u8], policy: &Policy, credentials: &mut Vec<Found>) -> Vec<u8> {
    let mut kept = Vec::new();
    for cookie in line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|cookie| !cookie.is_empty()) {
        match credential_of(cookie, policy) {
            Some(presented) => credentials.push(Ok(presented)),
            None => {
                if !kept.is_empty() {
                    kept.extend_from_slice(b"; ");
                }
                kept.extend_from_slice(cookie);
            }
        }
    }
    kept
}

fn credential_of(cookie: &[u8], policy: &Policy) -> Option<Presented> {
    let equals = cookie.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (&cookie[..equals], &cookie[equals + 1..]);
    let kind = if name == TICKET_COOKIE.as_bytes() {
        Kind::Ticket
    } else if policy.jwt_cookie.as_ref().is_some_and(|login| name == login.as_bytes()) {
        Kind::Jwt
    } else {
        return None;
    };
    Some(Presented::new(kind, Carrier::Cookie, String::from_utf8_lossy(value)))
}
