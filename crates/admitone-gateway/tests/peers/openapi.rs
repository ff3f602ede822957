//! Schemathesis asks the gateway everything that its description says, and compares the answers with it.

use std::path::PathBuf;
use std::process::Command;

use crate::tokens::FOLDER;
use crate::upstream::Upstream;
use crate::world::{Lines, World};

/// Everything that a gateway can have, and nothing that could refuse a request for being one too many.
const LINES: Lines<'static> = Lines {
    top: "aliases = { enabled = true }",
    server: "trusted_proxies = [\"127.0.0.1\"]",
    store: "max_tickets_per_subject = 1000000",
    tickets: "service_permission = \"tickets:ask\"",
    route: "ticket_carriers = [\"query\", \"subprotocol\"]\nmax_uses = 5\nupstream_assertion = true\njwt_fallback = \"allow\"\nforward_auth = true",
    end: "[limits]\nsessions_per_subject = 0\nmints_per_minute_per_subject = 0\nmints_per_minute_per_address = 0\n\
          failed_logins_per_minute_per_address = 0\nfailed_redeems_per_minute_per_address = 0",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_description_says_is_what_is_answered() {
    let upstream = Upstream::echo().await;
    let world = World::with(LINES, &upstream.url()).await;
    let url = format!("http://{}/openapi.json", world.address);
    let ended = tokio::task::spawn_blocking(move || schemathesis(&url).status().expect("Python")).await;
    assert!(ended.expect("an end").success(), "what it found is above");
}

fn schemathesis(url: &str) -> Command {
    let named = |name| std::env::var_os(name).expect("it says where it is: run `cargo xtask test --only openapi`");
    let (python, packages) = (named("ADMITONE_PYTHON"), named("ADMITONE_SCHEMATHESIS"));
    // It looks for its hooks, and writes reports and compiled code, where it runs.
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/schemathesis");
    for name in ["logins.py", "schemathesis.toml"] {
        std::fs::copy(own.join(name), FOLDER.join(name)).expect("a copy");
    }
    let mut command = Command::new(python);
    command.args(["-m", "schemathesis.cli", "run", url]);
    command.args(["--max-examples", "30", "--seed", "1", "--continue-on-failure"]);
    command.env("PYTHONPATH", packages).env("ADMITONE_LEGACY_SECRET", FOLDER.join("legacy.secret"));
    command.current_dir(&*FOLDER).env("NO_COLOR", "1");
    command
}
