//! What fuzzers reach of this module.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::client;
use super::forwarded::Forwarded;
use super::head::{Head, Scan};

/// The first byte says how the rest is cut: a head ends in the same place however it arrives.
pub fn head(data: &[u8]) {
    let Some((&cut, bytes)) = data.split_first() else { return };
    let whole = Scan::default().advance(bytes);
    let mut scan = Scan::default();
    let mut cut_up = Ok(None);
    let step = usize::from(cut) + 1;
    for end in (step..bytes.len() + step).step_by(step) {
        cut_up = scan.advance(&bytes[..end.min(bytes.len())]);
        if !matches!(cut_up, Ok(None)) {
            break;
        }
    }
    let Ok(Some(length)) = whole else { return };
    assert_eq!(cut_up, Ok(Some(length)));
    if let Ok(head) = Head::parse(Bytes::copy_from_slice(&bytes[..length])) {
        assert_eq!(head.bytes, bytes[..length]);
    }
}

/// Lines of `X-Forwarded-For`: each hop is an address or is none.
pub fn forwarded(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append("x-forwarded-for", value);
    }
    client::read_hops(&headers);
}

/// What a proxy asks: the question's target, and header lines. A target that is read is one that stands there.
pub fn question(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let Ok(request) = Request::get(lines.next().unwrap_or_default()).body(()) else { return };
    let mut parts = request.into_parts().0;
    let asked = parts.uri.path_and_query().map_or("", |asked| asked.as_str());
    let mut sent = vec![asked.replacen(super::verify::PATH, "", 1)];
    for (name, value) in lines.take(20).filter_map(|line| line.split_once(": ")) {
        let (Ok(name), Ok(line)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
            return;
        };
        parts.headers.append(name, line);
        sent.push(value.to_owned());
    }
    if let Ok(read) = Forwarded::read(&parts) {
        let target = read.target.to_string();
        assert!(target.starts_with('/') && sent.contains(&target), "{target}");
    }
}
