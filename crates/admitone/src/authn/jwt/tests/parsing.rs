use proptest::prelude::*;

use super::*;
use crate::authn::jws::MAX_TOKEN_BYTES;

#[test]
fn s8_only_the_exact_compact_form_is_read() {
    let token = token();
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let (header, claims) = message.split_once('.').expect("claims");
    let variants = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        header.to_owned(),
        message.to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{message}.{signature}.{header}.{claims}"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{message}.\r\n{signature}"),
        format!("{message}.{signature}=="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{} {}.{signature}", &claims[..4], &claims[4..]),
        token.replace(['-', '_'], "+"),
        format!("{message}.{}", STANDARD.encode([0xfb; 64])),
        format!("{message}\u{0}.{signature}"),
        format!("Bearer {token}"),
    ];
    for variant in variants.iter().filter(|variant| **variant != token) {
        assert_eq!(verify(variant).expect_err("not compact").cause(), "malformed", "{variant:?}");
    }
}

#[test]
fn s8_a_token_is_no_longer_than_it_may_be() {
    let refused = |length: usize| verify(&"a".repeat(length)).expect_err("no token");
    assert_eq!(refused(MAX_TOKEN_BYTES + 1), LoginError::Jws(JwsError::TooLong));
    assert_ne!(refused(MAX_TOKEN_BYTES), LoginError::Jws(JwsError::TooLong));
}

#[test]
fn s8_unused_bits_of_base64url_are_zero() {
    let token = token();
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = signature.split_at(signature.len() - 1);
    let twins = alphabet.chars().filter(|letter| !last.contains(*letter));
    for twin in twins {
        assert!(verify(&format!("{message}.{rest}{twin}")).is_err(), "{twin}");
    }
}

#[test]
fn s13_repeated_members_are_refused() {
    let headers = [
        r#"{"alg":"ES256","typ":"at+jwt","alg":"ES256"}"#,
        r#"{"alg":"none","typ":"at+jwt","alg":"ES256"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","\u0061lg":"ES256"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":1,"x":1}"#,
    ];
    for header in headers {
        assert_eq!(verify(&signed(header, &claims().to_string())).expect_err("twice").cause(), "malformed", "{header}");
    }
    for member in [r#""sub":"eve""#, r#""sub":"ada""#, r#""iss":"https://es.example""#, r#""x":1,"x":2"#] {
        let claims = claims().to_string().replacen('{', &format!("{{{member},"), 1);
        assert_eq!(
            verify(&signed(&header().to_string(), &claims)).expect_err("twice").cause(),
            "malformed",
            "{member}"
        );
    }
}

#[test]
fn s13_header_and_claims_are_objects() {
    let good = claims().to_string();
    let texts =
        ["", "null", "[]", "\"x\"", "1", "{", "{}x", "{\"a\":1,}", "{} {}", "\u{feff}{}", "{\"a\":\"\\ud800\"}"];
    for text in texts {
        assert_eq!(verify(&signed(text, &good)).expect_err("no header").cause(), "malformed", "header {text:?}");
        let refused = verify(&signed(&header().to_string(), text)).expect_err("no claims");
        assert_eq!(refused.cause(), "malformed", "claims {text:?}");
    }
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
    assert_eq!(verify(&signed(&header().to_string(), &deep)).expect_err("too deep").cause(), "malformed");
}

#[test]
fn a_token_is_at_most_16_kib() {
    let padded =
        |length: usize| signed(&header().to_string(), &with(claims(), json!({"x": "x".repeat(length)})).to_string());
    assert!(verify(&padded(11_000)).is_ok());
    assert_eq!(verify(&padded(13_000)).expect_err("too long"), LoginError::Jws(JwsError::TooLong));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_refused_without_a_panic(text in any::<String>(), parts in prop::array::uniform3("[A-Za-z0-9_=-]{0,40}")) {
        prop_assert!(verify(&text).is_err());
        prop_assert!(verify(&parts.join(".")).is_err());
    }

    #[test]
    fn arbitrary_json_is_refused_without_a_panic(header in "\\PC{0,40}", claims in "\\PC{0,80}") {
        prop_assert!(verify(&signed(&header, &claims)).is_err());
    }

    #[test]
    fn any_time_is_accepted_or_refused_without_a_panic(now in any::<u64>(), exp in any::<u64>()) {
        let token = signed(&self::header().to_string(), &with(self::claims(), json!({"exp": exp})).to_string());
        let accepted = verifier().verify(&token, now).is_ok();
        prop_assert!(!accepted || exp.saturating_add(LEEWAY) > now);
    }
}
