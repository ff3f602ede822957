//! Replays `spec/vectors/`: what the TypeScript client replays too.

use admitone::carrier::{self, Carrier, Kind, Policy};
use admitone::close::{self, CloseCode, Next, Reading};
use http::header::{HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carriers {
    format: u8,
    offers: Vec<OfferCase>,
    shows: Vec<ShowCase>,
    takes: Vec<TakeCase>,
    answers: Vec<AnswerCase>,
}

/// What a client offers: this side checks that a server takes the same credential out of it again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferCase {
    name: String,
    credential: OfferedCredential,
    protocols: Vec<String>,
    offered: Option<Vec<String>>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfferedCredential {
    kind: String,
    value: String,
}

/// Replayed by clients only; named here so that an unknown field is noticed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowCase {
    name: String,
    offered: Vec<String>,
    selected: String,
    protocol: String,
    refused: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TakeCase {
    name: String,
    target: String,
    headers: Vec<(String, String)>,
    policy: PolicyCase,
    credential: Option<CredentialCase>,
    left: Option<LeftCase>,
    problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyCase {
    ticket: Vec<String>,
    jwt: Vec<String>,
    jwt_cookie: Option<String>,
    query_passthrough: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct CredentialCase {
    kind: String,
    carrier: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftCase {
    target: String,
    headers: Vec<(String, String)>,
    protocols: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerCase {
    name: String,
    offered: Vec<String>,
    upstream: Option<String>,
    selected: Option<String>,
    problem: Option<String>,
}

fn carriers() -> Carriers {
    let text = include_str!("../../../../spec/vectors/carriers.json");
    let carriers: Carriers = serde_json::from_str(text).expect("carriers.json has the known shape");
    assert_eq!(carriers.format, 1);
    carriers
}

fn carrier_named(name: &String) -> Carrier {
    Carrier::ALL.into_iter().find(|carrier| carrier.name() == name).expect("a known carrier")
}

fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Ticket => "ticket".into(),
        Kind::Jwt => "jwt".into(),
    }
}

fn header_map(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }
    headers
}

/// The lines of each name in order; a header map keeps no order between names.
fn sorted(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

#[test]
fn carriers_are_taken_as_the_vectors_say() {
    for case in carriers().takes {
        let policy = Policy {
            ticket: case.policy.ticket.iter().map(carrier_named).collect(),
            jwt: case.policy.jwt.iter().map(carrier_named).collect(),
            jwt_cookie: case.policy.jwt_cookie,
            query_passthrough: case.policy.query_passthrough,
        };
        let mut headers = header_map(&case.headers);
        match carrier::take(&case.target, &mut headers, &policy) {
            Err(error) => assert_eq!(Some(error.problem().name()), case.problem.as_deref(), "{}", case.name),
            Ok(taken) => {
                let left = case.left.unwrap_or_else(|| panic!("{}: a problem was due", case.name));
                let credential = taken.presented.as_ref().map(|presented| CredentialCase {
                    kind: kind_name(presented.kind),
                    carrier: presented.carrier.name().into(),
                    value: presented.expose().into(),
                });
                assert_eq!(credential, case.credential, "{}", case.name);
                assert_eq!(taken.target, left.target, "{}", case.name);
                assert_eq!(taken.offer.protocols, left.protocols, "{}", case.name);
                assert_eq!(sorted(&headers), sorted(&header_map(&left.headers)), "{}", case.name);
            }
        }
    }
}

fn take_offered(offered: &[String]) -> carrier::Taken {
    let mut headers = HeaderMap::new();
    let line = HeaderValue::from_str(&offered.join(", ")).expect("a header value");
    headers.insert(SEC_WEBSOCKET_PROTOCOL, line);
    let everything = Policy { ticket: Carrier::ALL.to_vec(), jwt: vec![Carrier::Subprotocol], ..Policy::default() };
    carrier::take("/", &mut headers, &everything).expect("an offer that can be taken")
}

#[test]
fn answers_select_as_the_vectors_say() {
    for case in carriers().answers {
        match take_offered(&case.offered).offer.answer(case.upstream.as_deref()) {
            Ok(selected) => {
                assert_eq!(case.problem, None, "{}", case.name);
                assert_eq!(selected, case.selected.as_deref(), "{}", case.name);
            }
            Err(_) => assert_eq!(case.problem.as_deref(), Some("upstream_unavailable"), "{}", case.name),
        }
    }
}

#[test]
fn what_a_client_offers_is_what_a_server_takes() {
    for case in carriers().offers {
        assert_eq!(case.offered.is_some(), case.error.is_none(), "{}", case.name);
        let Some(offered) = case.offered else { continue };
        let taken = take_offered(&offered);
        let presented = taken.presented.expect("a credential");
        assert_eq!(kind_name(presented.kind), case.credential.kind, "{}", case.name);
        assert_eq!(presented.expose(), case.credential.value, "{}", case.name);
        assert_eq!(taken.offer.protocols, case.protocols, "{}", case.name);
        assert!(taken.offer.marker && taken.offer.refused, "{}", case.name);
    }
}

#[test]
fn what_a_client_shows_was_offered() {
    for case in carriers().shows {
        let shown =
            case.protocol.is_empty() || (case.protocol == case.selected && case.offered.contains(&case.protocol));
        assert!(shown, "{}", case.name);
        assert!(!case.refused || case.selected == carrier::REFUSED, "{}", case.name);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseCodes {
    format: u8,
    codes: Vec<CodeCase>,
    reads: Vec<ReadCase>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct CodeCase {
    code: u16,
    name: String,
    reason: String,
    next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadCase {
    #[serde(default)]
    note: String,
    code: u16,
    reason: String,
    ours: bool,
    name: Option<String>,
    next: Option<String>,
}

const fn next_name(next: Next) -> &'static str {
    match next {
        Next::MintAgain => "mint_again",
        Next::Stop => "stop",
    }
}

fn close_codes() -> CloseCodes {
    let text = include_str!("../../../../spec/vectors/close-codes.json");
    let codes: CloseCodes = serde_json::from_str(text).expect("close-codes.json has the known shape");
    assert_eq!(codes.format, 1);
    codes
}

#[test]
fn close_codes_are_the_ones_of_the_table() {
    let ours = CloseCode::ALL.iter().map(|code| CodeCase {
        code: code.code(),
        name: code.name().into(),
        reason: code.reason().into(),
        next: next_name(code.next()).into(),
    });
    assert_eq!(ours.collect::<Vec<_>>(), close_codes().codes);
}

#[test]
fn closes_are_read_as_the_vectors_say() {
    for case in close_codes().reads {
        let (ours, name, next) = match close::read(case.code, &case.reason) {
            Reading::Upstream => (false, None, None),
            Reading::Ours { name, next } => (true, Some(name), Some(next_name(next).to_owned())),
        };
        assert_eq!(
            (ours, name, next),
            (case.ours, case.name, case.next),
            "{} {} {}",
            case.note,
            case.code,
            case.reason
        );
    }
}
