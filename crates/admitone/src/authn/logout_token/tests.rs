//! `s11`: a logout token is a token of its own kind, and no other is one.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;
use crate::authn::signer::Signer;
use crate::authn::{Algorithm, ClaimNames, JwsError, VerifyingKey};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example";

static KEY: LazyLock<Signer> = LazyLock::new(|| Signer::generate(Algorithm::Es256));

fn issuer() -> JwtIssuer {
    let key = VerifyingKey::from_pem(&KEY.public_key_pem(), &[Algorithm::Es256]).expect("a public key");
    JwtIssuer {
        name: "staff".to_owned(),
        issuer: ISSUER.to_owned(),
        audiences: vec!["page".to_owned()],
        algorithms: vec![Algorithm::Es256],
        keys: key.into(),
        token_kind: TokenKind::Id { client_id: "page".to_owned() },
        leeway_seconds: 30,
        claims: ClaimNames::default(),
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "page", "sub": "ada", "sid": "s1", "jti": "l1", "iat": NOW, "exp": NOW + 120,
        "events": { LOGOUT_EVENT: {} },
    })
}

/// The claims with changes; `null` takes one out.
fn changed(changes: &Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().expect("claims");
    for (member, value) in changes.as_object().expect("changes") {
        match value {
            Value::Null => drop(members.remove(member)),
            value => drop(members.insert(member.clone(), value.clone())),
        }
    }
    claims
}

fn verify_by(issuer: JwtIssuer, header: &Value, claims: &Value) -> Result<LogoutToken, LogoutTokenError> {
    let token = KEY.sign(&header.to_string(), &claims.to_string());
    Verifier::new(vec![issuer]).expect("a usable issuer").verify_logout(&token, NOW)
}

fn verify(changes: Value) -> Result<LogoutToken, LogoutTokenError> {
    verify_by(issuer(), &json!({"alg": "ES256", "typ": "logout+jwt"}), &changed(&changes))
}

fn refused(changes: Value) -> LogoutTokenError {
    verify(changes.clone()).expect_err(&changes.to_string())
}

#[test]
fn a_logout_ends_the_session_it_names_else_the_subjects_logins_until_then() {
    let token = verify(json!({})).expect("a logout");
    assert_eq!((&*token.issuer, &*token.jti), (ISSUER, "l1"));
    assert_eq!((token.issued_at, token.expires_at), (NOW, NOW + 150));
    let (issuer, sid, subject) = (Arc::from(ISSUER), Arc::from("s1"), Arc::from("ada"));
    let session = Revocation::Sid { issuer: Arc::clone(&issuer), sid };
    assert_eq!(token.revocation(), Some(session.clone()));
    let only_session = verify(json!({"sub": null})).expect("a logout");
    assert_eq!((only_session.subject.clone(), only_session.revocation()), (None, Some(session)));
    let everywhere = verify(json!({"sid": null, "iat": NOW - 5})).expect("a logout");
    assert_eq!(everywhere.revocation(), Some(Revocation::Subject { issuer, subject, until: NOW - 5 }));
}

#[test]
fn s11_only_a_logout_token_is_a_logout() {
    for events in [
        json!(null),
        json!({}),
        json!([LOGOUT_EVENT]),
        json!(LOGOUT_EVENT),
        json!({ LOGOUT_EVENT: true }),
        json!({ LOGOUT_EVENT: [] }),
        json!({"http://schemas.openid.net/event/backchannel-logout/": {}}),
    ] {
        assert_eq!(refused(json!({ "events": events })), LogoutTokenError::NoLogoutEvent);
    }
    let further = json!({"events": { LOGOUT_EVENT: {"x": 1}, "https://events.example/other": {} }});
    assert!(verify(further).is_ok());
    for nonce in [json!("n"), json!(""), json!(7)] {
        assert_eq!(refused(json!({ "nonce": nonce })), LogoutTokenError::Nonce);
    }
    let accepted =
        [json!({}), json!({"typ": "JWT"}), json!({"typ": "Logout+JWT"}), json!({"typ": "application/logout+jwt"})];
    let header = |typ: &Value| {
        let mut header = typ.clone();
        header["alg"] = json!("ES256");
        header
    };
    for typ in accepted {
        assert!(verify_by(issuer(), &header(&typ), &claims()).is_ok(), "{typ}");
    }
    for typ in
        [json!({"typ": "at+jwt"}), json!({"typ": "dpop+jwt"}), json!({"typ": ""}), json!({"typ": ["logout+jwt"]})]
    {
        let refused = verify_by(issuer(), &header(&typ), &claims()).expect_err("another kind");
        assert_eq!(refused, LogoutTokenError::Type, "{typ}");
    }
}

#[test]
fn s11_a_logout_token_is_for_our_client() {
    assert!(verify(json!({"aud": ["other", "page"]})).is_ok());
    for aud in [json!("other"), json!([]), json!("Page")] {
        assert_eq!(refused(json!({ "aud": aud })), LoginError::Audience.into());
    }
    let access = || JwtIssuer {
        audiences: vec!["api".to_owned()],
        token_kind: TokenKind::Access { require_at_jwt: true },
        ..issuer()
    };
    let header = json!({"alg": "ES256"});
    assert!(verify_by(access(), &header, &changed(&json!({"aud": "api"}))).is_ok());
    assert_eq!(verify_by(access(), &header, &claims()).expect_err("not ours"), LoginError::Audience.into());
    let both = JwtIssuer { audiences: vec!["page".to_owned(), "api".to_owned()], ..issuer() };
    let refused = verify_by(both, &header, &changed(&json!({"aud": "api"}))).expect_err("not the client");
    assert_eq!(refused, LoginError::Audience.into());
}

#[test]
fn s10_what_a_logout_token_needs_is_there_and_typed() {
    for claim in ["iss", "aud", "iat", "exp", "jti"] {
        assert_eq!(refused(json!({ claim: null })), LoginError::MissingClaim(claim.into()).into());
    }
    for (claim, wrong) in [
        ("iat", json!("1800000000")),
        ("exp", json!(1.5)),
        ("exp", json!(-1)),
        ("jti", json!(7)),
        ("jti", json!("")),
        ("sid", json!("x".repeat(257))),
        ("sub", json!(["ada"])),
    ] {
        assert_eq!(refused(json!({ claim: wrong })), LoginError::MistypedClaim(claim.into()).into());
    }
    assert_eq!(refused(json!({"sub": null, "sid": null})), LogoutTokenError::Nobody);
    assert_eq!(refused(json!({"sub": "a b"})), LoginError::Identity(IdentityError::Subject).into());
    assert_eq!(refused(json!({"exp": NOW - 30})), LoginError::Expired.into());
    assert_eq!(refused(json!({"iat": NOW + 31})), LoginError::IssuedInFuture.into());
}

#[test]
fn a_logout_token_without_the_claim_that_is_the_subject_names_its_session_alone() {
    let by_oid = || JwtIssuer { claims: ClaimNames { subject: "oid".to_owned(), ..ClaimNames::default() }, ..issuer() };
    let header = json!({"alg": "ES256"});
    let session = verify_by(by_oid(), &header, &claims()).expect("a logout");
    assert_eq!(session.subject, None, "`sub` is not who it is here");
    let nobody = verify_by(by_oid(), &header, &changed(&json!({"sid": null}))).expect_err("nobody");
    assert_eq!(nobody, LogoutTokenError::Nobody);
    let somebody = verify_by(by_oid(), &header, &changed(&json!({"sid": null, "oid": "7"}))).expect("a logout");
    assert_eq!(somebody.subject.as_deref(), Some("7"));
}

#[test]
fn s8_a_logout_token_is_signed_by_the_issuer() {
    let verifier = Verifier::new(vec![issuer()]).expect("a usable issuer");
    let header = json!({"alg": "ES256"}).to_string();
    let forged = Signer::generate(Algorithm::Es256).sign(&header, &claims().to_string());
    let refused = verifier.verify_logout(&forged, NOW).expect_err("another key");
    assert_eq!(refused, LoginError::Jws(JwsError::Signature).into());
    let unsigned = KEY.sign(r#"{"alg":"none"}"#, &claims().to_string());
    let refused = verifier.verify_logout(&unsigned, NOW).expect_err("unsigned");
    assert_eq!((refused.cause(), refused.clone()), ("algorithm", LoginError::Jws(JwsError::Algorithm).into()));
    let genuine = KEY.sign(&header, &claims().to_string());
    assert!(verifier.verify_logout(&genuine, NOW).is_ok());
    assert!(verifier.verify(&genuine, NOW).is_err(), "and logs nobody in");
}

#[test]
fn a_logout_token_counts_once_until_it_expires() {
    let token = |jti: &str, iss: &str, expires_at: u64| LogoutToken {
        issuer: iss.into(),
        jti: jti.into(),
        expires_at,
        ..verify(json!({})).expect("a logout")
    };
    let mut replays = LogoutReplays::new(3);
    assert!(replays.is_first(&token("1", "a", NOW + 10), NOW));
    assert!(!replays.is_first(&token("1", "a", NOW + 10), NOW + 9));
    assert!(replays.is_first(&token("1", "b", NOW + 10), NOW), "of another issuer");
    assert!(replays.is_first(&token("", "a1", NOW + 10), NOW), "issuer and jti are two");
    assert!(replays.is_first(&token("2", "a", NOW + 60), NOW + 10), "the others have expired");
    for number in 3..6 {
        assert!(replays.is_first(&token(&number.to_string(), "a", NOW + 60 + number), NOW + 10));
    }
    assert!(replays.is_first(&token("2", "a", NOW + 60), NOW + 10), "the first to expire made room");
    assert!(!replays.is_first(&token("5", "a", NOW + 65), NOW + 10));
    replays.forget(&token("5", "a", NOW + 65));
    assert!(replays.is_first(&token("5", "a", NOW + 65), NOW + 10), "it could not be acted upon");
    assert_eq!((replays.seen.len(), replays.by_expiry.len()), (3, 3));
}
