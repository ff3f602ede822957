//! `s8` and `a21`: a key is bound to its algorithms; `a24`: what is malformed is refused, never a panic.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::authn::signer::Signer;

fn jwk(algorithm: Algorithm) -> Value {
    Signer::generate(algorithm).jwk()
}

fn with(mut jwk: Value, changes: Value) -> Value {
    for (member, value) in changes.as_object().expect("members") {
        jwk[member] = value.clone();
    }
    jwk
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().expect("members").remove(member);
    jwk
}

fn published(document: &Value) -> Result<Vec<VerifyingKey>, JwkError> {
    read(document.to_string().as_bytes(), KeySource::Published)
}

fn operators(document: &Value) -> Result<Vec<VerifyingKey>, JwkError> {
    read(document.to_string().as_bytes(), KeySource::Operator)
}

/// The ids of the keys that are left of a set.
fn kept(keys: &[Value]) -> Vec<String> {
    let keys = published(&json!({ "keys": keys })).expect("a set");
    keys.iter().map(|key| key.id().expect("an id").to_owned()).collect()
}

fn names(key: &VerifyingKey) -> Vec<&'static str> {
    key.algorithms().map(Algorithm::name).collect()
}

#[test]
fn a21_a_key_without_alg_serves_its_own_kind_only() {
    let cases: [(Algorithm, &[&str]); 4] = [
        (Algorithm::Rs256, &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (Algorithm::Es256, &["ES256"]),
        (Algorithm::Es384, &["ES384"]),
        (Algorithm::EdDsa, &["EdDSA"]),
    ];
    for (algorithm, expected) in cases {
        assert_eq!(names(&published(&jwk(algorithm)).expect("a key")[0]), expected);
    }
    for (bytes, expected) in [(32, &["HS256"][..]), (48, &["HS256", "HS384"]), (64, &["HS256", "HS384", "HS512"])] {
        let secret = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(vec![7; bytes])});
        assert_eq!(names(&operators(&secret).expect("a secret")[0]), expected);
    }
}

#[test]
fn s8_alg_binds_a_key_and_may_not_contradict_it() {
    for own in Algorithm::ALL {
        let key = jwk(*own);
        for alg in Algorithm::ALL {
            let read = operators(&with(key.clone(), json!({"alg": alg.name()})));
            let is_rsa = |algorithm: &Algorithm| algorithm.name().starts_with(['R', 'P']);
            match read {
                Ok(keys) => {
                    assert_eq!(names(&keys[0]), [alg.name()]);
                    assert!(
                        own == alg || is_rsa(own) && is_rsa(alg) || alg.is_shared_secret() && own.is_shared_secret()
                    );
                }
                Err(JwkError::Contradiction { key: 1 }) => assert_ne!(own, alg),
                Err(JwkError::Key { error: KeyError::ShortSecret(short), .. }) => assert_eq!(short, *alg),
                Err(other) => panic!("{} for {}: {other}", own.name(), alg.name()),
            }
        }
    }
}

#[test]
fn keys_that_are_not_for_verifying_or_not_known_are_skipped() {
    let good = with(jwk(Algorithm::EdDsa), json!({"kid": "good", "use": "sig", "key_ops": ["verify"]}));
    let p256 = || with(jwk(Algorithm::Es256), json!({"kid": "skipped"}));
    let skipped = [
        with(p256(), json!({"use": "enc"})),
        with(p256(), json!({"use": "SIG"})),
        with(p256(), json!({"key_ops": ["sign"]})),
        with(p256(), json!({"key_ops": []})),
        with(p256(), json!({"use": "sig", "key_ops": ["deriveKey"]})),
        with(p256(), json!({"use": "enc", "key_ops": ["verify"]})),
        with(p256(), json!({"alg": "ECDH-ES"})),
        with(p256(), json!({"alg": "none"})),
        with(p256(), json!({"crv": "P-521"})),
        with(p256(), json!({"crv": "secp256k1"})),
        with(p256(), json!({"kty": "AKP"})),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA", "kid": "skipped"}),
        json!({"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "skipped"}),
        json!({"kty": "RSA", "use": "enc", "n": "AQ", "e": "AQ", "kid": "skipped"}),
    ];
    for key in skipped {
        assert_eq!(kept(&[key.clone(), good.clone()]), ["good"], "{key}");
        assert_eq!(published(&key).expect_err("nothing is left"), JwkError::NoUsableKey, "{key}");
    }
    assert_eq!(published(&json!({"keys": []})).expect_err("nothing"), JwkError::NoUsableKey);
    let same_id = with(p256(), json!({"use": "enc", "kid": "good"}));
    assert_eq!(kept(&[same_id, good]), ["good"], "a skipped key takes no kid");
}

#[test]
fn s8_a_set_with_a_private_key_or_a_secret_is_refused_as_a_whole() {
    let good = jwk(Algorithm::Es256);
    for member in PRIVATE_MEMBERS {
        for key in [jwk(Algorithm::Es384), json!({"kty": "unheard of"}), json!({"kty": "RSA", "use": "enc"})] {
            let set = json!({"keys": [good, with(key, json!({ member: "AQAB" }))]});
            for refused in [published(&set), operators(&set)] {
                assert_eq!(refused.expect_err("private"), JwkError::PrivateKey { key: 2, member });
            }
        }
    }
    let secret = jwk(Algorithm::Hs256);
    let hidden = with(jwk(Algorithm::EdDsa), json!({"k": secret["k"]}));
    for key in [secret.clone(), with(secret.clone(), json!({"use": "enc"})), hidden] {
        let set = json!({"keys": [good, key]});
        for refused in [published(&set), operators(&set)] {
            assert_eq!(refused.expect_err("a secret"), JwkError::SharedSecret { key: 2 });
        }
    }
    assert_eq!(published(&secret).expect_err("published"), JwkError::SharedSecret { key: 1 });
    let other = with(secret.clone(), json!({"kid": "other"}));
    assert_eq!(operators(&json!({"keys": [secret, other]})).expect("secrets among themselves").len(), 2);
}

#[test]
fn a24_a_set_is_one_object_of_at_most_64_kib_and_100_keys() {
    let key = jwk(Algorithm::EdDsa);
    let keys = |count: usize| json!({"keys": vec![key.clone(); count]});
    assert_eq!(published(&keys(100)).expect("a set").len(), 100);
    assert_eq!(published(&keys(101)).expect_err("too many"), JwkError::TooManyKeys);
    let padded = |length: usize| format!("{{\"x\":\"{}\",\"keys\":[{key}]}}", "x".repeat(length));
    assert!(read(padded(65_000).as_bytes(), KeySource::Published).is_ok());
    assert_eq!(read(padded(65_536).as_bytes(), KeySource::Published).expect_err("long"), JwkError::TooLong);
    let malformed = [
        "",
        "null",
        "[]",
        "{}",
        "1",
        "\"x\"",
        "{\"keys\":{}}",
        "{\"keys\":null}",
        "{\"keys\":[[]]}",
        "{\"keys\":[null]}",
        "{\"kty\":\"EC\",\"keys\":[]}",
        "{\"keys\":[]} x",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"x\",\"kty\":\"x\"}]}",
        "{\"keys\":[{\"kty\":\"x\",\"x\":{\"y\":1,\"y\":1}}]}",
        "\u{feff}{\"keys\":[]}",
        "{\"Keys\":[]}",
    ];
    for text in malformed {
        assert_eq!(read(text.as_bytes(), KeySource::Published).expect_err("no set"), JwkError::Malformed, "{text}");
    }
    let deep = format!("{{\"keys\":[],\"x\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
    assert_eq!(read(deep.as_bytes(), KeySource::Published).expect_err("deep"), JwkError::Malformed);
    assert_eq!(read(b"{\"keys\":[\"\xff\"]}", KeySource::Published).expect_err("no UTF-8"), JwkError::Malformed);
}

#[test]
fn a24_members_have_their_types_and_forms() {
    let (p256, p384, rsa) = (jwk(Algorithm::Es256), jwk(Algorithm::Es384), jwk(Algorithm::Rs256));
    let padded = |key: &Value, member: &str, tail: &str| {
        with(key.clone(), json!({ member: format!("{}{tail}", key[member].as_str().expect("text")) }))
    };
    let leading_zero = |key: &Value, member: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(key[member].as_str().expect("text")).expect("base64url");
        with(key.clone(), json!({ member: URL_SAFE_NO_PAD.encode([&[0][..], &bytes].concat()) }))
    };
    let cases = [
        (with(p256.clone(), json!({"kty": 1})), "kty"),
        (without(p256.clone(), "kty"), "kty"),
        (with(p256.clone(), json!({"kid": 1})), "kid"),
        (with(p256.clone(), json!({"kid": "k".repeat(257)})), "kid"),
        (with(p256.clone(), json!({"use": ["sig"]})), "use"),
        (with(p256.clone(), json!({"alg": null})), "alg"),
        (with(p256.clone(), json!({"key_ops": "verify"})), "key_ops"),
        (with(p256.clone(), json!({"key_ops": ["verify", 1]})), "key_ops"),
        (with(p256.clone(), json!({"key_ops": ["verify", "verify"]})), "key_ops"),
        (without(p256.clone(), "crv"), "crv"),
        (without(p256.clone(), "y"), "y"),
        (with(p256.clone(), json!({"x": p384["x"]})), "x"),
        (with(p384.clone(), json!({"y": p256["y"]})), "y"),
        (padded(&p256, "x", "="), "x"),
        (padded(&p256, "y", "\n"), "y"),
        (padded(&rsa, "n", "=="), "n"),
        (leading_zero(&p256, "x"), "x"),
        (leading_zero(&rsa, "n"), "n"),
        (leading_zero(&rsa, "e"), "e"),
        (with(rsa.clone(), json!({"e": ""})), "e"),
        (with(rsa.clone(), json!({"e": 65537})), "e"),
        (without(rsa.clone(), "n"), "n"),
        (with(jwk(Algorithm::EdDsa), json!({"x": "+/"})), "x"),
        (json!({"kty": "RSA", "crv": "P-256", "x": p256["x"], "y": p256["y"]}), "n"),
    ];
    for (key, member) in cases {
        if member != "kty" {
            assert_eq!(published(&key).expect_err("malformed"), JwkError::Member { key: 1, member }, "{key}");
        }
        let set = json!({"keys": [p256, key]});
        assert_eq!(published(&set).expect_err("malformed"), JwkError::Member { key: 2, member }, "{key}");
    }
    let last = p256["x"].as_str().expect("text").chars().last().expect("a letter");
    let loose = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = loose.chars().nth(loose.find(last).expect("base64url") ^ 1).expect("a letter");
    let x = p256["x"].as_str().expect("text");
    let loose = with(p256.clone(), json!({"x": format!("{}{next}", &x[..42])}));
    assert_eq!(published(&loose).expect_err("unused bits"), JwkError::Member { key: 1, member: "x" });
}

#[test]
fn s8_keys_that_protect_nothing_are_refused() {
    let rsa = jwk(Algorithm::Rs256);
    let n = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().expect("text")).expect("base64url");
    let number = |member: &str, bytes: &[u8]| with(rsa.clone(), json!({ member: URL_SAFE_NO_PAD.encode(bytes) }));
    let mut even = n.clone();
    *even.last_mut().expect("a modulus") &= 0xfe;
    let mut short = n.clone();
    short[0] = 0x7f;
    let long = [n.repeat(4), vec![1]].concat();
    let okp = |point: [u8; 32]| json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(point)});
    let starting = |byte: u8| {
        let mut point = [0; 32];
        point[0] = byte;
        okp(point)
    };
    let off_curve = {
        let key = jwk(Algorithm::Es256);
        with(key.clone(), json!({"x": key["y"], "y": key["x"]}))
    };
    let ed = KeyError::Point("Ed25519");
    let cases = [
        (number("n", &even), KeyError::RsaNumbers),
        (number("n", &short), KeyError::RsaSize),
        (number("n", &n[..128]), KeyError::RsaSize),
        (number("n", &long), KeyError::RsaSize),
        (number("e", &[1]), KeyError::RsaNumbers),
        (number("e", &[2]), KeyError::RsaNumbers),
        (number("e", &[1, 0, 0, 0, 1]), KeyError::RsaNumbers),
        (off_curve, KeyError::Point("P-256")),
        (starting(0), ed),
        (starting(1), ed),
        (okp([0xff; 32]), ed),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": "AQAB"}), ed),
    ];
    for (key, error) in cases {
        assert_eq!(published(&key).expect_err("weak"), JwkError::Key { key: 1, error }, "{key}");
    }
    assert!(published(&number("e", &[3])).is_ok(), "small and odd");
}

#[test]
fn s8_a_repeated_kid_refuses_the_set() {
    let (one, two) = (jwk(Algorithm::Es256), jwk(Algorithm::Es384));
    let named =
        |kid: &str| json!({"keys": [with(one.clone(), json!({"kid": "a"})), with(two.clone(), json!({"kid": kid}))]});
    assert_eq!(published(&named("a")).expect_err("twice"), JwkError::RepeatedKeyId { key: 2 });
    assert_eq!(published(&named("A")).expect("two ids").len(), 2);
    assert_eq!(published(&json!({"keys": [one, two]})).expect("without ids").len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a24_arbitrary_bytes_are_no_keys(bytes in any::<Vec<u8>>(), text in "\\PC{0,80}") {
        prop_assert!(read(&bytes, KeySource::Published).is_err());
        let nested = format!("{{\"keys\":[{{\"kty\":{text}}}]}}");
        prop_assert!(read(nested.as_bytes(), KeySource::Operator).is_err());
    }

    #[test]
    fn a24_arbitrary_members_never_panic(
        kty in prop::sample::select(vec!["RSA", "EC", "OKP", "oct"]),
        crv in prop::sample::select(vec!["P-256", "P-384", "Ed25519", "P-521"]),
        texts in prop::array::uniform5("[A-Za-z0-9_=-]{0,90}"),
    ) {
        let [x, y, n, e, k] = texts;
        let key = json!({"kty": kty, "crv": crv, "x": x, "y": y, "n": n, "e": e, "alg": "ES256"});
        prop_assert!(published(&key).is_err());
        let secret = json!({"kty": "oct", "k": k});
        if let Ok(keys) = operators(&secret) {
            prop_assert!(URL_SAFE_NO_PAD.decode(&k).is_ok_and(|bytes| bytes.len() >= 32));
            prop_assert_eq!(keys.len(), 1);
        }
    }
}

#[test]
fn s9_what_is_as_long_as_it_may_be_is_read() {
    let key = with(jwk(Algorithm::Es256), json!({"kid": "k".repeat(MAX_KEY_ID_BYTES)}));
    assert_eq!(kept(std::slice::from_ref(&key)), ["k".repeat(MAX_KEY_ID_BYTES)]);
    let long = with(key.clone(), json!({"kid": "k".repeat(MAX_KEY_ID_BYTES + 1)}));
    assert!(published(&long).is_err());
    let mut document = json!({ "keys": [key] }).to_string();
    document.extend(std::iter::repeat_n(' ', MAX_JWKS_BYTES - document.len()));
    assert!(read(document.as_bytes(), KeySource::Published).is_ok());
    document.push(' ');
    assert_eq!(read(document.as_bytes(), KeySource::Published).expect_err("one byte more"), JwkError::TooLong);
}
