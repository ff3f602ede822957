//! The dashboard and the alerts of `deploy/observing` ask for what there is.

use std::collections::BTreeSet;

use super::{GUIDE, documented};

const FILES: [(&str, &str); 3] = [
    ("alerts.yml", include_str!("../../../../../deploy/observing/alerts.yml")),
    ("alerts.test.yml", include_str!("../../../../../deploy/observing/alerts.test.yml")),
    ("dashboard.json", include_str!("../../../../../deploy/observing/dashboard.json")),
];

/// Where problems are listed.
const PROTOCOL: &str = include_str!("../../../../../spec/PROTOCOL.md");

/// Labels that Prometheus adds.
const ADDED: [&str; 3] = ["instance", "job", "le"];

/// What a query selects: a series' name, and its labels with the words that they are compared with.
struct Selector<'t> {
    name: &'t str,
    labels: Vec<(&'t str, Vec<&'t str>)>,
}

fn selectors(text: &str) -> Vec<Selector<'_>> {
    text.match_indices("admitone_").map(|(at, _)| selector(&text[at..])).collect()
}

fn selector(rest: &str) -> Selector<'_> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
    Selector { name, labels: labels.split(',').filter_map(label).collect() }
}

/// `outcome=~"forged|replayed"`, in JSON with its quotes escaped.
fn label(pair: &str) -> Option<(&str, Vec<&str>)> {
    let end = pair.find(['=', '!'])?;
    let value = pair[end..].trim_start_matches(['=', '!', '~']).trim_matches(['\\', '"']);
    Some((pair[..end].trim(), value.split('|').collect()))
}

fn problem_of(selector: &Selector<'_>) -> Option<String> {
    let (name, metrics) = (selector.name, documented());
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    let Some((_, known, _)) = metrics.get(base).or_else(|| metrics.get(name)) else {
        return Some(format!("{name} is no metric"));
    };
    let wrong = |(label, words): &(&str, Vec<&str>)| {
        if ADDED.contains(label) {
            return None;
        }
        if !known.contains(*label) {
            return Some(format!("{name} has no label {label}"));
        }
        let is_listed = |word: &&&str| {
            let quoted = format!("`{word}`");
            matches!(*label, "route" | "issuer") || GUIDE.contains(&quoted) || PROTOCOL.contains(&quoted)
        };
        let unlisted = words.iter().find(|word| !is_listed(word));
        unlisted.map(|word| format!("{name} has no {label} {word}"))
    };
    selector.labels.iter().find_map(wrong)
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let mut asked = BTreeSet::new();
    for (file, text) in FILES {
        for selector in selectors(text) {
            assert_eq!(problem_of(&selector), None, "{file}");
            asked.insert(selector.name.to_owned());
        }
    }
    assert!(asked.len() > 20, "{asked:?}");
}

#[test]
fn what_there_is_not_is_found() {
    for (query, problem) in [
        ("rate(admitone_mint_total[5m])", "admitone_mint_total is no metric"),
        ("admitone_mints_total{route=\"/chat\"}", "admitone_mints_total has no label route"),
        ("admitone_redeems_total{outcome=~\"admitted|forgotten\"}", "admitone_redeems_total has no outcome forgotten"),
        ("admitone_redeems_total{outcome=\\\"forgotten\\\"}", "admitone_redeems_total has no outcome forgotten"),
    ] {
        assert_eq!(problem_of(&selectors(query)[0]).as_deref(), Some(problem));
    }
    assert_eq!(problem_of(&selectors("admitone_mint_seconds_bucket{le=\"1\", instance=~\"$i\"}")[0]), None);
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: serde_json::Value = serde_json::from_str(FILES[2].1).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    assert_eq!(ids.len(), panels.len(), "no number twice");
    let queries: Vec<_> = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()).collect();
    assert!(queries.len() > 25 && queries.iter().all(|query| query["datasource"]["uid"] == "${datasource}"));
}
