//! The path of a route.

use std::fmt;
use std::sync::Arc;

use crate::config::fault::{Wrong, listed, quoted, wrong};

/// The paths that the gateway answers itself, each with everything under it.
const RESERVED: [&str; 12] = [
    "/.well-known",
    "/admin",
    "/api/auth",
    "/api/v1/auth",
    "/api/websocket/ticket",
    "/api/websocket/tickets",
    "/auth",
    "/healthz",
    "/openapi.json",
    "/readyz",
    "/websocket/ticket",
    "/websocket/tickets",
];

/// Longest path, in bytes.
const MAX_BYTES: usize = 512;

/// The path of a route: it is compared byte by byte with a request's.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoutePath(Arc<str>);

impl RoutePath {
    /// The path; it starts with `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Parses a path that can be written in one way only.
pub(super) fn parse(text: &str) -> Result<RoutePath, Wrong> {
    let refuse = |problem: &str, mend: &str| Err(wrong(format!("{} {problem}", quoted(text)), mend));
    if !text.starts_with('/') {
        return refuse("does not start with a slash", "write it like `/chat`");
    }
    if text.len() > MAX_BYTES {
        return refuse(&format!("is longer than {MAX_BYTES} bytes"), "write a shorter one");
    }
    if text.contains(['?', '#']) {
        return refuse("has a query or fragment", "write the path alone");
    }
    if text.contains("//") || text.split('/').any(|segment| segment == "." || segment == "..") {
        return refuse("has an empty, `.` or `..` segment, which clients write in other ways", "leave it out");
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    if !text.bytes().all(legal) {
        return refuse(
            "has a character that needs percent-encoding, or is percent-encoded",
            "write letters and digits",
        );
    }
    if let Some(reserved) = RESERVED.iter().find(|reserved| is_under(text, reserved)) {
        let mend = format!("choose one that is not under {}", listed(RESERVED));
        return refuse(&format!("is under {reserved}, which the gateway answers itself"), &mend);
    }
    Ok(RoutePath(text.into()))
}

fn is_under(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_in_one_way_only() {
        for text in ["/", "/chat", "/chat/", "/v1/chat.io", "/authors", "/api/chat", "/websocket", "/@a+b"] {
            assert_eq!(parse(text).expect(text).as_str(), text);
        }
        for text in [
            "",
            "chat",
            "//",
            "/a//b",
            "/./a",
            "/a/..",
            "/a?b",
            "/a#b",
            "/a%62",
            "/a b",
            "/é",
            "/a\\b",
            "/auth",
            "/auth/x",
            "/healthz",
            "/.well-known/x",
            "/admin/",
            "/websocket/ticket/x",
            "/openapi.json",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&format!("/{}", "a".repeat(512))).is_err());
    }
}
