use serde_json::json;

use super::*;

const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "https://id.example.com";

fn issuer() -> IntrospectedIssuer {
    IntrospectedIssuer {
        issuer: ISSUER.to_owned(),
        audiences: vec!["admitone".to_owned()],
        leeway_seconds: 30,
        claims: ClaimNames::default(),
    }
}

fn answer() -> Value {
    json!({
        "active": true, "sub": "ada", "aud": "admitone", "iss": ISSUER, "exp": NOW + 300, "iat": NOW - 10,
        "scope": "chat:read chat:write", "email": "ada@example.com", "sid": "s1", "token_type": "Bearer",
    })
}

fn with(changes: Value) -> Result<Login, IntrospectionError> {
    let mut answer = answer();
    for (name, value) in changes.as_object().expect("changes") {
        match value {
            Value::Null => answer.as_object_mut().expect("an object").remove(name),
            value => answer.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
        };
    }
    read_text(&answer.to_string())
}

fn read_text(answer: &str) -> Result<Login, IntrospectionError> {
    read(answer.as_bytes(), &issuer(), &CredentialHash::of("idp", "opaque"), NOW)
}

#[test]
fn an_active_token_is_a_login_by_the_same_claims_as_a_jwt() {
    let login = with(json!({})).expect("a login");
    assert_eq!((login.principal.issuer(), login.principal.subject()), (ISSUER, "ada"));
    assert_eq!(login.principal.email(), Some("ada@example.com"));
    assert_eq!(login.permissions.to_string(), "chat:read chat:write");
    assert_eq!((login.expires_at, login.stamp.issued_at), (NOW + 330, NOW - 10));
    assert_eq!(login.stamp.sid.as_deref(), Some("s1"));
    for fine in [json!({ "iss": null }), json!({ "token_type": "bearer" }), json!({ "aud": ["x", "admitone"] })] {
        assert!(with(fine.clone()).is_ok(), "{fine}");
    }
}

#[test]
fn s14_what_is_not_active_is_denied() {
    assert_eq!(read_text(r#"{"active":false}"#).expect_err("inactive"), IntrospectionError::Inactive);
    assert_eq!(with(json!({ "active": false })).expect_err("inactive"), IntrospectionError::Inactive);
}

#[test]
fn s15_a_sender_constrained_token_is_no_plain_bearer() {
    for changes in [json!({ "cnf": { "jkt": "x" } }), json!({ "token_type": "DPoP" })] {
        assert_eq!(with(changes).expect_err("constrained"), LoginError::SenderConstrained.into());
    }
}

#[test]
fn s10_s11_an_answer_is_judged_as_a_token_is() {
    for (changes, error) in [
        (json!({ "exp": null }), LoginError::MissingClaim("exp".into())),
        (json!({ "exp": "soon" }), LoginError::MistypedClaim("exp".into())),
        (json!({ "exp": NOW - 30 }), LoginError::Expired),
        (json!({ "nbf": NOW + 31 }), LoginError::NotYetValid),
        (json!({ "sub": null }), LoginError::MissingClaim("sub".into())),
        (json!({ "aud": null }), LoginError::MissingClaim("aud".into())),
        (json!({ "aud": "another" }), LoginError::Audience),
        (json!({ "iss": "https://id.example.com/" }), LoginError::UnknownIssuer),
        (json!({ "iss": 7 }), LoginError::MistypedClaim("iss".into())),
        (json!({ "token_type": 7 }), LoginError::MistypedClaim("token_type".into())),
        (json!({ "scope": 7 }), LoginError::MistypedClaim("scope".into())),
    ] {
        assert_eq!(with(changes.clone()).expect_err("refused"), error.into(), "{changes}");
    }
}

#[test]
fn a24_what_is_no_answer_says_nothing_about_the_token() {
    for text in ["", "null", "[]", "{}", r#"{"active":"true"}"#, r#"{"active":1}"#, r#"{"active":true,"active":true}"#]
    {
        assert_eq!(read_text(text).expect_err("no answer"), IntrospectionError::Malformed, "{text}");
    }
}

#[test]
fn a_token_without_a_name_is_named_by_its_hash() {
    let hash = CredentialHash::of("idp", "opaque").name();
    assert_eq!(with(json!({ "sid": null })).expect("a login").stamp.jti.as_deref(), Some(&*hash));
    assert_eq!(with(json!({ "sid": null, "jti": "t" })).expect("a login").stamp.jti.as_deref(), Some("t"));
    assert_eq!(with(json!({})).expect("a login").stamp.jti, None);
}

#[test]
fn without_audiences_the_authorization_server_decides() {
    let issuer = IntrospectedIssuer { audiences: Vec::new(), ..issuer() };
    let answer = r#"{"active":true,"sub":"ada","exp":1700000300}"#;
    assert!(read(answer.as_bytes(), &issuer, &CredentialHash::of("idp", "x"), NOW).is_ok());
}
