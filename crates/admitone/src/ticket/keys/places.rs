use std::sync::PoisonError;

use hashbrown::{Equivalent, HashMap};

use crate::sync::RwLock;

/// What a ticket holds of the place that it is bound to.
pub(super) type BindingTag = [u8; 8];

/// Most places that are remembered: as many as all routes list origins.
const MOST: usize = 1024;

/// The tags of places that were met before. Every ticket of a page is bound to the same place, and its tag costs as much as all
/// else that is checked of it.
#[derive(Default)]
pub(super) struct Places {
    met: RwLock<HashMap<Place, BindingTag>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Place {
    route: Box<str>,
    origin: Option<Box<str>>,
}

/// A [`Place`] that owns nothing. It hashes as the other does: the same fields in the same order.
#[derive(Hash)]
struct Sought<'a> {
    route: &'a str,
    origin: Option<&'a str>,
}

impl Equivalent<Place> for Sought<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        *self.route == *place.route && self.origin == place.origin.as_deref()
    }
}

impl Places {
    /// The tag of a place, which `tag` computes where it was not met before. Past the bound it does so each time.
    pub(super) fn tag(&self, route: &str, origin: Option<&str>, tag: impl FnOnce() -> BindingTag) -> BindingTag {
        let sought = Sought { route, origin };
        if let Some(tag) = self.met.read().unwrap_or_else(PoisonError::into_inner).get(&sought) {
            return *tag;
        }
        let tag = tag();
        let mut met = self.met.write().unwrap_or_else(PoisonError::into_inner);
        if met.len() < MOST {
            met.insert(Place { route: route.into(), origin: origin.map(Box::from) }, tag);
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_met_once_and_is_no_other() {
        let (places, mut made) = (Places::default(), 0);
        let mut tag = |route: &str, origin: Option<&str>| {
            places.tag(route, origin, || {
                made += 1;
                [made; 8]
            })
        };
        let met = [("/a", None), ("/a", Some("")), ("/a", Some("b")), ("/b", None), ("/ab", Some(""))];
        for _ in 0..2 {
            let tags = met.map(|(route, origin)| tag(route, origin)[0]);
            assert_eq!(tags, [1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn more_places_than_are_remembered_are_told_all_the_same() {
        let places = Places::default();
        for number in (0..MOST as u64 + 10).chain([MOST as u64 + 5]) {
            assert_eq!(places.tag(&number.to_string(), None, || number.to_be_bytes()), number.to_be_bytes());
        }
        assert_eq!(places.met.read().expect("no panic").len(), MOST);
    }
}
