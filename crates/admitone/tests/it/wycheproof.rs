//! Project Wycheproof's vectors for JWS and JWK, by signature and key policy alone.

use admitone::authn::{Algorithm, KeySet, KeySource, jws};
use serde::Deserialize;
use serde_json::Value;

/// Vectors whose expected result is not ours, each with the reason.
const DIFFERENT: [(u32, &str); 8] = [
    (346, "PS384 by a key whose `alg` is PS256: RFC 7517 §4.4 binds the key"),
    (347, "the key's `alg` is ES521, which is not registered; P-521 is not supported"),
    (350, "as 346"),
    (351, "as 347"),
    (367, "expected to be invalid, but the same token as in the valid 357"),
    (370, "as 367"),
    (372, "`?` within the header's base64url, which RFC 7515 §2 forbids; expected to be valid"),
    (373, "as 372, within the payload"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    number_of_tests: usize,
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    /// The verifying key where there is a pair, else the secret is in `private`.
    public: Option<Value>,
    private: Value,
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    tc_id: u32,
    /// A compact JWS, or an object for the JSON serialization.
    jws: Value,
    result: String,
}

/// The numbers of the vectors whose result is not the expected one.
fn differing(json: &str, tests: usize) -> Vec<u32> {
    let vectors: Vectors = serde_json::from_str(json).expect("vectors");
    let groups = &vectors.test_groups;
    let count: usize = groups.iter().map(|group| group.tests.len()).sum();
    assert_eq!((count, vectors.number_of_tests), (tests, tests));
    let differs = |group: &Group, vector: &Vector| (vector.result == "valid") != accepts(group, vector);
    let pairs = groups.iter().flat_map(|group| group.tests.iter().map(move |vector| (group, vector)));
    pairs.filter(|(group, vector)| differs(group, vector)).map(|(_, vector)| vector.tc_id).collect()
}

fn accepts(group: &Group, vector: &Vector) -> bool {
    let keys = group.public.as_ref().unwrap_or(&group.private).to_string();
    let token = vector.jws.as_str().map_or_else(|| vector.jws.to_string(), str::to_owned);
    KeySet::from_jwks(keys.as_bytes(), KeySource::Operator)
        .is_ok_and(|keys| jws::verify(token.as_bytes(), &keys, Algorithm::ALL).is_ok())
}

#[test]
fn s8_a21_wycheproof_keys_are_accepted_and_refused_as_expected() {
    assert_eq!(differing(include_str!("../wycheproof/json_web_key_test.json"), 26), [0; 0]);
}

#[test]
fn s8_s9_wycheproof_signatures_are_accepted_and_refused_as_expected() {
    let explained: Vec<u32> = DIFFERENT.iter().map(|(number, _)| *number).collect();
    assert_eq!(differing(include_str!("../wycheproof/json_web_signature_test.json"), 401), explained);
}
