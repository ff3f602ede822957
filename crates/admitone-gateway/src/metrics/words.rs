use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Names and values, in the order that they are written in.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Counters that differ in one label, whose values are words of the code.
#[derive(Debug)]
pub(super) struct Words {
    family: Family<Labels, Counter>,
    others: Labels,
    label: &'static str,
    handles: Vec<(&'static str, Counter)>,
}

impl Words {
    /// Those of `words` are at hand and begin at zero: a rate needs a beginning. Others join when they are counted.
    pub(super) fn new(
        family: Family<Labels, Counter>,
        others: Labels,
        label: &'static str,
        words: &[&'static str],
    ) -> Self {
        let mut counters = Self { family, others, label, handles: Vec::new() };
        counters.handles = words.iter().map(|word| (*word, counters.make(word))).collect();
        counters
    }

    pub(super) fn count(&self, word: &'static str) {
        match self.handles.iter().find(|(known, _)| *known == word) {
            Some((_, counter)) => counter.inc(),
            None => self.make(word).inc(),
        };
    }

    fn make(&self, word: &str) -> Counter {
        let mut labels = self.others.clone();
        labels.push((self.label, word.to_owned()));
        self.family.get_or_create_owned(&labels)
    }
}
