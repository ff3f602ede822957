use super::*;
use crate::authn::{IssuerError, KeyError, UnknownAlgorithm};

const ES256: &[Algorithm] = &[Algorithm::Es256];
const HS256: &[Algorithm] = &[Algorithm::Hs256];

fn refused_pem(pem: &str) -> KeyError {
    VerifyingKey::from_pem(pem, ES256).expect_err("not a P-256 public key")
}

#[test]
fn s8_a_secret_is_long_and_no_document() {
    for (algorithm, bytes) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        let secret = |length| VerifyingKey::from_secret(&vec![7; length], &[algorithm]);
        assert_eq!(secret(bytes - 1).expect_err("short"), KeyError::ShortSecret(algorithm));
        assert!(secret(bytes).is_ok() && secret(4096).is_ok());
        assert_eq!(secret(4097).expect_err("long"), KeyError::LongSecret);
    }
    let both = [Algorithm::Hs256, Algorithm::Hs512];
    let refused = VerifyingKey::from_secret(&[7; 63], &both).expect_err("too short for one");
    assert_eq!(refused, KeyError::ShortSecret(Algorithm::Hs512));
    assert!(VerifyingKey::from_secret(b"{0123456789abcdef0123456789abcdef", HS256).is_ok(), "only a brace");
    assert!(VerifyingKey::from_secret(b"0123456789abcdef0123456789abcdef", HS256).is_ok(), "DER begins so too");
    assert!(VerifyingKey::from_secret(&SECRET[..32], &[]).is_err(), "for nothing");
}

#[test]
fn s8_a_public_key_in_any_form_is_no_secret() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256] {
        let signer = Signer::generate(algorithm);
        let (pem, der, jwk) = (signer.public_key_pem(), signer.public_key_der(), signer.jwk().to_string());
        let mut documents = vec![
            pem.clone().into_bytes(),
            format!("\n{pem}").into_bytes(),
            jwk.clone().into_bytes(),
            format!("[{jwk}]").into_bytes(),
            format!(" {{\"keys\":[{jwk}]}}\n").into_bytes(),
            format!("ssh-ed25519 {}", STANDARD.encode(&der)).into_bytes(),
        ];
        documents.push(der);
        for document in documents {
            let refused = VerifyingKey::from_secret(&document, HS256).expect_err("a document");
            assert_eq!(refused, KeyError::SecretIsDocument, "{}", String::from_utf8_lossy(&document));
        }
    }
}

#[test]
fn s8_a_key_goes_with_algorithms_of_its_kind() {
    for own in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_shared_secret()) {
        let pem = Signer::generate(*own).public_key_pem();
        let own_key = VerifyingKey::from_pem(&pem, &[*own]).expect("its own kind");
        assert_eq!(own_key.algorithms().collect::<Vec<_>>(), [*own]);
        let is_rsa = |algorithm: &Algorithm| algorithm.name().starts_with(['R', 'P']);
        for other in Algorithm::ALL.iter().filter(|other| *other != own && !(is_rsa(own) && is_rsa(other))) {
            let refused = VerifyingKey::from_pem(&pem, &[*own, *other]).expect_err("another kind");
            assert!(matches!(refused, KeyError::WrongKind { algorithm, .. } if algorithm == *other), "{refused}");
        }
    }
    let refused = VerifyingKey::from_secret(SECRET, ES256).expect_err("no public key");
    assert!(matches!(refused, KeyError::WrongKind { .. }), "{refused}");
}

#[test]
fn s8_a_pem_file_is_one_public_key() {
    let (key, private) = (KEY.public_key_pem(), KEY.pkcs8());
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        assert_eq!(refused_pem(&pem(label, &private)), KeyError::PrivateKey);
    }
    assert_eq!(refused_pem(&format!("{key}{}", pem("PRIVATE KEY", &private))), KeyError::PrivateKey);
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &private)), KeyError::UnknownKind);
    let others = [String::new(), "secret".to_owned(), pem("CERTIFICATE", b"x"), key.repeat(2), key.replace('\n', "!")];
    for other in others {
        assert_eq!(refused_pem(&other), KeyError::NotPublicKeyPem, "{other}");
    }
    assert!(VerifyingKey::from_pem(&key.replace('\n', "\r\n"), ES256).is_ok());
}

#[test]
fn s8_a_damaged_key_is_refused_when_it_is_read() {
    let mut der = KEY.public_key_der();
    *der.last_mut().expect("a point") ^= 1;
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der)), KeyError::Point("P-256"));
    der[26] = 2;
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der)), KeyError::Point("P-256"), "a compressed point");
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der[..90])), KeyError::UnknownKind, "cut off");
    der.push(0);
    assert_eq!(refused_pem(&pem("PUBLIC KEY", &der)), KeyError::UnknownKind, "something behind it");
}

#[test]
fn algorithms_have_the_names_of_the_registry() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(*algorithm));
    }
    for name in ["none", "hs256", "ES512", "EDDSA", ""] {
        assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
    }
}

#[test]
fn issuers_that_accept_nobody_or_anybody_are_refused() {
    let access = || issuer(ES_ISSUER, es256(), TokenKind::Access { require_at_jwt: true });
    let id = |client_id: &str| issuer(ES_ISSUER, es256(), TokenKind::Id { client_id: client_id.to_owned() });
    let name = || "staff".to_owned();
    let mixed = vec![Algorithm::Es256, Algorithm::Hs256];
    let cases = [
        (vec![JwtIssuer { issuer: "two words".to_owned(), ..access() }], IssuerError::Identifier(name())),
        (vec![JwtIssuer { audiences: vec![], ..access() }], IssuerError::Audience(name())),
        (vec![JwtIssuer { audiences: vec![String::new()], ..access() }], IssuerError::Audience(name())),
        (vec![JwtIssuer { leeway_seconds: 301, ..access() }], IssuerError::Leeway(name())),
        (vec![JwtIssuer { algorithms: vec![], ..access() }], IssuerError::Algorithms(name())),
        (vec![JwtIssuer { algorithms: mixed, ..access() }], IssuerError::Algorithms(name())),
        (vec![access(), id("page")], IssuerError::Repeated(name())),
        (vec![id("")], IssuerError::ClientId(name())),
    ];
    assert!(Verifier::new(vec![JwtIssuer { leeway_seconds: 300, ..access() }]).is_ok(), "the longest leeway");
    for (issuers, refused) in cases {
        assert_eq!(Verifier::new(issuers).expect_err("unusable"), refused);
    }
    assert_eq!(
        Verifier::new(vec![]).expect("nobody").verify(&token(), NOW).expect_err("no issuer"),
        LoginError::UnknownIssuer
    );
}

/// A verifier of two issuers that sign with these keys under the same `kid`.
fn two_issuers(one: &Signer, two: &Signer) -> Verifier {
    let issuer_with = |identifier: &str, name: &str, signer: &Signer| {
        let jwk = with(signer.jwk(), json!({"kid": "1"})).to_string();
        let keys = KeySet::from_jwks(jwk.as_bytes(), KeySource::Published).expect("a key");
        let access = TokenKind::Access { require_at_jwt: true };
        JwtIssuer { name: name.to_owned(), keys: IssuerKeys::new(keys), ..issuer(identifier, es256(), access) }
    };
    let issuers = vec![issuer_with(ES_ISSUER, "one", one), issuer_with(LAX_ISSUER, "two", two)];
    Verifier::new(issuers).expect("usable issuers")
}

#[test]
fn a18_two_issuers_with_the_same_kid_never_mix() {
    let [one, two] = [Algorithm::Es256, Algorithm::Es256].map(Signer::generate);
    let verifier = two_issuers(&one, &two);
    let header = with(header(), json!({"kid": "1"})).to_string();
    let of = |iss: &str| with(claims(), json!({"iss": iss})).to_string();
    for (iss, own, other) in [(ES_ISSUER, &one, &two), (LAX_ISSUER, &two, &one)] {
        let login = verifier.verify(&own.sign(&header, &of(iss)), NOW).expect("its own key");
        assert_eq!(login.principal.issuer(), iss);
        let refused = verifier.verify(&other.sign(&header, &of(iss)), NOW).expect_err("the other issuer's key");
        assert_eq!(refused, LoginError::Jws(JwsError::Signature));
    }
}

/// A token that was accepted is known by all of it, for its own issuer, and for as long as that has the same keys.
#[test]
fn a22_a_token_that_was_accepted_before_is_no_other_and_ends_with_its_key() {
    let [one, two] = [Algorithm::Es256, Algorithm::Es256].map(Signer::generate);
    let verifier = two_issuers(&one, &two).remembering(1000);
    let header = with(header(), json!({"kid": "1"})).to_string();
    let of = |iss: &str| with(claims(), json!({"iss": iss})).to_string();
    let (own, others) = (one.sign(&header, &of(ES_ISSUER)), two.sign(&header, &of(LAX_ISSUER)));
    for _ in 0..2 {
        for (token, iss) in [(&own, ES_ISSUER), (&others, LAX_ISSUER)] {
            assert_eq!(verifier.verify(token, NOW).expect("a login").principal.issuer(), iss);
        }
        let confused = verifier.verify(&two.sign(&header, &of(ES_ISSUER)), NOW).expect_err("the other issuer's key");
        assert_eq!(confused, LoginError::Jws(JwsError::Signature));
        let cut = verifier.verify(&own[..own.len() - 1], NOW).expect_err("cut off");
        assert_eq!(cut.cause(), "malformed");
    }
    assert_eq!(verifier.verify(&own, NOW - 1).expect("signed a second ago").expires_at, NOW + 900 + LEEWAY);
    let replaced = with(two.jwk(), json!({"kid": "1"})).to_string();
    let keys = KeySet::from_jwks(replaced.as_bytes(), KeySource::Published).expect("a key");
    verifier.issuers()[0].keys.replace(keys);
    assert_eq!(verifier.verify(&own, NOW).expect_err("its key is gone"), LoginError::Jws(JwsError::Signature));
    assert!(verifier.verify(&others, NOW).is_ok(), "another issuer's");
}

#[test]
fn an_unknown_kid_names_the_issuer_whose_keys_may_be_old() {
    let [one, two] = [Algorithm::Es256, Algorithm::Es256].map(Signer::generate);
    let verifier = two_issuers(&one, &two);
    let header = with(header(), json!({"kid": "2"})).to_string();
    let refused = verifier.verify(&one.sign(&header, &with(claims(), json!({"iss": LAX_ISSUER})).to_string()), NOW);
    let refused = refused.expect_err("an unknown kid");
    assert_eq!(refused, LoginError::UnknownKey { issuer: "two".into() });
    assert_eq!(refused.cause(), "unknown_key");
}

#[test]
fn a21_a_key_without_alg_verifies_what_its_issuer_allows() {
    let rsa = Signer::generate(Algorithm::Ps256);
    let keys = KeySet::from_jwks(rsa.jwk().to_string().as_bytes(), KeySource::Published).expect("a key");
    let access = TokenKind::Access { require_at_jwt: true };
    let algorithms = vec![Algorithm::Ps256, Algorithm::Es256];
    let issuer = JwtIssuer { algorithms, keys: IssuerKeys::new(keys), ..issuer(ES_ISSUER, es256(), access) };
    let verifier = Verifier::new(vec![issuer]).expect("a usable issuer");
    let signed_with = |signer: Signer, alg: &str| {
        signer.sign(&with(header(), json!({"alg": alg})).to_string(), &claims().to_string())
    };
    assert!(verifier.verify(&signed_with(rsa, "PS256"), NOW).is_ok());
    let pkcs1 = signed_with(Signer::generate(Algorithm::Rs256), "RS256");
    assert_eq!(verifier.verify(&pkcs1, NOW).expect_err("not allowed"), LoginError::Jws(JwsError::Algorithm));
    let modulus = Signer::generate(Algorithm::Rs256).public_key_der();
    let confused = signed_with(Signer::from_secret(Algorithm::Hs256, &modulus), "HS256");
    assert_eq!(verifier.verify(&confused, NOW).expect_err("HMAC"), LoginError::Jws(JwsError::Algorithm));
    let elliptic = signed_with(Signer::generate(Algorithm::Es256), "ES256");
    assert_eq!(verifier.verify(&elliptic, NOW).expect_err("no such key").cause(), "unknown_key");
}
