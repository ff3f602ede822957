use super::*;
use crate::principal::IdentityError;

#[test]
fn s10_times_are_unsigned_integers() {
    let wrong =
        ["\"1800000900\"", "1800000900.0", "1.8e9", "-1", "-0", "9223372036854775808", "9007199254740993", "null"];
    for claim in ["exp", "nbf", "iat"] {
        let rest = with(claims(), json!({ claim: null })).to_string();
        for value in wrong.iter().chain(&["18446744073709551616", "true", "[1800000900]", "{}"]) {
            let claims = rest.replacen('{', &format!("{{\"{claim}\":{value},"), 1);
            let refused = verify(&signed(&header().to_string(), &claims)).expect_err("no time");
            assert_eq!(refused, mistyped(claim), "{claim} {value}");
        }
    }
    assert_eq!(verify_claims(json!({"exp": null})).expect_err("no exp"), missing("exp"));
    assert!(verify_claims(json!({"exp": 1_u64 << 53})).is_ok());
    let login = verify_claims(json!({"iat": null, "nbf": null})).expect("a login");
    assert_eq!(login.stamp.issued_at, 0);
}

#[test]
fn s10_clocks_may_differ_by_the_leeway() {
    let cases = [
        (json!({"exp": NOW - LEEWAY + 1}), None),
        (json!({"exp": NOW - LEEWAY}), Some(LoginError::Expired)),
        (json!({"exp": 0}), Some(LoginError::Expired)),
        (json!({"nbf": NOW + LEEWAY}), None),
        (json!({"nbf": NOW + LEEWAY + 1}), Some(LoginError::NotYetValid)),
        (json!({"iat": NOW + LEEWAY}), None),
        (json!({"iat": NOW + LEEWAY + 1}), Some(LoginError::IssuedInFuture)),
    ];
    for (changes, refused) in cases {
        assert_eq!(verify_claims(changes.clone()).err(), refused, "{changes}");
    }
}

#[test]
fn s11_the_issuer_is_exact() {
    for iss in ["https://es.example/", "https://ES.example", "http://es.example", "es.example", "", "https://es.exampl"]
    {
        assert_eq!(verify_claims(json!({"iss": iss})).expect_err("no issuer"), LoginError::UnknownIssuer, "{iss}");
    }
    assert_eq!(verify_claims(json!({"iss": [ES_ISSUER]})).expect_err("a list"), mistyped("iss"));
    assert_eq!(verify_claims(json!({"iss": null})).expect_err("no iss"), missing("iss"));
}

#[test]
fn s11_the_audience_holds_one_of_ours() {
    for aud in [json!("chat"), json!(["chat"]), json!(["other", "chat"])] {
        assert!(verify_claims(json!({"aud": aud})).is_ok(), "{aud}");
    }
    for aud in
        [json!("other"), json!("chat "), json!("Chat"), json!(""), json!([]), json!(["chat2"]), json!("chat other")]
    {
        assert_eq!(verify_claims(json!({"aud": aud})).expect_err("not for us"), LoginError::Audience, "{aud}");
    }
    for aud in [json!(1), json!(["chat", 1]), json!([["chat"]]), json!({"chat": true}), json!(true)] {
        assert_eq!(verify_claims(json!({"aud": aud})).expect_err("no audience"), mistyped("aud"), "{aud}");
    }
    assert_eq!(verify_claims(json!({"aud": null})).expect_err("no aud"), missing("aud"));
}

#[test]
fn s11_an_id_token_is_for_our_client() {
    let cases = [
        (json!({"aud": "page"}), None),
        (json!({"aud": ["page"]}), None),
        (json!({"aud": "page", "azp": "page"}), None),
        (json!({"aud": ["page", "api"], "azp": "page"}), None),
        (json!({"aud": ["page", "api"]}), Some(LoginError::AuthorizedParty)),
        (json!({"aud": ["page", "api"], "azp": "api"}), Some(LoginError::AuthorizedParty)),
        (json!({"aud": "page", "azp": "other"}), Some(LoginError::AuthorizedParty)),
        (json!({"aud": "page", "azp": ["page"]}), Some(mistyped("azp"))),
        (json!({"aud": "chat", "azp": "page"}), Some(LoginError::Audience)),
        (json!({"aud": []}), Some(LoginError::Audience)),
    ];
    for (changes, refused) in cases {
        let claims = with(with(claims(), json!({"iss": ID_ISSUER})), changes.clone()).to_string();
        assert_eq!(verify(&signed(r#"{"alg":"ES256","typ":"JWT"}"#, &claims)).err(), refused, "{changes}");
    }
}

#[test]
fn s11_an_id_token_is_no_access_token_even_where_types_are_optional() {
    let claims = with(claims(), json!({"iss": LAX_ISSUER, "aud": "page"})).to_string();
    let refused = verify(&signed(r#"{"alg":"ES256","typ":"JWT"}"#, &claims)).expect_err("an ID token");
    assert_eq!(refused, LoginError::Audience);
}

#[test]
fn s11_a_report_of_an_event_is_no_login() {
    let event = json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    assert_eq!(verify_claims(event).expect_err("a logout"), LoginError::Event);
    for empty in [json!({}), json!([]), json!("")] {
        assert_eq!(verify_claims(json!({"events": empty})).expect_err("an event"), LoginError::Event, "{empty}");
    }
}

#[test]
fn a22_an_accepted_token_is_refused_once_it_has_expired() {
    let (token, last) = (token(), NOW + 900 + LEEWAY - 1);
    for verifier in [verifier(), verifier().remembering(1000)] {
        for _ in 0..2 {
            assert!(verifier.verify(&token, last).is_ok());
            assert_eq!(verifier.verify(&token, last + 1).expect_err("past its end"), LoginError::Expired);
        }
    }
}

#[test]
fn a23_an_audience_of_another_issuer_does_not_count() {
    let claims = with(claims(), json!({"iss": ID_ISSUER, "aud": "chat"})).to_string();
    let refused = verify(&signed(r#"{"alg":"ES256","typ":"JWT"}"#, &claims)).expect_err("for the other issuer");
    assert_eq!(refused, LoginError::Audience);
    for aud in [json!("admitone"), json!(["", "page2"]), json!(null)] {
        assert!(verify_claims(json!({"aud": aud})).is_err(), "{aud}");
    }
}

#[test]
fn s12_the_same_subject_of_two_issuers_is_two_people() {
    let one = verify(&token()).expect("a login");
    let two = verify_claims(json!({"iss": LAX_ISSUER})).expect("a login");
    assert_eq!(one.principal.subject(), two.principal.subject());
    assert!(!one.principal.is(&two.principal));
}

#[test]
fn s15_a_sender_constrained_token_is_no_bearer_token() {
    for cnf in [json!({"jkt": "abc"}), json!({"x5t#S256": "abc"}), json!({}), json!(false)] {
        assert_eq!(verify_claims(json!({"cnf": cnf})).expect_err("bound"), LoginError::SenderConstrained, "{cnf}");
    }
    let null = claims().to_string().replacen('{', "{\"cnf\":null,", 1);
    assert_eq!(verify(&signed(&header().to_string(), &null)).expect_err("bound"), LoginError::SenderConstrained);
}

#[test]
fn s13_members_repeated_within_a_claim_are_refused() {
    for claim in [r#""act":{"sub":"a","sub":"b"}"#, r#""x":[{"y":1,"y":1}]"#] {
        let claims = claims().to_string().replacen('{', &format!("{{{claim},"), 1);
        assert_eq!(verify(&signed(&header().to_string(), &claims)).expect_err("twice").cause(), "malformed", "{claim}");
    }
}

#[test]
fn a20_mistyped_claims_are_never_absent_ones() {
    for claim in ["sub", "email", "scope", "sid", "jti"] {
        let rest = with(claims(), json!({ claim: null })).to_string();
        for value in ["null", "1", "true", "{}", "[1]", "[null]"] {
            let claims = rest.replacen('{', &format!("{{\"{claim}\":{value},"), 1);
            let refused = verify(&signed(&header().to_string(), &claims)).expect_err("mistyped");
            assert_eq!(refused, mistyped(claim), "{claim} {value}");
        }
    }
    for claim in ["sid", "jti"] {
        assert!(verify_claims(json!({ claim: "x".repeat(256) })).is_ok());
        for value in [String::new(), "x".repeat(257)] {
            assert_eq!(verify_claims(json!({ claim: value })).expect_err("unbounded"), mistyped(claim));
        }
    }
}

#[test]
fn a_subject_is_required_and_fits_a_header() {
    assert_eq!(verify_claims(json!({"sub": null})).expect_err("nobody"), missing("sub"));
    for sub in ["", "a b", "a\r\nx-admitone-subject: eve", "a\u{0}", "é"] {
        let refused = verify_claims(json!({"sub": sub})).expect_err("no subject");
        assert_eq!(refused, LoginError::Identity(IdentityError::Subject), "{sub:?}");
    }
}

#[test]
fn permissions_are_a_text_or_a_list() {
    let cases = [
        (json!("b  a "), Ok("a b")),
        (json!(""), Ok("")),
        (json!(["b", "a", "b"]), Ok("a b")),
        (json!([]), Ok("")),
        (json!(["a b"]), Err(LoginError::Identity(IdentityError::Permission))),
        (json!("a\tb"), Err(LoginError::Identity(IdentityError::Permission))),
    ];
    for (scope, expected) in cases {
        let held = verify_claims(json!({"scope": scope})).map(|login| login.permissions.to_string());
        assert_eq!(held, expected.map(str::to_owned), "{scope}");
    }
    assert_eq!(verify_claims(json!({"scope": null})).expect("a login").permissions.to_string(), "");
}

#[test]
fn claims_are_read_under_their_configured_names() {
    let names = ClaimNames {
        subject: "oid".to_owned(),
        email: "upn".to_owned(),
        permissions: "roles".to_owned(),
        session: "session_state".to_owned(),
        tenant: Some("tid".to_owned()),
    };
    let issuer = issuer(ES_ISSUER, es256(), TokenKind::Access { require_at_jwt: true });
    let verifier = Verifier::new(vec![JwtIssuer { claims: names, ..issuer }]).expect("a usable issuer");
    let verify = |changes| verifier.verify(&signed(&header().to_string(), &with(claims(), changes).to_string()), NOW);
    let named = json!({"oid": "7", "upn": "ada@corp", "roles": ["chat"], "session_state": "s2", "tid": "acme"});
    let login = verify(named.clone()).expect("a login");
    assert_eq!((login.principal.subject(), login.principal.tenant()), ("7", Some("acme")));
    assert_eq!(login.principal.email(), Some("ada@corp"));
    assert_eq!(login.permissions.to_string(), "chat");
    assert_eq!(login.stamp.sid.as_deref(), Some("s2"));
    assert_eq!(verify(with(named.clone(), json!({"oid": null}))).expect_err("no subject"), missing("oid"));
    assert_eq!(verify(with(named.clone(), json!({"tid": null}))).expect_err("no tenant"), missing("tid"));
    assert_eq!(verify(with(named.clone(), json!({"tid": 7}))).expect_err("no text"), mistyped("tid"));
    let refused = verify(with(named, json!({"tid": "a b"}))).expect_err("a space");
    assert_eq!(refused, LoginError::Identity(IdentityError::Tenant));
    assert_eq!(verify_claims(json!({"tenant": "acme"})).expect("a login").principal.tenant(), None, "not read");
}
