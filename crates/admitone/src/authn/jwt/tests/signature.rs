use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use proptest::prelude::*;

use super::*;

fn parts(token: &str) -> (&str, &str) {
    token.rsplit_once('.').expect("a signature")
}

#[test]
fn s8_every_algorithm_verifies_by_its_own_keys_alone() {
    let claims = claims().to_string();
    let signers: Vec<Signer> = Algorithm::ALL.iter().map(|algorithm| Signer::generate(*algorithm)).collect();
    let tokens: Vec<String> = Algorithm::ALL
        .iter()
        .zip(&signers)
        .map(|(algorithm, signer)| {
            let header = with(header(), json!({"alg": algorithm.name()})).to_string();
            signer.sign(&header, &claims)
        })
        .collect();
    for (algorithm, signer) in Algorithm::ALL.iter().zip(&signers) {
        let jwk = signer.jwk().to_string();
        let keys = KeySet::from_jwks(jwk.as_bytes(), KeySource::Operator).expect("a key");
        let issuer = JwtIssuer {
            algorithms: vec![*algorithm],
            keys: IssuerKeys::new(keys),
            ..issuer(ES_ISSUER, es256(), TokenKind::Access { require_at_jwt: true })
        };
        let verifier = Verifier::new(vec![issuer]).expect("a usable issuer");
        for (other, token) in Algorithm::ALL.iter().zip(&tokens) {
            let login = verifier.verify(token, NOW);
            assert_eq!(login.is_ok(), other == algorithm, "{} by a key for {}", other.name(), algorithm.name());
        }
    }
}

#[test]
fn s8_no_algorithm_is_refused_in_every_case() {
    for letters in 0..16_u32 {
        let alg: String = "none"
            .chars()
            .enumerate()
            .map(|(at, letter)| if letters >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter })
            .collect();
        let header = with(header(), json!({"alg": alg})).to_string();
        for claims in [claims(), with(claims(), json!({"iss": HS_ISSUER}))] {
            let unsigned = format!("{}.{}.", part(&header), part(&claims.to_string()));
            assert_eq!(verify(&unsigned).expect_err("unsigned"), LoginError::Jws(JwsError::Algorithm), "{alg}");
            let good_signature = signed(&header, &claims.to_string());
            assert_eq!(verify(&good_signature).expect_err("alg none"), LoginError::Jws(JwsError::Algorithm), "{alg}");
        }
    }
}

#[test]
fn s8_the_algorithm_is_the_issuers_not_the_tokens() {
    for alg in
        [json!("es256"), json!("ES384"), json!("HS256"), json!("ES256 "), json!(["ES256"]), json!(7), json!(null)]
    {
        let refused = verify_header(json!({"alg": alg})).expect_err("another alg");
        assert_eq!(refused, LoginError::Jws(JwsError::Algorithm), "{alg}");
    }
}

#[test]
fn s8_a_public_key_is_no_shared_secret() {
    let (pem, der) = (KEY.public_key_pem(), KEY.public_key_der());
    let header = with(header(), json!({"alg": "HS256"})).to_string();
    let jwk = KEY.jwk().to_string();
    for secret in [pem.as_bytes(), pem.trim().as_bytes(), &der, &der[26..], jwk.as_bytes()] {
        let forged = Signer::from_secret(Algorithm::Hs256, secret).sign(&header, &claims().to_string());
        assert_eq!(verify(&forged).expect_err("keyed with the public key"), LoginError::Jws(JwsError::Algorithm));
        let (_, mac) = parts(&forged);
        let es = token();
        let forged = format!("{}.{mac}", parts(&es).0);
        assert_eq!(verify(&forged).expect_err("a MAC"), LoginError::Jws(JwsError::Signature));
    }
}

#[test]
fn s8_another_key_another_tokens_signature_and_none_are_refused() {
    let other = Signer::generate(Algorithm::Es256);
    let token = token();
    let (message, signature) = parts(&token);
    let foreign = other.sign(&header().to_string(), &claims().to_string());
    let another = signed(&header().to_string(), &with(claims(), json!({"sub": "grace"})).to_string());
    let truncated: Vec<String> = (0..signature.len()).map(|end| format!("{message}.{}", &signature[..end])).collect();
    let stretched = format!("{message}.{signature}AAAA");
    let borrowed = format!("{message}.{}", parts(&another).1);
    for forged in truncated.iter().chain([&foreign, &borrowed, &stretched]) {
        let refused = verify(forged).expect_err("a bad signature");
        assert!(matches!(refused, LoginError::Jws(JwsError::Signature | JwsError::Malformed(_))), "{refused}");
    }
}

#[test]
fn s8_truncated_macs_are_refused() {
    let header = with(header(), json!({"alg": "HS256"})).to_string();
    let token = hs256_signed(&header, &with(claims(), json!({"iss": HS_ISSUER})).to_string());
    let (message, mac) = parts(&token);
    let mac = URL_SAFE_NO_PAD.decode(mac).expect("base64url");
    for kept in 0..mac.len() {
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&mac[..kept]));
        assert_eq!(verify(&forged).expect_err("a short MAC"), LoginError::Jws(JwsError::Signature), "{kept} bytes");
    }
}

#[test]
fn s8_ecdsa_signatures_in_der_and_of_zeros_are_refused() {
    let token = token();
    let (message, _) = parts(&token);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &KEY.pkcs8()).expect("a key pair");
    let der = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
    for signature in [der.as_ref(), &[0; 64], &[0xff; 64], &[0; 63], &[0; 65]] {
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(verify(&forged).expect_err("not r and s"), LoginError::Jws(JwsError::Signature));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s8_a_token_with_one_bit_flipped_is_refused(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let token = token();
        let mut bytes = token.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(flipped) = String::from_utf8(bytes) {
            prop_assert!(verify(&flipped).is_err(), "bit {} of byte {}", bit, at);
        }
    }
}
