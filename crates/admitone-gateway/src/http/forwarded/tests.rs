use http::{HeaderName, Request};
use proptest::prelude::*;

use super::*;

fn asked(uri: &str, headers: &[(&'static str, &str)]) -> Parts {
    let mut parts = Request::get(uri).body(()).expect("a request").into_parts().0;
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        parts.headers.append(HeaderName::try_from(*name).expect("a header's name"), value);
    }
    parts
}

/// What every question has.
const REST: [(&str, &str); 2] = [(FORWARDED_FOR, "203.0.113.9"), ("sec-websocket-version", "13")];

fn read(uri: &str, headers: &[(&'static str, &str)]) -> Result<String, ForwardedError> {
    Forwarded::read(&asked(uri, &[&REST, headers].concat())).map(|read| read.target.to_string())
}

#[test]
fn a_target_comes_by_header_or_behind_the_path() {
    for (uri, headers) in [
        ("/auth/verify", [(ORIGINAL_URI, "/chat?room=5&a=%20")].as_slice()),
        ("/auth/verify", &[(FORWARDED_URI, "/chat?room=5&a=%20")]),
        ("/auth/verify", &[(FORWARDED_URI, "/chat?room=5&a=%20"), (ORIGINAL_URI, "/chat?room=5&a=%20")]),
        ("/auth/verify/chat?room=5&a=%20", &[]),
        ("/auth/verify/chat?room=5&a=%20", &[(ORIGINAL_URI, "/chat?room=5&a=%20")]),
        ("/auth/verify?room=5&a=%20", &[(FORWARDED_URI, "/chat?room=5&a=%20")]),
    ] {
        assert_eq!(read(uri, headers).as_deref(), Ok("/chat?room=5&a=%20"), "{uri} {headers:?}");
    }
}

#[test]
fn a4_a_target_that_is_missing_or_said_in_two_ways_is_none() {
    let two = |one, other| Err(ForwardedError::TwoUris(one, other));
    assert_eq!(read("/auth/verify", &[]), Err(ForwardedError::NoUri));
    assert_eq!(read("/auth/verify?room=5", &[]), Err(ForwardedError::NoUri));
    assert_eq!(read("/auth/verify", &[(ORIGINAL_URI, "/a"), (FORWARDED_URI, "/b")]), two(ORIGINAL_URI, FORWARDED_URI));
    assert_eq!(read("/auth/verify/a", &[(FORWARDED_URI, "/a?")]), two(BEHIND_PATH, FORWARDED_URI));
    assert_eq!(read("/auth/verify/", &[(ORIGINAL_URI, "/a")]), two(BEHIND_PATH, ORIGINAL_URI));
    for name in [ORIGINAL_URI, FORWARDED_URI, FORWARDED_METHOD, "sec-websocket-version"] {
        let twice = [(ORIGINAL_URI, "/a"), (name, "/a"), (name, "/a")];
        assert!(matches!(read("/auth/verify", &twice), Err(ForwardedError::Twice(_))), "{name}");
    }
}

#[test]
fn a5_what_is_no_target_of_a_request_is_refused() {
    for target in [
        "",
        "chat",
        "*",
        "http://app.example.com/chat",
        "//",
        "/chat#",
        "/chat#/other",
        "/a b",
        "/caf\u{e9}",
        "/a?b c",
        "/a\tb",
    ] {
        let read = read("/auth/verify", &[(ORIGINAL_URI, target)]);
        // `//` is a path of two slashes, which no route has.
        assert!(read == Err(ForwardedError::NotATarget(ORIGINAL_URI)) || target == "//", "{target:?}: {read:?}");
    }
}

#[test]
fn whose_request_it_is_and_that_it_is_an_upgrade_has_to_be_said() {
    let [address, version] = REST;
    let lacking = |rest| Forwarded::read(&asked("/auth/verify/chat", &[rest])).map(|_| ());
    assert_eq!(lacking(version), Err(ForwardedError::NoAddress));
    let is_upgrade = |rest| Forwarded::read(&asked("/auth/verify/chat", &[address, rest])).map(|read| read.is_upgrade);
    assert_eq!(is_upgrade(version), Ok(true));
    assert_eq!(is_upgrade((version.0, "8")), Ok(false));
    assert_eq!(is_upgrade(("accept", "*/*")), Ok(false));
}

#[test]
fn the_method_is_the_clients_where_the_proxy_says_it() {
    let method = |headers: &[_]| {
        Forwarded::read(&asked("/auth/verify/chat", &[&REST, headers].concat())).map(|read| read.method)
    };
    assert_eq!(method(&[]), Ok(Method::GET));
    assert_eq!(method(&[(FORWARDED_METHOD, "POST")]), Ok(Method::POST));
    assert_eq!(method(&[(FORWARDED_METHOD, "G T")]), Err(ForwardedError::NotATarget(FORWARDED_METHOD)));
}

#[test]
fn everybody_is_told_which_header_is_missing_and_the_log_how_to_mend_it() {
    for (error, name) in [
        (ForwardedError::NoUri, ORIGINAL_URI),
        (ForwardedError::NoAddress, FORWARDED_FOR),
        (ForwardedError::NotAnUpgrade, "Sec-WebSocket-Version"),
        (ForwardedError::Twice(FORWARDED_URI), FORWARDED_URI),
        (ForwardedError::TwoUris(ORIGINAL_URI, FORWARDED_URI), FORWARDED_URI),
        (ForwardedError::NotATarget(ORIGINAL_URI), ORIGINAL_URI),
    ] {
        let (told, logged) = (error.told(), error.to_string());
        assert!(told.contains(name) && logged.contains(name), "{told} {logged}");
        assert!(logged.len() > told.len() && logged.contains(':'), "{logged}");
    }
}

proptest! {
    /// Whatever stands in the headers: a target that is read is one of those that were sent, and a path of this server.
    #[test]
    fn a5_a_target_that_is_read_is_what_the_proxy_sent(
        original in proptest::option::of("[ -~]{0,12}"),
        forwarded in proptest::option::of("[ -~]{0,12}"),
    ) {
        let mut headers = Vec::from(REST);
        headers.extend(original.as_deref().map(|value| (ORIGINAL_URI, value)));
        headers.extend(forwarded.as_deref().map(|value| (FORWARDED_URI, value)));
        if let Ok(read) = Forwarded::read(&asked("/auth/verify", &headers)) {
            let target = read.target.to_string();
            prop_assert!(target.starts_with('/'));
            for sent in [original, forwarded].into_iter().flatten() {
                prop_assert_eq!(&target, &sent);
            }
        }
    }
}
