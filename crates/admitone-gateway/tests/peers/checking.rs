//! `admitone check` through real proxies, as they should be and as they often are.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::client::soon;
use crate::proxy::{Kind, Proxy};
use crate::tokens::{FOLDER, token};
use crate::upstream::Upstream;
use crate::world::{ORIGIN, ROUTE, World};

/// What it reports of the way through a proxy.
async fn checked(address: SocketAddr, arguments: &[&str]) -> Value {
    let file = FOLDER.join(format!("check-{}.token", address.port()));
    std::fs::write(&file, token("ada")).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_admitone"));
    command.args(["check", &format!("ws://{address}{ROUTE}"), "--origin", ORIGIN, "--json", "--token-file"]).arg(file);
    command.args(arguments);
    let running = tokio::task::spawn_blocking(move || command.output().expect("the binary"));
    let output = soon("its end", running).await.expect("no panic");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"))
}

fn says(report: &Value, factor: usize, words: &str) {
    let factor = &report["factors"][factor];
    assert_eq!(factor["outcome"], "failed", "{report}");
    assert!(factor["cause"].as_str().is_some_and(|cause| cause.contains(words)), "{words}: {factor}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_of_five_and_idle_sockets_through_each_proxy() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    for kind in [Kind::Nginx, Kind::Haproxy, Kind::Caddy] {
        let proxy = Proxy::before(kind, world.address).await;
        let report = checked(proxy.address, &["--idle", "2"]).await;
        assert_eq!((&report["ready"], &report["passed"]), (&json!(true), &json!(6)), "{kind:?}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nginx_without_the_lines_for_upgrades_is_found_out() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let plain = |text: &str| {
        let is_kept =
            |line: &&str| !line.contains("proxy_set_header Upgrade") && !line.contains("proxy_set_header Connection");
        text.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
    };
    let proxy = Proxy::before_as(Kind::Nginx, world.address, plain).await;
    let report = checked(proxy.address, &[]).await;
    assert_eq!(report["factors"][1]["outcome"], "passed", "{report}");
    says(&report, 2, "drops Upgrade and Connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_time_outs_of_proxies_are_found_out() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let hasty_nginx =
        |text: &str| text.replace("proxy_http_version 1.1;", "proxy_http_version 1.1; proxy_read_timeout 2s;");
    let hasty_haproxy = |text: &str| text.replace("timeout tunnel 1h", "timeout tunnel 2s");
    let nginx = Proxy::before_as(Kind::Nginx, world.address, hasty_nginx).await;
    let haproxy = Proxy::before_as(Kind::Haproxy, world.address, hasty_haproxy).await;
    for proxy in [nginx, haproxy] {
        let report = checked(proxy.address, &["--idle", "5"]).await;
        assert_eq!(report["passed"], 5, "{report}");
        says(&report, 5, "an idle time-out of a proxy or load balancer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_without_its_gateway_is_told_from_a_gateway_in_trouble() {
    let proxy = Proxy::before(Kind::Nginx, ([127, 0, 0, 1], 9).into()).await;
    let report = checked(proxy.address, &[]).await;
    says(&report, 0, "nginx");
    says(&report, 0, "cannot reach the gateway");
}
