//! Spans in a collector that others wrote: Rotel reads what the gateway posts, and prints it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::client::{Request, soon};
use crate::proxy::{Proxy, named, place};
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector, the URL to post to, and the file that it prints to.
async fn collector() -> (Proxy, String, PathBuf) {
    let ((address, folder), (grpc, _)) = (place("Rotel"), place("Rotel-gRPC"));
    let printed = folder.join("printed");
    let mut shell = Command::new("/bin/sh");
    // What starts it gives no standard output of its own.
    shell.args(["-c", "exec \"$0\" \"$@\" > printed"]).arg(named("ADMITONE_ROTEL"));
    shell.args(["start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"]);
    shell.args(["--batch-timeout", "100ms", "--pid-file", "pid", "--log-file", "log"]);
    shell.args([format!("--otlp-http-endpoint={address}"), format!("--otlp-grpc-endpoint={grpc}")]);
    let collector = Proxy::start(address, &folder, shell).await;
    (collector, format!("http://{address}/v1/traces"), printed)
}

/// What it has printed, once that has this many spans, and so many steps among them to their outcomes.
async fn printed(file: &Path, spans: usize, steps: usize) -> String {
    let reading = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let count = |start: &str| text.lines().filter(|line| line.trim().starts_with(start)).count();
            let is_whole = count("Kind") >= spans && count("-> admitone.outcome") >= steps;
            if is_whole && text.matches("\nSpan #").count() >= spans && text.ends_with('\n') {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("it prints the spans", reading).await
}

/// The part of what was printed about the span with this name.
fn span<'a>(printed: &'a str, name: &str) -> &'a str {
    let is_named = |part: &&str| part.lines().any(|line| line.trim() == format!("Name           : {name}"));
    printed.split("\nSpan #").find(is_named).unwrap_or_else(|| panic!("no {name}: {printed}"))
}

/// A line of such a part.
fn line<'a>(span: &'a str, start: &str) -> &'a str {
    let found = span.lines().find_map(|line| line.trim().strip_prefix(start));
    found.unwrap_or_else(|| panic!("no {start}: {span}")).trim_start_matches([' ', ':'])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s28_a_collector_reads_a_mint_and_an_upgrade_step_by_step_and_no_secret() {
    let (_collector, endpoint, file) = collector().await;
    let (upstream, end) = (Upstream::echo().await, format!("[traces]\nendpoint = \"{endpoint}\""));
    let lines = Lines { server: "trusted_proxies = [\"127.0.0.1\"]", end: &end, ..Lines::default() };
    let world = World::with(lines, &upstream.url()).await;
    let login = token("ada");
    let ticket = world.ticket_for(&login).await;
    let upgrade = Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket);
    let traced = upgrade.with("Traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    let (answer, _socket) = world.present(traced.with("X-Forwarded-For", "203.0.113.9")).await;
    assert_eq!(answer.status, 101);

    // A mint with two steps, an upgrade with five.
    let printed = printed(&file, 9, 7).await;
    assert!(printed.contains("-> service.name: Str(admitone)"), "{printed}");
    let mint = span(&printed, "POST /auth/ticket");
    assert_eq!(line(mint, "-> http.response.status_code"), "Int(201)");
    assert_eq!(line(mint, "Kind"), "SPAN_KIND_SERVER");
    let opening = span(&printed, "GET /chat");
    assert_eq!((line(opening, "Trace ID"), line(opening, "Parent ID")), (TRACE, "b7ad6b7169203331"));
    for (step, outcome) in [
        ("inspect", "authentic"),
        ("dial", "connected"),
        ("redeem", "admitted"),
        ("open", "open"),
        ("upgrade", "switched"),
    ] {
        let step = span(&printed, step);
        assert_eq!((line(step, "Trace ID"), line(step, "Parent ID")), (TRACE, line(opening, "ID")));
        assert_eq!(line(step, "-> admitone.outcome"), format!("Str({outcome})"));
    }
    let asked = upstream.only_request().await.to_ascii_lowercase();
    assert!(asked.contains(&format!("traceparent: 00-{TRACE}-{}-01", line(opening, "ID"))), "{asked}");
    for secret in ["adm1_", "eyJ", "Str(ada", "203.0.113.9"] {
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
}
