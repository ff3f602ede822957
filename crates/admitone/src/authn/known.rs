//! Tokens that were verified before: a page that mints again with the token it has pays for one verification.
//!
//! Nothing is remembered of a token that was refused, and a revocation needs nothing here: what a token says is compared with
//! the marks each time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::answers::CredentialHash;
use super::keys::KeySet;
use crate::principal::Login;

const SHARDS: usize = 16;

/// A token's login, and all that it was found by and that may change.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) login: Login,
    /// Which of the verifier's issuers.
    pub(super) issuer: usize,
    /// The keys that its issuer had. The handle is that of this set alone, so a set that is like it is another.
    pub(super) keys: Arc<KeySet>,
    /// Unix seconds: it says nothing of a time before.
    pub(super) verified_at: u64,
}

impl Known {
    fn counts(&self, now: u64, current: impl Fn(usize) -> Arc<KeySet>) -> bool {
        (self.verified_at..self.login.expires_at).contains(&now) && Arc::ptr_eq(&self.keys, &current(self.issuer))
    }
}

/// The logins of tokens that were verified, by the tokens' hashes. A bounded number: of many more, those that nobody asked for
/// lately are forgotten.
pub(super) struct KnownLogins {
    shards: [Mutex<Shard>; SHARDS],
    most_in_half: usize,
}

/// The younger half takes the place of the older one when it is full. What is asked for becomes young again.
#[derive(Default)]
struct Shard {
    young: HashMap<CredentialHash, Known>,
    old: HashMap<CredentialHash, Known>,
}

impl KnownLogins {
    /// Remembers about `most` tokens.
    pub(super) fn new(most: usize) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), most_in_half: most.div_ceil(2 * SHARDS).max(1) }
    }

    /// The login of a token, if everything is as it was when it was verified; `current` gives the keys that an issuer has now.
    pub(super) fn login(
        &self,
        token: CredentialHash,
        now: u64,
        current: impl Fn(usize) -> Arc<KeySet>,
    ) -> Option<Login> {
        let mut shard = self.shard(token);
        if let Some(known) = shard.young.get(&token) {
            return known.counts(now, current).then(|| known.login.clone());
        }
        let known = shard.old.remove(&token).filter(|known| known.counts(now, current))?;
        let login = known.login.clone();
        shard.keep(token, known, self.most_in_half);
        Some(login)
    }

    pub(super) fn keep(&self, token: CredentialHash, known: Known) {
        self.shard(token).keep(token, known, self.most_in_half);
    }

    fn shard(&self, token: CredentialHash) -> MutexGuard<'_, Shard> {
        // Nothing that could panic runs while it is held.
        self.shards[usize::from(token.first_byte()) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn keep(&mut self, token: CredentialHash, known: Known, most: usize) {
        if self.young.len() >= most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, known);
    }
}

impl fmt::Debug for KnownLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownLogins").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::{LoginStamp, Permissions, Principal};

    const NOW: u64 = 1_800_000_000;

    fn known(subject: &str, keys: &Arc<KeySet>) -> Known {
        let login = Login {
            principal: Principal::new("https://id.example.com", subject, None).expect("a principal"),
            permissions: Permissions::default(),
            stamp: LoginStamp { issued_at: NOW, sid: None, jti: None },
            expires_at: NOW + 60,
        };
        Known { login, issuer: 0, keys: keys.clone(), verified_at: NOW }
    }

    fn hash(token: usize) -> CredentialHash {
        CredentialHash::of("", &token.to_string())
    }

    fn subject(logins: &KnownLogins, token: usize, now: u64, keys: &Arc<KeySet>) -> Option<String> {
        logins.login(hash(token), now, |_| keys.clone()).map(|login| login.principal.subject().to_owned())
    }

    #[test]
    fn a22_a_login_is_known_until_its_end_by_its_whole_token_and_the_keys_that_it_had() {
        let (logins, keys) = (KnownLogins::new(100), Arc::new(KeySet::empty()));
        logins.keep(hash(1), known("ada", &keys));
        assert_eq!(subject(&logins, 1, NOW, &keys).as_deref(), Some("ada"));
        assert_eq!(subject(&logins, 1, NOW + 59, &keys).as_deref(), Some("ada"));
        assert_eq!(subject(&logins, 1, NOW + 60, &keys), None, "past its end");
        assert_eq!(subject(&logins, 1, NOW - 1, &keys), None, "a clock that was set back");
        assert_eq!(subject(&logins, 2, NOW, &keys), None, "another token");
        assert_eq!(subject(&logins, 1, NOW, &Arc::new(KeySet::empty())), None, "other keys, though they look alike");
    }

    #[test]
    fn as_many_are_known_as_were_asked_for_and_no_more() {
        let (logins, keys) = (KnownLogins::new(320), Arc::new(KeySet::empty()));
        for token in 0..10_000 {
            logins.keep(hash(token), known("ada", &keys));
            assert!(subject(&logins, 0, NOW, &keys).is_some(), "one that is asked for all the time, after {token}");
        }
        let held: usize = logins
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().expect("no panic");
                shard.young.len() + shard.old.len()
            })
            .sum();
        assert!((160..=320).contains(&held), "{held}");
        assert!(subject(&logins, 9_999, NOW, &keys).is_some() && subject(&logins, 1, NOW, &keys).is_none());
    }
}
