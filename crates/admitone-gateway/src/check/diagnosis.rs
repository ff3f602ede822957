//! What answers mean that are not the ones hoped for.

use admitone::problem::MEDIA_TYPE;
use http::header::{CONTENT_TYPE, SERVER};
use serde_json::Value;

use super::Trouble;
use super::asking::Asking;
use crate::fetch::{Answer, FetchError};

/// Text of JSON, or none.
pub(super) fn told(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Nothing usable came back.
pub(super) fn unreached(error: &FetchError) -> Trouble {
    let next = match error {
        FetchError::Resolve(_) => "look at the name, and at this machine's DNS",
        FetchError::NotHttps(_) => "use https and wss, or, on a network of your own, --danger-plaintext",
        FetchError::Connect { .. } => "is it running, and is this machine let through to its port?",
        FetchError::Tls { .. } => "look at the certificate's names and dates; for a private authority, --ca-file",
        FetchError::Redirect(_) => "give the URL that it leads to: tokens are sent nowhere else",
        FetchError::Timeout(_) => "something between waits: look at its log for this request",
        _ => "look at what stands before the gateway",
    };
    Trouble::new("not reached", error.to_string(), next)
}

/// What an answer says, and the code of its problem; none where it is no gateway's.
pub(super) fn problem(answer: &Answer) -> (String, String) {
    let status = answer.status.as_u16();
    let is_problem = answer.headers.get(CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
    let body: Value = if is_problem { serde_json::from_slice(&answer.body).unwrap_or_default() } else { Value::Null };
    let code = told(&body["code"]);
    if code.is_empty() || !told(&body["type"]).starts_with("urn:admitone:problem:") {
        return (format!("{status}, and not from a gateway"), String::new());
    }
    let detail = match told(&body["detail"]) {
        "" => told(&body["title"]),
        detail => detail,
    };
    let faults = body["errors"].as_array().into_iter().flatten();
    let faults = faults.map(|fault| format!("; {}: {}", told(&fault["field"]), told(&fault["detail"])));
    (format!("{status} {code}: {detail}{}", faults.collect::<String>()), code.to_owned())
}

/// The answer is no gateway's.
pub(super) fn elsewhere(path: &str, answer: &Answer) -> Trouble {
    let status = answer.status.as_u16();
    let server = answer.headers.get(SERVER).and_then(|value| value.to_str().ok());
    let who = server.map_or_else(|| "something else".to_owned(), |server| format!("“{}”", server.escape_debug()));
    let found = format!("{status} to {path}, and not from a gateway");
    let (cause, next) = match status {
        502..=504 => (
            format!("{who} answers that it cannot reach the gateway"),
            "is the gateway running, and is its address in the proxy the right one?".to_owned(),
        ),
        _ => (
            format!("{who} answers in the gateway's place"),
            format!("have the proxy pass {path} on to the gateway, or name where it is (--gateway, --health)"),
        ),
    };
    Trouble::new(found, cause, next)
}

/// The page's origin is not on the list.
pub(super) fn origin(asking: &Asking<'_>, found: String) -> Trouble {
    let route = &asking.target.route;
    match &asking.target.origin {
        Some(origin) => Trouble::new(
            found,
            format!("{origin} is not among the origins of {route}, or something before the gateway changes Origin"),
            format!("add \"{origin}\" to origins of the route, exactly so"),
        ),
        None => Trouble::new(
            found,
            "no origin was sent, and one arrived: something before the gateway makes it up",
            "have the proxy leave Origin alone",
        ),
    }
}

/// An upgrade that a fresh ticket did not open.
pub(super) fn not_opened(asking: &Asking<'_>, answer: &Answer, found: String, code: &str) -> Trouble {
    match code {
        "" => elsewhere(&asking.target.route, answer),
        "upstream_unavailable" if is_spent(answer) => Trouble::new(
            found,
            "the upstream took the connection and did not upgrade it",
            "look at the upstream's log, and at the path in the route's upstream",
        ),
        "upgrade_required" => Trouble::new(
            found,
            "the upgrade arrived as an ordinary request: something before the gateway drops Upgrade and Connection",
            "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"",
        ),
        "not_logged_in" => Trouble::new(
            found,
            "the ticket did not arrive: something before the gateway drops Sec-WebSocket-Protocol, or the route takes no \
             ticket there",
            "have the proxy pass Sec-WebSocket-Protocol on, and look at ticket_carriers of the route",
        ),
        "origin_not_allowed" => origin(asking, found),
        "invalid_request" => Trouble::new(
            found,
            "something before the gateway changes the upgrade's headers",
            "have the proxy pass Connection, Upgrade and the Sec-WebSocket headers on as they are",
        ),
        _ => by_code(found, code),
    }
}

/// Whether the ticket was redeemed before it was refused: the upstream had been reached by then.
fn is_spent(answer: &Answer) -> bool {
    answer.headers.get("admitone-ticket").is_some_and(|state| state == "spent")
}

/// What the gateway itself says.
pub(super) fn by_code(found: String, code: &str) -> Trouble {
    let (cause, next) = match code {
        "upstream_unavailable" => (
            "the gateway cannot reach the upstream",
            "start the upstream, and look at the route's upstream; admitone_dials_total tells how dials end",
        ),
        "upstream_timeout" => (
            "the upstream took the connection and did not answer the upgrade in time",
            "look at the upstream's log, and at upgrade_timeout_seconds",
        ),
        "store_unavailable" => ("the store does not answer the gateway", "start it, or let the gateway reach it"),
        "issuer_unavailable" => {
            ("the issuer's keys or its answer did not come", "let the gateway reach the issuer; its log names the URL")
        }
        "over_limit" => (
            "a limit was met: of this address, person or ticket",
            "wait as long as Retry-After says, or look at [limits]; behind a proxy, name it in trusted_proxies so that not everybody \
             counts as one address",
        ),
        "overloaded" => ("no room is left", "look at max_connections and the store's max_tickets"),
        "draining" => ("the gateway is shutting down", "wait for its successor"),
        "forbidden" => ("the login may not do that", "look at required_permissions and issuers of the route"),
        "not_found" | "invalid_body" => (
            "the gateway knows no such route, or not by this login",
            "look at the path in the URL, and at the gateway's [[routes]]",
        ),
        _ => ("the gateway says so", "look for the request in its log"),
    };
    Trouble::new(found, cause, next)
}
