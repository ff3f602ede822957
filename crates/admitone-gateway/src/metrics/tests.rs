mod deployed;

use std::collections::{BTreeMap, BTreeSet};

use admitone::carrier::Carrier;
use admitone::principal::Method;

use super::*;

const GUIDE: &str = include_str!("../../../../docs/observing.md");

/// Kind, labels and meaning of a metric.
type Row = (String, BTreeSet<String>, String);

/// One of everything.
fn busy() -> Metrics {
    let metrics = Metrics::new();
    let route = metrics.on("/chat");
    route.admitted(Method::Jwt, Carrier::Cookie);
    route.redeemed("forged");
    route.dialed("timeout");
    route.decided(false);
    route.rollout_is(25, true);
    route.open().ended("session_expired", 3, 4);
    metrics.minted("minted", Duration::from_millis(2));
    metrics.refused("/chat", "forbidden");
    metrics.limit("dials_per_ticket").inc();
    metrics.issuer_keys_are("google", true, 0);
    metrics.admitted_after(Duration::from_millis(1));
    metrics
}

fn value(text: &str, sample: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok())
}

fn written(text: &str) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::<String, Row>::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match *words {
            ["#", "HELP", name, help] => {
                rows.entry(name.to_owned()).or_default().2 = help.trim_end_matches('.').to_owned()
            }
            ["#", "TYPE", name, kind] => rows.entry(name.to_owned()).or_default().0 = kind.to_owned(),
            ["#", ..] => {}
            _ => {
                let sample = line.split_once(['{', ' ']).expect("a sample").0;
                let (_, row) = rows.iter_mut().rfind(|(name, _)| sample.starts_with(&***name)).expect("its metric");
                row.1.extend(labels_of(line));
            }
        }
    }
    // The names that queries need.
    let suffix = |kind: &str| match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    rows.into_iter().map(|(name, row)| (name + suffix(&row.0), row)).collect()
}

fn labels_of(line: &str) -> Vec<String> {
    let Some((_, labels)) = line.split_once('{') else { return Vec::new() };
    let labels = labels.rsplit_once('}').expect("an end").0.split("\",");
    let names = labels.filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
    names.filter(|name| name != "le").collect()
}

fn documented() -> BTreeMap<String, Row> {
    let rows = GUIDE.lines().filter(|line| line.starts_with("| `admitone_"));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    rows.map(|row| match <[String; 4]>::try_from(cells(row)) {
        Ok([name, kind, labels, meaning]) => {
            let labels = labels.split(", ").filter(|label| !label.is_empty()).map(|label| label.replace('`', ""));
            (name.replace('`', ""), (kind, labels.collect(), meaning))
        }
        Err(cells) => panic!("four cells are needed: {cells:?}"),
    })
    .collect()
}

#[test]
fn the_guide_has_every_metric_as_it_is() {
    let (written, documented) = (written(&busy().text()), documented());
    assert!(written.len() > 10, "{written:?}");
    for (name, row) in &written {
        assert_eq!(documented.get(name), Some(row), "{name} in docs/observing.md");
    }
    for name in documented.keys() {
        assert!(written.contains_key(name), "{name} is no metric");
    }
}

#[test]
fn what_is_counted_is_told() {
    let metrics = busy();
    let route = metrics.on("/chat");
    let open = route.open();
    let told = metrics.text();
    for (sample, count) in [
        ("admitone_admissions_total{route=\"/chat\",method=\"jwt\",carrier=\"cookie\"}", 1.0),
        ("admitone_admissions_total{route=\"/chat\",method=\"ticket\",carrier=\"subprotocol\"}", 0.0),
        ("admitone_redeems_total{route=\"/chat\",outcome=\"forged\"}", 1.0),
        ("admitone_redeems_total{route=\"/chat\",outcome=\"replayed\"}", 0.0),
        ("admitone_sessions_ended_total{route=\"/chat\",cause=\"session_expired\"}", 1.0),
        ("admitone_relayed_bytes_total{route=\"/chat\",to=\"upstream\"}", 4.0),
        ("admitone_sessions_open{route=\"/chat\"}", 1.0),
        ("admitone_rollout_decisions_total{route=\"/chat\",decision=\"fallback\"}", 1.0),
        ("admitone_rollout_percent{route=\"/chat\"}", 25.0),
        ("admitone_rollout_guard_tripped{route=\"/chat\"}", 1.0),
        ("admitone_rollout_guard_trips_total{route=\"/chat\"}", 0.0),
        ("admitone_mints_total{outcome=\"minted\"}", 1.0),
        ("admitone_refusals_total{route=\"/chat\",reason=\"forbidden\"}", 1.0),
        ("admitone_mint_seconds_count", 1.0),
    ] {
        assert_eq!(value(&told, sample), Some(count), "{sample}: {told}");
    }
    drop(open);
    assert_eq!(value(&metrics.text(), "admitone_sessions_open{route=\"/chat\"}"), Some(0.0));
    assert_eq!(route.sessions(), 0);
}

#[test]
fn a_word_that_was_not_foreseen_is_counted_too() {
    let metrics = Metrics::new();
    metrics.minted("over_limit", Duration::ZERO);
    assert_eq!(value(&metrics.text(), "admitone_mints_total{outcome=\"over_limit\"}"), Some(1.0));
}
