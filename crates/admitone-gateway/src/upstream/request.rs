//! The upgrade request (RFC 6455 §4.1).

use std::io::Write;

use http::header::{self, HeaderMap, HeaderName};

use super::{Address, UpgradeError};

/// What the request says of itself; the hop's own headers and what would frame a body.
const OWN: [HeaderName; 14] = [
    header::HOST,
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_ACCEPT,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What an upgrade request carries besides what every one does.
#[derive(Clone, Copy)]
pub struct UpgradeHead<'a> {
    /// The client's query without its credential, and without `?`.
    pub query: Option<&'a str>,
    /// `Sec-WebSocket-Key`: base64 of 16 bytes, the client's or one made for this request.
    pub key: &'a str,
    /// The client's end-to-end headers without its credential, and ours. `Host`, `Connection`, `Upgrade`,
    /// `Sec-WebSocket-Key` and `-Version`, hop-by-hop headers and those of a body are left out here.
    pub headers: &'a HeaderMap,
}

impl UpgradeHead<'_> {
    pub(super) fn encode(&self, address: &Address) -> Result<Vec<u8>, UpgradeError> {
        let forbidden = |what| UpgradeError::BadHead { what };
        if self.key.len() != 24 || !self.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(forbidden("the key"));
        }
        if !self.query.unwrap_or_default().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(forbidden("the query"));
        }
        let mut request = Vec::with_capacity(1024);
        self.write_start(&mut request, address)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| !OWN.contains(name)) {
            if value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                return Err(forbidden("a header"));
            }
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                request.extend_from_slice(part);
            }
        }
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
    use http::HeaderValue;

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn address() -> Address {
        Address::new(false, "app", 9000, "/chat").expect("an address")
    }

    #[test]
    fn says_what_was_given_and_its_own_once() {
        let mut headers = HeaderMap::new();
        headers.insert("origin", HeaderValue::from_static("https://app.example"));
        headers.append("cookie", HeaderValue::from_static("a=1"));
        headers.append("cookie", HeaderValue::from_static("b=2"));
        for name in OWN {
            headers.insert(name, HeaderValue::from_static("smuggled"));
        }
        let head = UpgradeHead { query: Some("room=1"), key: KEY, headers: &headers };
        let request = String::from_utf8(head.encode(&address()).expect("writable")).expect("ASCII");
        assert_eq!(
            request,
            "GET /chat?room=1 HTTP/1.1\r\nHost: app:9000\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             origin: https://app.example\r\ncookie: a=1\r\ncookie: b=2\r\n\r\n"
        );
    }

    #[test]
    fn refuses_parts_that_would_write_more_than_themselves() {
        let headers = HeaderMap::new();
        let refused = |query, key| {
            let head = UpgradeHead { query, key, headers: &headers };
            matches!(head.encode(&address()), Err(UpgradeError::BadHead { .. }))
        };
        assert!(!refused(None, KEY));
        assert!(refused(Some("a HTTP/1.1\r\nX: y"), KEY));
        assert!(refused(Some("a b"), KEY));
        assert!(refused(Some("a#b"), KEY));
        assert!(refused(None, "short"));
        assert!(refused(None, "dGhlIHNhbXBsZSBub25jZ\r\nX"));
    }
}
