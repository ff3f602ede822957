//! The keys of one issuer, and which of them a token is to be verified with.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::algorithm::Algorithm;
use super::jwk::{self, JwkError, KeySource};
use super::key::VerifyingKey;

/// Keys that are valid at the same time; no two have the same `kid`.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

/// Why no key of a set can be chosen for a token.
pub(super) enum NoKey {
    /// None has the token's `kid`, or none is for its algorithm: newer keys might be.
    Unknown,
    /// The key with this `kid` is not for this algorithm.
    Algorithm,
    /// The token does not say which of several.
    Ambiguous,
}

impl KeySet {
    /// No keys yet: every token is refused with [`LoginError::UnknownKey`](super::LoginError::UnknownKey).
    #[must_use]
    pub const fn empty() -> Self {
        Self { keys: Vec::new() }
    }

    /// Reads a JWK set, or a single JWK: at most 64 KiB and 100 keys.
    ///
    /// The whole set is refused for a repeated member or `kid`, a private key, a shared secret in a published set or beside
    /// public keys, and for a key of a known type that is malformed, weak, or contradicts its own `alg`. Skipped are keys of
    /// an unknown `kty`, `crv` or `alg`, and keys that are not for verifying signatures (`use` other than `sig`, `key_ops`
    /// without `verify`). A key without `alg` verifies every algorithm of its type and curve; which of them are accepted
    /// is up to the issuer.
    ///
    /// # Errors
    ///
    /// [`JwkError`] says which key is at fault. A set of which nothing is left is an error too.
    pub fn from_jwks(json: &[u8], source: KeySource) -> Result<Self, JwkError> {
        Ok(Self { keys: jwk::read(json, source)? })
    }

    /// The keys, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Chooses before anything is verified, so that a token costs one verification at most.
    ///
    /// With a `kid`: the key of that id, else a key without an id. Without: any key. In the last two cases it has to be the
    /// only one for the algorithm.
    pub(super) fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey, NoKey> {
        let serves = |key: &&VerifyingKey| key.algorithms().any(|own| own == algorithm);
        if let Some(kid) = kid
            && let Some(key) = self.keys.iter().find(|key| key.id() == Some(kid))
        {
            return Some(key).filter(serves).ok_or(NoKey::Algorithm);
        }
        let mut candidates = self.keys.iter().filter(|key| kid.is_none() || key.id().is_none()).filter(serves);
        match (candidates.next(), candidates.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) => Err(NoKey::Unknown),
        }
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self { keys: vec![key] }
    }
}

/// A handle on an issuer's keys: clones share them, and whoever fetches newer ones puts them in.
#[derive(Clone)]
pub struct IssuerKeys(Arc<RwLock<Arc<KeySet>>>);

impl IssuerKeys {
    /// Starts with these keys.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(keys))))
    }

    /// The keys as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts newer keys in the place of all that there were; verifications under way end with the old ones.
    pub fn replace(&self, keys: KeySet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

impl From<VerifyingKey> for IssuerKeys {
    fn from(key: VerifyingKey) -> Self {
        Self::new(key.into())
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::authn::jws::{JwsError, verify};
    use crate::authn::signer::Signer;

    fn set(keys: &[Value]) -> KeySet {
        KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes(), KeySource::Published).expect("a set")
    }

    fn named(signer: &Signer, kid: &str) -> Value {
        let mut jwk = signer.jwk();
        jwk["kid"] = kid.into();
        jwk
    }

    fn with_kid(signer: &Signer, kid: Option<&str>) -> String {
        let header = match kid {
            Some(kid) => json!({"alg": "ES256", "kid": kid}),
            None => json!({"alg": "ES256"}),
        };
        signer.sign(&header.to_string(), "payload")
    }

    fn outcome(keys: &KeySet, token: &str) -> Result<(), JwsError> {
        verify(token.as_bytes(), keys, Algorithm::ALL).map(|payload| assert_eq!(payload, b"payload"))
    }

    #[test]
    fn a_kid_means_the_key_of_that_id() {
        let [one, two, other] = [Algorithm::Es256, Algorithm::Es256, Algorithm::Es384].map(Signer::generate);
        let keys = set(&[named(&one, "one"), named(&two, "two"), named(&other, "three")]);
        let ids: Vec<Option<&str>> = keys.iter().map(VerifyingKey::id).collect();
        assert_eq!((ids, keys.len(), keys.is_empty()), (vec![Some("one"), Some("two"), Some("three")], 3, false));
        let none = KeySet::empty();
        assert_eq!((none.iter().count(), none.len(), none.is_empty()), (0, 0, true));
        assert_eq!(outcome(&keys, &with_kid(&one, Some("one"))), Ok(()));
        assert_eq!(outcome(&keys, &with_kid(&two, Some("two"))), Ok(()));
        assert_eq!(outcome(&keys, &with_kid(&one, Some("two"))), Err(JwsError::Signature));
        assert_eq!(outcome(&keys, &with_kid(&one, Some("One"))), Err(JwsError::UnknownKey));
        assert_eq!(outcome(&keys, &with_kid(&one, Some("three"))), Err(JwsError::Algorithm), "a P-384 key");
    }

    #[test]
    fn without_a_kid_a_single_key_for_the_algorithm_will_do() {
        let [one, two, other] = [Algorithm::Es256, Algorithm::Es256, Algorithm::Es384].map(Signer::generate);
        let token = with_kid(&one, None);
        assert_eq!(outcome(&set(&[named(&other, "a"), named(&one, "b")]), &token), Ok(()));
        assert_eq!(outcome(&set(&[named(&one, "a"), named(&two, "b")]), &token), Err(JwsError::AmbiguousKey));
        assert_eq!(outcome(&set(&[named(&other, "a")]), &token), Err(JwsError::UnknownKey));
        assert_eq!(outcome(&KeySet::empty(), &token), Err(JwsError::UnknownKey));
    }

    #[test]
    fn a_key_without_an_id_serves_any_kid_but_those_of_others() {
        let [one, two] = [Algorithm::Es256, Algorithm::Es256].map(Signer::generate);
        assert_eq!(outcome(&set(&[one.jwk(), named(&two, "two")]), &with_kid(&one, Some("whatever"))), Ok(()));
        let refused = outcome(&set(&[one.jwk(), named(&two, "two")]), &with_kid(&one, Some("two")));
        assert_eq!(refused, Err(JwsError::Signature));
        let refused = outcome(&set(&[one.jwk(), two.jwk()]), &with_kid(&one, Some("one")));
        assert_eq!(refused, Err(JwsError::AmbiguousKey));
    }

    #[test]
    fn newer_keys_replace_the_ones_that_a_handle_had() {
        let [old, new] = [Algorithm::Es256, Algorithm::Es256].map(Signer::generate);
        let keys = IssuerKeys::new(set(&[named(&old, "old")]));
        let before = keys.current();
        keys.clone().replace(set(&[named(&new, "new")]));
        assert_eq!(outcome(&before, &with_kid(&old, Some("old"))), Ok(()), "a verification under way");
        assert_eq!(outcome(&keys.current(), &with_kid(&old, Some("old"))), Err(JwsError::UnknownKey));
        assert_eq!(outcome(&keys.current(), &with_kid(&new, Some("new"))), Ok(()));
    }

    #[test]
    fn keys_do_not_show_themselves() {
        let shown = format!("{:?}", IssuerKeys::new(set(&[named(&Signer::generate(Algorithm::EdDsa), "one")])));
        assert!(shown.contains(r#"VerifyingKey(Some("one"), EdDSA, [redacted])"#), "{shown}");
    }
}
