use std::fmt;

use serde::{Deserialize, Serialize};

use crate::principal::Principal;

/// Somebody on a list: issuer and subject together, as everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// `iss`.
    pub issuer: Box<str>,
    /// `sub`.
    pub subject: Box<str>,
}

impl Person {
    /// Of this issuer.
    #[must_use]
    pub fn new(issuer: &str, subject: &str) -> Self {
        Self { issuer: issuer.into(), subject: subject.into() }
    }
}

/// A list of people, each once.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Person>", into = "Vec<Person>")]
pub struct People(Vec<Person>);

impl People {
    /// Most people on the lists of a route together: each node holds them, and every change hands all of them on.
    pub const MOST: usize = 1000;

    /// Whether somebody is on it.
    #[must_use]
    pub fn has(&self, who: &Principal) -> bool {
        self.place(who.issuer(), who.subject()).is_ok()
    }

    /// Everybody on it, by issuer and subject.
    pub fn iter(&self) -> std::slice::Iter<'_, Person> {
        self.0.iter()
    }

    /// How many are on it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts somebody on it.
    pub fn add(&mut self, person: Person) {
        if let Err(place) = self.place(&person.issuer, &person.subject) {
            self.0.insert(place, person);
        }
    }

    /// Takes somebody off it.
    pub fn remove(&mut self, person: &Person) {
        if let Ok(place) = self.place(&person.issuer, &person.subject) {
            self.0.remove(place);
        }
    }

    fn place(&self, issuer: &str, subject: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|known| (&*known.issuer, &*known.subject).cmp(&(issuer, subject)))
    }
}

impl From<Vec<Person>> for People {
    fn from(mut people: Vec<Person>) -> Self {
        people.sort_unstable();
        people.dedup();
        Self(people)
    }
}

impl From<People> for Vec<Person> {
    fn from(people: People) -> Self {
        people.0
    }
}

impl<'a> IntoIterator for &'a People {
    type Item = &'a Person;
    type IntoIter = std::slice::Iter<'a, Person>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Names nobody.
impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "People({})", self.0.len())
    }
}
