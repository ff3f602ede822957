//! What sources that are asked for each credential have answered, for a while.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Instant;

use sha2::{Digest, Sha256};

/// A credential as answers are kept under it: its SHA-256, never itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialHash([u8; 32]);

impl CredentialHash {
    /// The hash of a credential that is presented to `source`: the same text for another source is another credential.
    #[must_use]
    pub fn of(source: &str, credential: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update((source.len() as u64).to_be_bytes());
        hash.update(source);
        hash.update(credential);
        Self(hash.finalize().into())
    }

    pub(super) const fn first_byte(self) -> u8 {
        self.0[0]
    }

    /// 32 characters of it: a name for the credential where it has none of its own.
    #[must_use]
    pub fn name(&self) -> String {
        self.0[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for CredentialHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialHash(redacted)")
    }
}

/// Answers by credential, each until its own end, and no more than a bounded number: the one that ends first gives way.
#[derive(Debug)]
pub struct Answers<T> {
    most: usize,
    known: HashMap<CredentialHash, (Instant, T)>,
    ends: BTreeSet<(Instant, CredentialHash)>,
}

impl<T: Clone> Answers<T> {
    /// Keeps at most `most` answers.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, known: HashMap::new(), ends: BTreeSet::new() }
    }

    /// The answer, if it still counts.
    #[must_use]
    pub fn get(&self, credential: &CredentialHash, now: Instant) -> Option<T> {
        self.known.get(credential).filter(|(until, _)| now < *until).map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer until a moment; one that is over already is not kept.
    pub fn keep(&mut self, credential: CredentialHash, answer: T, until: Instant, now: Instant) {
        self.forget(&credential);
        while self.ends.first().is_some_and(|(end, _)| *end <= now || self.ends.len() >= self.most) {
            if let Some((_, first)) = self.ends.pop_first() {
                self.known.remove(&first);
            }
        }
        if until > now && self.most > 0 {
            self.ends.insert((until, credential));
            self.known.insert(credential, (until, answer));
        }
    }

    /// How many are kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len()
    }

    fn forget(&mut self, credential: &CredentialHash) {
        if let Some((until, _)) = self.known.remove(credential) {
            self.ends.remove(&(until, *credential));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn hash(credential: &str) -> CredentialHash {
        CredentialHash::of("idp", credential)
    }

    #[test]
    fn s14_an_answer_counts_until_its_end_and_not_longer() {
        let (start, mut answers) = (Instant::now(), Answers::new(4));
        answers.keep(hash("a"), 1, start + SECOND, start);
        assert_eq!(answers.get(&hash("a"), start), Some(1));
        assert_eq!(answers.get(&hash("a"), start + SECOND), None);
        assert_eq!(answers.get(&hash("b"), start), None);
        answers.keep(hash("a"), 2, start, start);
        assert_eq!(answers.get(&hash("a"), start), None, "one that is over takes the place of the earlier one");
        assert_eq!(answers.count(), 0);
    }

    #[test]
    fn answers_are_bounded_and_the_one_that_ends_first_gives_way() {
        let (start, mut answers) = (Instant::now(), Answers::new(3));
        for (at, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            answers.keep(hash(name), at, start + SECOND * (10 - at as u32), start);
        }
        assert_eq!(answers.count(), 3);
        let kept = ["a", "b", "c", "d", "e"].map(|name| answers.get(&hash(name), start).is_some());
        assert_eq!(kept, [true, true, false, false, true]);
        answers.keep(hash("f"), 5, start + SECOND * 60, start + SECOND * 30);
        assert_eq!(answers.count(), 1, "what is over goes first");
        let mut none = Answers::new(0);
        none.keep(hash("a"), 1, start + SECOND, start);
        assert_eq!(none.count(), 0);
    }

    #[test]
    fn a22_the_same_text_for_another_source_is_another_credential() {
        assert_ne!(CredentialHash::of("one", "x"), CredentialHash::of("two", "x"));
        assert_ne!(CredentialHash::of("a", "bc"), CredentialHash::of("ab", "c"));
        assert_eq!(hash("secret").name().len(), 32);
        assert_eq!(format!("{:?}", hash("secret")), "CredentialHash(redacted)");
    }
}
