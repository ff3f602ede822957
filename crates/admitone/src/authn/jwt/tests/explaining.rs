//! What people are told of a token: each step, and the one that refused it.

use super::*;
use crate::authn::explanation::{Outcome, Step};

fn explain(token: &str) -> Vec<Step> {
    verifier().explain(token, &verify(token), NOW)
}

fn details(token: &str) -> Vec<String> {
    explain(token).into_iter().map(|step| step.detail).collect()
}

/// The step that refused a token, and what is told of it; those before were passed, those behind not reached.
fn refused(token: &str) -> (&'static str, String) {
    let steps = explain(token);
    let at = steps.iter().position(|step| step.outcome == Outcome::Failed).expect("a refusal");
    assert!(steps[..at].iter().all(|step| step.outcome == Outcome::Passed && !step.detail.is_empty()));
    let behind = |step: &Step| step.outcome == Outcome::NotReached && step.detail.is_empty();
    assert!(steps[at + 1..].iter().all(behind));
    (steps[at].step, steps[at].detail.clone())
}

fn of_claims(changes: Value) -> String {
    signed(&header().to_string(), &with(claims(), changes).to_string())
}

fn of_header(changes: Value) -> String {
    signed(&with(header(), changes).to_string(), &claims().to_string())
}

#[test]
fn every_step_to_a_login_is_told() {
    let token = token();
    let expected = [
        ("form", format!("a signed token of {} bytes", token.len())),
        ("issuer", r#""https://es.example" is issuer "staff""#.to_owned()),
        ("algorithm", r#"`alg` is "ES256", the issuer's are ["ES256"]"#.to_owned()),
        ("key", "`kid` is absent, of 1 known keys".to_owned()),
        ("signature", "by that key".to_owned()),
        ("kind", r#"`typ` is "at+jwt", the issuer's tokens are of kind access"#.to_owned()),
        ("audience", r#"`aud` is ["chat"], the issuer's are ["chat"]"#.to_owned()),
        ("times", "`iat` 60 s ago, `nbf` 60 s ago, `exp` in 900 s, 30 s of leeway".to_owned()),
        (
            "claims",
            r#"subject "ada", e-mail there, permissions "chat:read chat:write", `sid` there, `jti` there"#.to_owned(),
        ),
    ];
    let told = explain(&token);
    assert!(told.iter().all(|step| step.outcome == Outcome::Passed));
    assert_eq!(told.into_iter().map(|step| (step.step, step.detail)).collect::<Vec<_>>(), expected);

    let bare = of_claims(json!({"iat": null, "nbf": NOW, "exp": NOW + 1, "email": null, "sid": null, "jti": null}));
    let told = details(&bare);
    assert_eq!(told[7], "no `iat`, `nbf` 0 s ago, `exp` in 1 s, 30 s of leeway");
    assert_eq!(told[8], r#"subject "ada", e-mail none, permissions "chat:read chat:write", `sid` none, `jti` none"#);

    let id = with(claims(), json!({"iss": ID_ISSUER, "aud": ["page", "other"], "azp": "page"})).to_string();
    let told = details(&signed(&with(header(), json!({"typ": "JWT"})).to_string(), &id));
    assert_eq!(told[5], r#"`typ` is "JWT", the issuer's tokens are of kind id"#);
    assert_eq!(told[6], r#"`aud` is ["page", "other"], the issuer's are [], the client is "page""#);
}

#[test]
fn the_step_that_refused_a_token_is_named() {
    let mut forged = token();
    forged.replace_range(
        forged.len() - 6..forged.len() - 5,
        if forged.as_bytes()[forged.len() - 6] == b'A' { "B" } else { "A" },
    );
    for (token, step) in [
        ("nonsense".to_owned(), "form"),
        (of_header(json!({"crit": ["b64"]})), "form"),
        (of_claims(json!({"iss": null})), "issuer"),
        (of_claims(json!({"iss": 5})), "issuer"),
        (of_claims(json!({"iss": "https://nobody.example"})), "issuer"),
        (of_header(json!({"alg": "ES384"})), "algorithm"),
        (forged, "signature"),
        (of_header(json!({"typ": "JWT"})), "kind"),
        (of_claims(json!({"cnf": {"jkt": "x"}})), "kind"),
        (of_claims(json!({"aud": null})), "audience"),
        (of_claims(json!({"aud": 5})), "audience"),
        (of_claims(json!({"aud": "shop"})), "audience"),
        (of_claims(json!({"exp": null})), "times"),
        (of_claims(json!({"nbf": "soon"})), "times"),
        (of_claims(json!({"iat": -1})), "times"),
        (of_claims(json!({"exp": NOW - LEEWAY})), "times"),
        (of_claims(json!({"sub": null})), "claims"),
        (of_claims(json!({"sub": "a b"})), "claims"),
        (of_claims(json!({"email": 5})), "claims"),
    ] {
        let error = verify(&token).expect_err(step);
        let (named, told) = refused(&token);
        assert_eq!(named, step, "{error}");
        assert!(told.starts_with(&error.to_string()), "{told}");
    }
}

#[test]
fn a_refusal_says_what_was_compared_with_what() {
    let told = |token: &str| refused(token).1;
    assert!(told("nonsense").ends_with(": 8 bytes"));
    let issuers = format!("the issuers are {:?}", [ES_ISSUER, HS_ISSUER, LAX_ISSUER, ID_ISSUER]);
    assert!(told(&of_claims(json!({"iss": 5}))).ends_with(&format!(": `iss` is no string, {issuers}")));
    for (length, more) in [(80, ""), (81, "…")] {
        let shown = format!(": `iss` is \"{}\"{more}, {issuers}", "é".repeat(80));
        assert!(told(&of_claims(json!({"iss": "é".repeat(length)}))).ends_with(&shown), "{length}");
    }
    let late = of_claims(json!({"exp": NOW - LEEWAY - 5}));
    assert!(told(&late).ends_with(": `iat` 60 s ago, `nbf` 60 s ago, `exp` 35 s ago, 30 s of leeway"));
    assert!(!told(&of_claims(json!({"sub": "a b"}))).contains("a b"), "no claim that no step is about");
}

#[test]
fn a_key_that_is_not_known_is_named() {
    let jwk = with(KEY.jwk(), json!({"kid": "1"})).to_string();
    let keys = IssuerKeys::new(KeySet::from_jwks(jwk.as_bytes(), KeySource::Published).expect("a key"));
    let issuer = JwtIssuer { keys, ..issuer(ES_ISSUER, es256(), TokenKind::Access { require_at_jwt: true }) };
    let verifier = Verifier::new(vec![issuer]).expect("a usable issuer");
    let token = of_header(json!({"kid": "another"}));
    let outcome = verifier.verify(&token, NOW);
    let step = verifier.explain(&token, &outcome, NOW).swap_remove(3);
    assert_eq!((step.step, step.outcome), ("key", Outcome::Failed));
    assert!(step.detail.ends_with(": `kid` is \"another\", of 1 known keys"), "{}", step.detail);
}
