//! The upgrade request (RFC 6455 §4.1).

use std::io::Write;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Address, AnswerError};

/// Whether the request says this of itself, or it ends at a hop, or it would frame a body.
fn is_own(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "connection"
            | "upgrade"
            | "sec-websocket-key"
            | "sec-websocket-version"
            | "sec-websocket-accept"
            | "content-length"
            | "transfer-encoding"
            | "te"
            | "trailer"
            | "expect"
            | "proxy-authorization"
            | "keep-alive"
            | "proxy-connection"
    )
}

/// Header lines of an upgrade request, as they are sent. None can end early, and none says what the request says of itself.
#[derive(Debug, Default)]
pub struct HeaderLines(Vec<u8>);

impl HeaderLines {
    /// Room for the headers of a usual request.
    #[must_use]
    pub fn new() -> Self {
        Self(Vec::with_capacity(512))
    }

    /// Adds a header; one that upgrade requests write themselves, or that ends at this hop, is left out.
    pub fn push(&mut self, name: &HeaderName, value: &HeaderValue) {
        if !is_own(name.as_str()) {
            self.write(name.as_str(), std::iter::once(value.as_bytes()));
        }
    }

    /// Adds a header of ours, its value in parts.
    ///
    /// # Errors
    ///
    /// [`AnswerError::BadHead`] for anything but printable ASCII.
    pub fn push_text(&mut self, name: &'static str, parts: &[&str]) -> Result<(), AnswerError> {
        if !parts.iter().flat_map(|part| part.bytes()).all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(AnswerError::BadHead { what: name });
        }
        self.write(name, parts.iter().map(|part| part.as_bytes()));
        Ok(())
    }

    /// The same, taken apart again.
    pub(super) fn to_map(&self) -> Result<HeaderMap, AnswerError> {
        let mut headers = HeaderMap::new();
        for line in self.0.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\r")) {
            // Every line was written with a name and a value of their types.
            let what = || AnswerError::BadHead { what: "a header" };
            let colon = line.iter().position(|byte| *byte == b':').ok_or_else(what)?;
            let name = HeaderName::from_bytes(&line[..colon]).map_err(|_| what())?;
            headers.append(name, HeaderValue::from_bytes(&line[colon + 2..]).map_err(|_| what())?);
        }
        Ok(headers)
    }

    fn write<'a>(&mut self, name: &str, parts: impl Iterator<Item = &'a [u8]>) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        parts.for_each(|part| self.0.extend_from_slice(part));
        self.0.extend_from_slice(b"\r\n");
    }
}

/// A query is visible ASCII without `#`, or would not be one to the upstream.
pub(super) fn check_query(query: Option<&str>) -> Result<(), AnswerError> {
    if query.unwrap_or_default().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        Ok(())
    } else {
        Err(AnswerError::BadHead { what: "the query" })
    }
}

/// What an upgrade request carries besides what every one does.
#[derive(Clone, Copy)]
pub struct UpgradeHead<'a> {
    /// The client's query without its credential, and without `?`.
    pub query: Option<&'a str>,
    /// `Sec-WebSocket-Key`: base64 of 16 bytes, the client's or one made for this request.
    pub key: &'a str,
    /// The client's end-to-end headers without its credential, and ours.
    pub headers: &'a HeaderLines,
}

impl UpgradeHead<'_> {
    pub(super) fn encode(&self, address: &Address) -> Result<Vec<u8>, AnswerError> {
        let forbidden = |what| AnswerError::BadHead { what };
        if self.key.len() != 24 || !self.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(forbidden("the key"));
        }
        check_query(self.query)?;
        let mut request = Vec::with_capacity(256 + self.headers.0.len());
        self.write_start(&mut request, address)?;
        request.extend_from_slice(&self.headers.0);
        request.extend_from_slice(b"\r\n");
        Ok(request)
    }

    fn write_start(&self, request: &mut Vec<u8>, address: &Address) -> std::io::Result<()> {
        request.extend_from_slice(b"GET ");
        request.extend_from_slice(address.path().as_bytes());
        if let Some(query) = self.query {
            write!(request, "?{query}")?;
        }
        write!(
            request,
            " HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n",
            address.authority(),
            self.key,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn address() -> Address {
        Address::new(false, "app", 9000, "/chat").expect("an address")
    }

    const OWN: [&str; 14] = [
        "host",
        "connection",
        "upgrade",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-accept",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "expect",
        "proxy-authorization",
        "keep-alive",
        "proxy-connection",
    ];

    #[test]
    fn says_what_was_given_and_its_own_once() {
        let mut headers = HeaderLines::new();
        for (name, value) in [("origin", "https://app.example"), ("cookie", "a=1"), ("cookie", "b=2")] {
            headers.push(&HeaderName::from_static(name), &HeaderValue::from_static(value));
        }
        for name in OWN {
            headers.push(&HeaderName::from_static(name), &HeaderValue::from_static("smuggled"));
        }
        headers.push_text("x-list", &["a", ", ", "b"]).expect("printable");
        let head = UpgradeHead { query: Some("room=1"), key: KEY, headers: &headers };
        let request = String::from_utf8(head.encode(&address()).expect("writable")).expect("ASCII");
        assert_eq!(
            request,
            "GET /chat?room=1 HTTP/1.1\r\nHost: app:9000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             origin: https://app.example\r\ncookie: a=1\r\ncookie: b=2\r\nx-list: a, b\r\n\r\n"
        );
    }

    #[test]
    fn refuses_parts_that_would_write_more_than_themselves() {
        let headers = HeaderLines::new();
        let refused = |query, key| {
            let head = UpgradeHead { query, key, headers: &headers };
            matches!(head.encode(&address()), Err(AnswerError::BadHead { .. }))
        };
        assert!(!refused(None, KEY));
        assert!(refused(Some("a HTTP/1.1\r\nX: y"), KEY));
        assert!(refused(Some("a b"), KEY));
        assert!(refused(Some("a#b"), KEY));
        assert!(refused(None, "short"));
        assert!(refused(None, "dGhlIHNhbXBsZSBub25jZ\r\nX"));
    }

    #[test]
    fn a6_a_text_that_would_write_more_than_itself_is_refused() {
        let mut headers = HeaderLines::new();
        for text in ["a\r\nX: y", "a\nb", "a\0b", "a\tb", "m\u{fc}ller", "\u{7f}"] {
            assert!(headers.push_text("x-text", &["a", text]).is_err(), "{text:?}");
        }
        assert_eq!(headers.0, b"");
    }
}
