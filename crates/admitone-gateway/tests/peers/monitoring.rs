//! `deploy/observing` in the programs that it is for: promtool judges the rules, and a Prometheus reads a real gateway and
//! answers every query of the dashboard and of the alerts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::client::{Answer, Connection, Request, soon};
use crate::proxy::{Proxy, place};
use crate::tokens::{ADMIN_SECRET, FOLDER, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

fn deployed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/observing")
}

fn promtool(arguments: &[&str]) {
    let output = Command::new("/usr/bin/promtool").args(arguments).current_dir(deployed()).output();
    let output = output.expect("promtool: run `cargo xtask test --only monitoring`");
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !told.contains("FAILED"), "{arguments:?}: {told}");
}

#[test]
fn promtool_takes_the_alerts_and_their_tests_pass() {
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts.test.yml"]);
}

/// A Prometheus that reads this listener every second, by the configuration that is deployed. It gives a reading no more time
/// than that.
async fn prometheus(admin: SocketAddr) -> Proxy {
    let (address, folder) = place("Prometheus");
    let configuration = std::fs::read_to_string(deployed().join("prometheus.yml")).expect("a configuration");
    let changes = [
        ("127.0.0.1:9901", admin.to_string()),
        ("scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s".to_owned()),
    ];
    let configuration = changes.iter().fold(configuration, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    std::fs::write(folder.join("prometheus.yml"), configuration).expect("a file");
    std::fs::copy(deployed().join("alerts.yml"), folder.join("alerts.yml")).expect("the alerts");
    std::fs::write(folder.join("admin.secret"), ADMIN_SECRET).expect("a file");
    let mut command = Command::new("/usr/bin/prometheus");
    command.args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=error"]);
    command.arg(format!("--web.listen-address={address}"));
    let prometheus = Proxy::start(address, &folder, command).await;
    // It listens before it answers.
    let is_ready = async {
        while ask(address, "/-/ready").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("it is ready", is_ready).await;
    prometheus
}

async fn ask(prometheus: SocketAddr, path: &str) -> Answer {
    let mut connection = Connection::open(prometheus).await;
    let request = Request::new("").starting(&format!("GET {path} HTTP/1.0")).replacing("Host", &prometheus.to_string());
    connection.send(request.text()).await;
    let mut answer = connection.answer().await;
    if answer.body.is_empty() {
        answer.body = connection.end().await;
    }
    answer
}

/// What a Prometheus answers.
async fn answered(prometheus: SocketAddr, path: &str) -> Value {
    let body = ask(prometheus, path).await.body;
    serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: {}", String::from_utf8_lossy(&body)))
}

async fn query(prometheus: SocketAddr, query: &str) -> Value {
    let encoded = utf8_percent_encode(query, NON_ALPHANUMERIC);
    let answer = answered(prometheus, &format!("/api/v1/query?query={encoded}")).await;
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    answer["data"]["result"].clone()
}

/// Waits until that is the answer to a query.
async fn is_one(prometheus: SocketAddr, asked: &str) {
    let read = async {
        while query(prometheus, asked).await[0]["value"][1] != "1" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(asked, read).await;
}

/// The dashboard's queries, with its variables filled in.
fn queries() -> Vec<String> {
    let text = std::fs::read_to_string(deployed().join("dashboard.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    let filled =
        |query: &str| query.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$route", ".*");
    targets.map(|target| filled(target["expr"].as_str().expect("a query"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_reads_the_gateway_and_answers_every_query() {
    let upstream = Upstream::echo().await;
    let end = "[admin]\nlisten = \"127.0.0.1:0\"\nsecret_file = \"admin.secret\"";
    let world = World::with(Lines { end, ..Lines::default() }, &upstream.url()).await;
    assert!(FOLDER.join("admin.secret").exists());
    let ticket = world.ticket_for(&token("ada")).await;
    let _socket = world.open(&ticket).await;
    world.ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket)).await;
    let prometheus = prometheus(world.admin.expect("an operators' listener")).await;
    let at = prometheus.address;

    is_one(at, "sum(admitone_redeems_total{outcome=\"admitted\"})").await;
    is_one(at, "sum(admitone_redeems_total{outcome=\"replayed\"})").await;
    is_one(at, "sum(admitone_sessions_open)").await;
    is_one(at, "count(up{job=\"admitone\"} == 1)").await;

    let queries = queries();
    assert!(queries.len() > 25);
    for asked in &queries {
        query(at, asked).await;
    }
    // A second reading gives rates.
    let rates = async {
        while query(at, "sum(rate(admitone_mints_total[1m]))").await.as_array().is_none_or(Vec::is_empty) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("rates", rates).await;

    let rules = answered(at, "/api/v1/rules").await;
    let rules = rules["data"]["groups"][0]["rules"].as_array().expect("rules").clone();
    assert!(rules.len() >= 15, "{rules:?}");
    let settled = async {
        loop {
            let rules = answered(at, "/api/v1/rules").await;
            let rules = rules["data"]["groups"][0]["rules"].as_array().expect("rules").clone();
            // A reading that took too long is pending until the next.
            if rules.iter().all(|rule| rule["health"] != "unknown" && rule["state"] != "pending") {
                return rules;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    for rule in soon("every rule is evaluated", settled).await {
        assert_eq!((&rule["health"], &rule["state"]), (&"ok".into(), &"inactive".into()), "{rule}");
    }
}
