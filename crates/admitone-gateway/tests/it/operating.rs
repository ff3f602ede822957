//! The operators' commands: the real binary against a real gateway.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use serde_json::{Value, json};

use crate::admin::Operated;
use crate::client::soon;
use crate::process::{admitone, write_configuration};
use crate::tokens::{FOLDER, ISSUER, token};
use crate::world::Lines;

/// Runs `admitone` to its end, while the gateway of the test goes on.
async fn run(arguments: Vec<String>) -> Output {
    let running = tokio::task::spawn_blocking(move || admitone().args(arguments).output().expect("the binary"));
    soon("its end", running).await.expect("no panic")
}

pub(crate) fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

impl Operated {
    pub(crate) async fn command(&self, arguments: &[&str]) -> Output {
        let secret = FOLDER.join("admin.secret");
        let gateway = ["--admin".to_owned(), format!("http://{}", self.admin), "--secret-file".to_owned()];
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        run(arguments.chain(gateway).chain([secret.to_string_lossy().into_owned()]).collect()).await
    }
}

#[tokio::test]
async fn sessions_are_listed_for_people_and_for_programs() {
    let operated = Operated::new().await;
    let _ada = operated.world.open(&operated.world.ticket_for(&token("ada")).await).await;
    let minted = operated.world.minted(&token("grace"), "{}").await;
    let _grace = operated.world.open(minted["ticket"].as_str().expect("a ticket")).await;
    let output = operated.command(&["sessions", "--json", "--subject", "grace"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&listed["total"], listed["sessions"].as_array().map(Vec::len)), (&json!(1), Some(1)), "{listed}");
    let session = &listed["sessions"][0];
    for (field, value) in [
        ("session_id", minted["session_id"].clone()),
        ("subject", json!("grace")),
        ("issuer", json!(ISSUER)),
        ("route", json!("/chat")),
        ("method", json!("ticket")),
    ] {
        assert_eq!(session[field], value, "{field}");
    }
    assert!(session["ends_in_seconds"].as_u64().is_some_and(|seconds| (900..=930).contains(&seconds)), "{session}");
    let output = operated.command(&["sessions", "--limit", "1"]).await;
    let table = told(&output);
    assert!(table.starts_with("SUBJECT") && table.contains("1 of 2 sessions"), "{table}");
    assert!(!table.contains('\x1b'), "colours are for terminals");
    let output = operated.command(&["sessions", "--route", "/nowhere"]).await;
    assert!(told(&output).contains("0 of 0 sessions"), "{}", told(&output));
}

#[tokio::test]
async fn s5_a_command_revokes_a_person() {
    let operated = Operated::new().await;
    let mut ada = operated.world.open(&operated.world.ticket_for(&token("ada")).await).await;
    let output = operated.command(&["revoke", "--subject", "ada", "--issuer", ISSUER, "--before", "7"]).await;
    assert_eq!(told(&output), "revoked: subject, logins up to 7 (Unix seconds)\n");
    ada.echo("a later login").await;
    let output = operated.command(&["revoke", "--subject", "ada", "--issuer", ISSUER]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).starts_with("revoked: subject, logins up to "), "{}", told(&output));
    assert_eq!(soon("a Close", ada.close()).await, (4900, "admitone:revoked".to_owned()));
    let output = operated.command(&["revoke", "--subject", "ada"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("issuer: needed, since there are several"), "{}", told(&output));
}

#[tokio::test]
async fn everybody_is_signed_out_only_after_a_yes() {
    let operated = Operated::new().await;
    let output = operated.command(&["revoke", "--everything"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("nothing was revoked"), "{}", told(&output));
    let output = operated.command(&["revoke", "--everything", "--yes"]).await;
    assert_eq!((output.status.code(), &*told(&output)).0, Some(0), "{}", told(&output));
    let output = operated.command(&["revoke"]).await;
    assert_eq!(output.status.code(), Some(2), "nothing named");
    let output = operated.command(&["revoke", "--subject", "a", "--sid", "b"]).await;
    assert_eq!(output.status.code(), Some(2), "two named");
}

#[tokio::test]
async fn a_command_tells_how_a_gateway_is_and_ends_it() {
    let operated = Operated::new().await;
    let mut socket = operated.world.open(&operated.world.ticket().await).await;
    let output = operated.command(&["status"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    for line in ["status    ready", "store     memory answers", "sessions  1", "  /chat   1"] {
        assert!(told(&output).contains(line), "{line}: {}", told(&output));
    }
    let output = operated.command(&["drain"]).await;
    assert_eq!(told(&output), "draining: 1 sessions are being closed\n");
    assert_eq!(soon("a Close", socket.close()).await, (1012, "admitone:draining".to_owned()));
    drop(socket);
    soon("the end", operated.world.ended()).await;
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_mend_and_never_the_secret() {
    let operated = Operated::new().await;
    fs::write(FOLDER.join("wrong.secret"), "a-secret-that-is-not-the-operators-own").expect("a file");
    let url = format!("http://{}", operated.admin);
    let with = |url: &str, secret: &str| {
        let secret = FOLDER.join(secret).to_string_lossy().into_owned();
        ["status", "--admin", url, "--secret-file", &secret].map(str::to_owned).to_vec()
    };
    for (arguments, status, message) in [
        (with(&url, "wrong.secret"), 1, "Log in first. (401, not_logged_in)"),
        (with(&url, "no.secret"), 2, "cannot read"),
        (with("ftp://x", "wrong.secret"), 2, "--admin: its scheme is not https"),
        (with("http://127.0.0.1:9", "wrong.secret"), 3, "is [admin] in its configuration"),
        (with(&format!("http://{}", operated.world.address), "wrong.secret"), 1, "(404, not_found)"),
    ] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(status), "{}", told(&output));
        assert!(told(&output).contains(message), "{message}: {}", told(&output));
        assert!(!told(&output).contains("a-secret-that"), "{}", told(&output));
    }
}

#[tokio::test]
async fn an_operator_closes_a_route_and_everybody_may_come_back() {
    let operated = Operated::new().await;
    let login = token("ada");
    let mut ada = operated.world.open(&operated.world.ticket_for(&login).await).await;
    let answer = operated.post("/admin/api/close", &json!({ "route": "/nowhere" })).await;
    assert_eq!((answer.status, &answer.json()["errors"][0]["detail"]), (422, &json!("no such route; there are /chat")));
    let answer = operated.post("/admin/api/close", &json!({ "route": "/chat" })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "closing": true, "sessions_here": 1 })));
    assert_eq!(soon("a Close", ada.close()).await, (1012, "admitone:draining".to_owned()));
    operated.world.open(&operated.world.ticket_for(&login).await).await.echo("back").await;
}

#[tokio::test]
async fn a_listing_that_asks_for_what_there_is_not_is_refused() {
    let operated = Operated::new().await;
    for query in ["limit=0", "limit=1001", "limit=x", "user=ada", "subject=%ff"] {
        let answer = operated.get(&format!("/admin/api/sessions?{query}")).await;
        assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{query}");
    }
}

#[tokio::test]
async fn a_key_is_made_for_its_owner_only_and_overwrites_nothing() {
    let path = FOLDER.join("made.key");
    let generate = || vec!["keys".to_owned(), "generate".to_owned(), path.to_string_lossy().into_owned()];
    let output = run(generate()).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let made = fs::read_to_string(&path).expect("a key");
    assert!(made.len() == 65 && made.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()), "64 digits");
    assert!(!told(&output).contains(made.trim_end()), "not told");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    let output = run(generate()).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("cannot write") && fs::read_to_string(&path).expect("a key") == made);
}

#[tokio::test]
async fn a_rotation_changes_the_configuration_only_when_told_to_and_the_result_loads() {
    let before = Lines::default().configuration("ws://127.0.0.1:9/");
    let path = write_configuration(&before);
    let rotate = |more: &[&str]| {
        let path = path.to_string_lossy().into_owned();
        let arguments = ["keys", "rotate", "--config", &path];
        arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect::<Vec<_>>()
    };
    let output = run(rotate(&[])).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("[[tickets.keys]]\nid = 8\nsecret_file = \"ticket-8.key\""), "{}", told(&output));
    assert!(told(&output).contains("and restart: it signs"), "a reload would change no keys: {}", told(&output));
    assert_eq!(fs::read_to_string(&path).expect("a configuration"), before);
    fs::remove_file(FOLDER.join("ticket-8.key")).expect("a key was made");
    let output = run(rotate(&["--apply"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("once the gateway is restarted"), "{}", told(&output));
    let after = fs::read_to_string(&path).expect("a configuration");
    assert!(after.find("id = 8").expect("the new key") < after.find("id = 7").expect("the old key"), "{after}");
    assert_eq!(after.replace("[[tickets.keys]]\nid = 8\nsecret_file = \"ticket-8.key\"\n\n", ""), before);
    admitone_gateway::config::Config::load(&path, []).unwrap_or_else(|faults| panic!("{faults}"));
}

#[tokio::test]
async fn shells_complete_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(vec!["completions".to_owned(), shell.to_owned()]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(told(&output).contains("sessions") && told(&output).contains("secret-file"), "{shell}");
    }
}
