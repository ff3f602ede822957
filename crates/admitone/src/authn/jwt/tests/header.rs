use super::*;

#[test]
fn s9_a_key_named_or_carried_by_the_token_has_no_effect() {
    let attacker = Signer::generate(Algorithm::Es256);
    let hints = [
        json!({"jku": "http://127.0.0.1:1/keys"}),
        json!({"x5u": "http://127.0.0.1:1/cert"}),
        json!({"x5c": ["MIIB"]}),
        json!({"jwk": {"kty": "oct", "k": "AAAA"}}),
        json!({"kid": "../../etc/passwd"}),
        json!({"kid": "' OR 1=1 --"}),
        json!({"kid": "\u{0}"}),
        json!({"kid": ""}),
    ];
    for hint in hints {
        assert!(verify_header(hint.clone()).is_ok(), "{hint}");
        let forged = attacker.sign(&with(header(), hint.clone()).to_string(), &claims().to_string());
        assert_eq!(verify(&forged).expect_err("the attacker's key"), LoginError::Jws(JwsError::Signature), "{hint}");
    }
}

#[test]
fn s9_a_key_id_that_is_long_or_no_string_is_refused() {
    assert!(verify_header(json!({"kid": "k".repeat(256)})).is_ok());
    for kid in [json!("k".repeat(257)), json!(1), json!(["k"]), json!({})] {
        let refused = verify_header(json!({"kid": kid})).expect_err("a kid");
        assert_eq!(refused.cause(), "malformed", "{kid}");
    }
    assert_eq!(
        verify_header(json!({"kid": "k".repeat(65_536)})).expect_err("64 KiB"),
        LoginError::Jws(JwsError::TooLong)
    );
}

#[test]
fn s13_headers_that_change_the_reading_are_refused() {
    let headers = [
        json!({"crit": ["exp"], "exp": 1}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"crit": []}),
        json!({"crit": "exp"}),
        json!({"b64": true}),
        json!({"b64": false}),
    ];
    for changes in headers {
        assert_eq!(
            verify_header(changes.clone()).expect_err("critical"),
            LoginError::Jws(JwsError::CriticalHeader),
            "{changes}"
        );
    }
    let null = r#"{"alg":"ES256","typ":"at+jwt","crit":null}"#;
    assert_eq!(
        verify(&signed(null, &claims().to_string())).expect_err("critical"),
        LoginError::Jws(JwsError::CriticalHeader)
    );
}

#[test]
fn s11_the_kind_of_token_is_the_issuers() {
    type Types = &'static [Option<&'static str>];
    let cases: [(&str, &str, Types, Types); 3] = [
        (
            ES_ISSUER,
            "chat",
            &[Some("at+jwt"), Some("AT+JWT"), Some("application/at+jwt"), Some("Application/At+Jwt")],
            &[None, Some("JWT"), Some("application/jwt"), Some("at+jwt "), Some("text/at+jwt"), Some("")],
        ),
        (
            LAX_ISSUER,
            "chat",
            &[None, Some("JWT"), Some("jwt"), Some("at+jwt"), Some("application/at+jwt")],
            &[Some(""), Some("id+jwt"), Some("JOSE"), Some("application/application/jwt")],
        ),
        (ID_ISSUER, "page", &[None, Some("JWT"), Some("jwt")], &[Some("at+jwt"), Some("")]),
    ];
    let never = ["logout+jwt", "dpop+jwt", "application/logout+jwt", "Logout+JWT", "secevent+jwt"];
    for (issuer, aud, accepted, refused) in cases {
        let claims = with(claims(), json!({"iss": issuer, "aud": aud})).to_string();
        let verify_type =
            |typ: Option<&str>| verify(&signed(&with(header(), json!({"typ": typ})).to_string(), &claims));
        for typ in accepted {
            assert!(verify_type(*typ).is_ok(), "{issuer} {typ:?}");
        }
        for typ in refused.iter().copied().chain(never.map(Some)) {
            assert_eq!(verify_type(typ).expect_err("another kind"), LoginError::Type, "{issuer} {typ:?}");
        }
    }
    assert_eq!(verify_header(json!({"typ": ["at+jwt"]})).expect_err("a list"), LoginError::Type);
}
