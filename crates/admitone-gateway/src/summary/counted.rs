use std::collections::BTreeMap;

use serde::Serialize;

/// Counts by a word of the code.
type ByWord = BTreeMap<String, u64>;

/// What the metrics count, as far as people look at it, by one label each: all of a route's are one where the route is not it.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Counted {
    /// Live sessions, by route.
    sessions: BTreeMap<String, i64>,
    /// By outcome.
    mints: ByWord,
    /// By outcome.
    redeems: ByWord,
    /// By method.
    admissions: ByWord,
    /// By reason.
    refusals: ByWord,
    /// Sessions that ended, by cause.
    ended: ByWord,
    /// How many took so long, by operation: a count for each bucket, the last without an end.
    latencies: BTreeMap<&'static str, Vec<u64>>,
}

/// A sample of the exposition.
struct Sample<'t> {
    name: &'t str,
    labels: &'t str,
    value: f64,
}

impl Counted {
    /// Reads them out of the exposition. Counters that are zero are left out.
    pub(super) fn read(exposition: &str) -> Self {
        let mut counted = Self::default();
        for sample in exposition.lines().filter_map(Sample::read) {
            counted.add(&sample);
        }
        counted.latencies.values_mut().for_each(|counts| each_for_itself(counts));
        counted
    }

    fn add(&mut self, sample: &Sample<'_>) {
        let (by_word, label) = match sample.name {
            "admitone_sessions_open" => {
                let route = sample.label("route").unwrap_or_default().to_owned();
                self.sessions.insert(route, sample.value as i64);
                return;
            }
            "admitone_mints_total" => (&mut self.mints, "outcome"),
            "admitone_redeems_total" => (&mut self.redeems, "outcome"),
            "admitone_admissions_total" => (&mut self.admissions, "method"),
            "admitone_refusals_total" => (&mut self.refusals, "reason"),
            "admitone_sessions_ended_total" => (&mut self.ended, "cause"),
            _ => return self.add_latency(sample),
        };
        if sample.value > 0.0 {
            let word = sample.label(label).unwrap_or_default().to_owned();
            *by_word.entry(word).or_default() += sample.value as u64;
        }
    }

    fn add_latency(&mut self, sample: &Sample<'_>) {
        let operation = match sample.name {
            "admitone_mint_seconds_bucket" => "mint",
            "admitone_handshake_seconds_bucket" if sample.label("outcome") == Some("admitted") => "handshake",
            "admitone_store_operation_seconds_bucket" => match sample.label("operation") {
                Some("put") => "put",
                Some("take") => "take",
                _ => return,
            },
            _ => return,
        };
        self.latencies.entry(operation).or_default().push(sample.value as u64);
    }
}

/// Buckets of the exposition count what is below them too.
fn each_for_itself(counts: &mut [u64]) {
    for at in (1..counts.len()).rev() {
        counts[at] = counts[at].saturating_sub(counts[at - 1]);
    }
}

impl<'t> Sample<'t> {
    fn read(line: &'t str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        Some(Self { name, labels, value: value.parse().ok()? })
    }

    /// Words of the code and configured paths, in which nothing is escaped.
    fn label(&self, wanted: &str) -> Option<&'t str> {
        let labels = self.labels.strip_suffix('}')?.trim_end_matches('"').split("\",");
        labels.filter_map(|label| label.split_once("=\"")).find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use admitone::carrier::Carrier;
    use admitone::principal::Method;

    use super::*;
    use crate::metrics::{LATENCY_BOUNDS_MICROS, Metrics};

    fn words(pairs: &[(&str, u64)]) -> ByWord {
        pairs.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    }

    #[test]
    fn what_is_counted_is_summed_over_routes_and_left_out_while_it_is_zero() {
        let metrics = Metrics::new();
        let open: Vec<_> = ["/chat", "/chat", "/feed"]
            .iter()
            .map(|route| {
                let route = metrics.on(route);
                route.redeemed("admitted");
                route.admitted(Method::Ticket, Carrier::Subprotocol);
                route.open()
            })
            .collect();
        metrics.on("/feed").redeemed("forged");
        open[0].ended("closed", 1, 1);
        metrics.minted("minted", Duration::from_micros(60));
        metrics.minted("not_logged_in", Duration::from_secs(9));
        metrics.refused("/chat", "forbidden");
        metrics.refused("/feed", "forbidden");
        let counted = Counted::read(&metrics.text());
        assert_eq!(counted.sessions, BTreeMap::from([("/chat".to_owned(), 2), ("/feed".to_owned(), 1)]));
        assert_eq!(counted.mints, words(&[("minted", 1), ("not_logged_in", 1)]));
        assert_eq!(counted.redeems, words(&[("admitted", 3), ("forged", 1)]));
        assert_eq!(counted.admissions, words(&[("ticket", 3)]));
        assert_eq!(counted.refusals, words(&[("forbidden", 2)]));
        assert_eq!(counted.ended, words(&[("closed", 1)]));
        let mut mint = vec![0; LATENCY_BOUNDS_MICROS.len() + 1];
        (mint[1], mint[LATENCY_BOUNDS_MICROS.len()]) = (1, 1);
        assert_eq!(counted.latencies["mint"], mint);
        assert_eq!(counted.latencies.keys().copied().collect::<Vec<_>>(), ["handshake", "mint", "put", "take"]);
    }

    #[test]
    fn a_node_that_has_counted_everything_fits_into_its_word() {
        let metrics = Metrics::new();
        for route in 0..64 {
            let route = metrics.on(&format!("/a/route/with/a/name/{route}"));
            for outcome in ["admitted", "forged", "expired", "misbound", "malformed", "unknown_key", "replayed"] {
                route.redeemed(outcome);
            }
        }
        for reason in ["a_reason_with_a_long_name", "another_reason_with_a_long_name", "a_third"].repeat(20) {
            metrics.refused("/chat", reason);
            metrics.minted(reason, Duration::from_millis(1));
        }
        let word = serde_json::to_string(&Counted::read(&metrics.text())).expect("JSON");
        assert!(word.len() < admitone::store::roster::MAX_WORD_BYTES / 2, "{}", word.len());
    }
}
