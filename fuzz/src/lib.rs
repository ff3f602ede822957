//! What each fuzzer does with its input, and what has to hold whatever that is. A panic is a finding.

use std::path::Path;
use std::sync::LazyLock;

use admitone::authn::jws;
use admitone::authn::{Algorithm, KeySet, KeySource, VerifyingKey, discovery};
use admitone::carrier::{self, Carrier, Policy};
use admitone::ticket::{LENGTH, PREFIX, Ticket};
use admitone_gateway::config::Config;
use admitone_gateway::relay::frames::Frames;
use admitone_gateway::routes::Routes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// A text is refused, or is a ticket that shows the very same text.
pub fn ticket(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(ticket) = Ticket::parse(text) {
        assert_eq!(ticket.expose(), text);
        assert!(text.len() == LENGTH && text.starts_with(PREFIX));
        assert!(!format!("{ticket:?}").contains(&text[PREFIX.len()..]), "Debug shows it");
    }
}

/// A head ends in the same place however it is cut, and is read without a panic.
pub fn head(data: &[u8]) {
    #[cfg(fuzzing)]
    admitone_gateway::http::fuzzing::head(data);
    let _ = data;
}

/// Whatever was taken, no credential that counts is left.
pub fn carriers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let target = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.take(20).filter_map(|line| line.split_once(": ")) {
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) else {
            return;
        };
        headers.append(name, value);
    }
    let policy = Policy {
        ticket: Carrier::ALL.into(),
        jwt: Carrier::ALL.into(),
        jwt_cookie: Some("login".into()),
        query_passthrough: Vec::new(),
    };
    let Ok(taken) = carrier::take(target, &mut headers, &policy) else { return };
    if taken.presented.is_some() {
        let again = carrier::take(&taken.target, &mut headers, &policy);
        assert!(again.is_ok_and(|again| again.presented.is_none()), "a credential is left");
    }
}

/// Only the listed bytes are a listed origin.
pub fn origin(data: &[u8]) {
    static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::new(&configuration()));
    let listed: [&[u8]; 2] = [b"https://app.example.com", b"http://localhost:3000"];
    assert_eq!(ROUTES.list_origin(data), listed.contains(&data));
}

/// Nobody without the keys makes a token that they verify.
pub fn jws(data: &[u8]) {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
        let secret = b"a secret that the fuzzer does not know, 256 bits";
        VerifyingKey::from_secret(secret, &[Algorithm::Hs256]).map(KeySet::from).expect("a key")
    });
    assert!(jws::verify(data, &KEYS, &[Algorithm::Hs256]).is_err());
}

/// A set is refused, or has keys.
pub fn jwks(data: &[u8]) {
    for source in [KeySource::Published, KeySource::Operator] {
        if let Ok(keys) = KeySet::from_jwks(data, source) {
            assert!(!keys.is_empty());
        }
    }
}

/// A configuration is refused with its faults, or read.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A path of the fuzzer's own making could be a device that never ends.
    if text.contains("_file") || text.contains("path = \"/dev") {
        return;
    }
    if let Err(faults) = Config::parse(text, "fuzzed.toml", Path::new("."), []) {
        assert!(faults.to_string().contains("fuzzed.toml"), "a fault says whose it is: {faults}");
    }
}

/// What a store gives back is a grant, or nothing.
pub fn records(data: &[u8]) {
    #[cfg(fuzzing)]
    admitone::store::redis::fuzzing::record(data);
    let _ = data;
}

/// Whose address it is, whatever a proxy says.
pub fn forwarded(data: &[u8]) {
    #[cfg(fuzzing)]
    admitone_gateway::http::fuzzing::forwarded(data);
    let _ = data;
}

/// Which request a proxy asks about: one that it names, or none.
pub fn question(data: &[u8]) {
    #[cfg(fuzzing)]
    admitone_gateway::http::fuzzing::question(data);
    let _ = data;
}

/// What a route might bound its frames by, in bytes.
const LONGEST: u64 = 4096;

/// The place among frames does not depend on how the bytes were cut.
pub fn frames(data: &[u8]) {
    let Some((&cut, bytes)) = data.split_first() else { return };
    let mut whole = Frames::new();
    let whole_fed = whole.feed(bytes, LONGEST);
    let mut pieces = Frames::new();
    let mut fed = Ok(());
    for piece in bytes.chunks(usize::from(cut) + 1) {
        let rest = pieces.rest_of_frame(piece);
        fed = fed.and_then(|()| pieces.feed(piece, LONGEST));
        assert!(rest.is_err() || rest.is_ok_and(|rest| rest <= piece.len()));
        if fed.is_err() {
            break;
        }
    }
    assert_eq!(whole_fed.is_ok(), fed.is_ok());
    assert_eq!((whole.at_boundary(), whole.close_passed()), (pieces.at_boundary(), pieces.close_passed()));
}

/// A discovery document is read, or is an error.
pub fn documents(data: &[u8]) {
    let _ = discovery::jwks_uri(data, "https://id.example.com");
}

fn configuration() -> Config {
    let text = r#"
        server.listen = "127.0.0.1:0"
        [[issuers]]
        name = "main"
        issuer = "https://id.example.com"
        audience = "chat"
        algorithms = "ES256"
        jwks_url = "https://id.example.com/jwks"
        [[routes]]
        path = "/chat"
        upstream = "ws://127.0.0.1:9/"
        origins = ["https://app.example.com", "http://localhost:3000"]
    "#;
    Config::parse(text, "origins.toml", Path::new("."), []).unwrap_or_else(|faults| panic!("{faults}"))
}
