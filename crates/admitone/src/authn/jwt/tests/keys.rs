use aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING;

use super::*;
use crate::authn::{Algorithm, IssuerError, KeyError, UnknownAlgorithm};

fn refused_pem(pem: &str) -> KeyError {
    VerifyingKey::es256_pem(pem).expect_err("not a P-256 public key")
}

#[test]
fn s8_a_secret_is_long_and_no_document() {
    assert_eq!(VerifyingKey::hs256(&[7; 31]).expect_err("short"), KeyError::ShortSecret);
    assert!(VerifyingKey::hs256(&[7; 32]).is_ok());
    assert!(VerifyingKey::hs256(b"{0123456789abcdef0123456789abcdef").is_ok(), "only a brace");
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "x".repeat(43), "y": "y".repeat(43)}).to_string();
    for document in [KEY.pem.as_str(), &format!("\n{}", KEY.pem), &jwk, &format!("[{jwk}]"), &format!(" {jwk}\n")] {
        assert_eq!(VerifyingKey::hs256(document.as_bytes()).expect_err("a document"), KeyError::SecretIsDocument);
    }
}

#[test]
fn s8_an_es256_key_is_one_p256_public_key() {
    let p384 = KeyFile::generate(&ECDSA_P384_SHA384_FIXED_SIGNING);
    assert_eq!(refused_pem(&p384.pem), KeyError::NotP256);
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        assert_eq!(refused_pem(&pem(label, &KEY.pkcs8)), KeyError::PrivateKey);
    }
    assert_eq!(refused_pem(&format!("{}{}", KEY.pem, pem("PRIVATE KEY", &KEY.pkcs8))), KeyError::PrivateKey);
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &KEY.pkcs8)), KeyError::NotP256);
    let others =
        [String::new(), "secret".to_owned(), pem("CERTIFICATE", b"x"), KEY.pem.repeat(2), KEY.pem.replace('\n', "!")];
    for other in others {
        assert_eq!(refused_pem(&other), KeyError::NotPublicKeyPem, "{other}");
    }
    assert!(VerifyingKey::es256_pem(&KEY.pem.replace('\n', "\r\n")).is_ok());
}

#[test]
fn s8_a_damaged_key_is_refused_when_it_is_read() {
    let mut der = STANDARD.decode(KEY.pem.lines().nth(1).expect("the key's line")).expect("base64");
    *der.last_mut().expect("a point") ^= 1;
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der)), KeyError::NotOnCurve);
    der[26] = 2;
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der)), KeyError::NotP256, "a compressed point");
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der[..90])), KeyError::NotP256);
}

#[test]
fn algorithms_have_the_names_of_the_registry() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(*algorithm));
    }
    for name in ["none", "hs256", "ES512", ""] {
        assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
    }
}

#[test]
fn issuers_that_accept_nobody_or_anybody_are_refused() {
    let access = || issuer(ES_ISSUER, es256(), TokenKind::Access { require_at_jwt: true });
    let id = |client_id: &str| issuer(ES_ISSUER, es256(), TokenKind::Id { client_id: client_id.to_owned() });
    let name = || "staff".to_owned();
    let cases = [
        (vec![JwtIssuer { issuer: "two words".to_owned(), ..access() }], IssuerError::Identifier(name())),
        (vec![JwtIssuer { audiences: vec![], ..access() }], IssuerError::Audience(name())),
        (vec![JwtIssuer { audiences: vec![String::new()], ..access() }], IssuerError::Audience(name())),
        (vec![JwtIssuer { leeway_seconds: 301, ..access() }], IssuerError::Leeway(name())),
        (vec![access(), id("page")], IssuerError::Repeated(name())),
        (vec![id("")], IssuerError::ClientId(name())),
    ];
    for (issuers, refused) in cases {
        assert_eq!(Verifier::new(issuers).expect_err("unusable"), refused);
    }
    assert_eq!(
        Verifier::new(vec![]).expect("nobody").verify(&token(), NOW).expect_err("no issuer"),
        LoginError::UnknownIssuer
    );
}
