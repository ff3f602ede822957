//! `admitone login-check`, the real binary.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::client::{Connection, Request};
use crate::idp::{Idp, SIGNS, Signer};
use crate::process::Process;
use crate::tokens::{FOLDER, claims_with, sign, unix_now};
use crate::world::{Lines, ROUTE};

/// Checks a token in a gateway with these issuers besides; a name keeps the files of tests apart.
async fn check(name: &str, issuers: &str, route: &str, token: &str) -> Output {
    let text = Lines { end: issuers, route, ..Lines::default() }.configuration("ws://127.0.0.1:9");
    let [config, token_file] = ["toml", "token"].map(|kind| FOLDER.join(format!("login-check-{name}.{kind}")));
    fs::write(&config, text).expect("a file");
    fs::write(&token_file, format!("{token}\n")).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_admitone"));
    command.args(["login-check", "--json", "--config"]).arg(config).arg("--token-file").arg(token_file);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let all = [output.stdout.clone(), output.stderr.clone()].concat();
    let (_, signature) = token.rsplit_once('.').unwrap_or((token, token));
    assert!(!String::from_utf8_lossy(&all).contains(signature), "the token is not printed");
    output
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn outcomes(report: &Value) -> Vec<(&str, &str)> {
    let steps = report["steps"].as_array().expect("steps");
    let words = steps.iter().map(|step| (step["step"].as_str(), step["outcome"].as_str()));
    words.map(|(step, outcome)| (step.expect("a word"), outcome.expect("a word"))).collect()
}

#[tokio::test]
async fn a_login_is_explained_to_its_routes() {
    let token = sign(&claims_with("ada", json!({ "scope": "chat:read" })));
    let output = check("good", "", "required_permissions = [\"chat:read\"]\njwt_fallback = \"warn\"", &token).await;
    let report = report(&output);
    assert_eq!((output.status.code(), &report["accepted"]), (Some(0), &json!(true)), "{report}");
    assert!(outcomes(&report).iter().all(|(_, outcome)| *outcome == "passed"), "{report}");
    assert!(report["steps"][8]["detail"].as_str().expect("text").contains("subject \"ada\""), "{report}");
    assert_eq!(report["routes"], json!([{ "route": ROUTE, "jwt_fallback": "warn" }]));

    let output = check("lacking", "", "required_permissions = [\"admin\"]", &token).await;
    let refused = self::report(&output)["routes"][0]["refused"].as_str().expect("a reason").to_owned();
    assert!(refused.contains("admin"), "{refused}");
}

#[tokio::test]
async fn a_refused_token_is_explained_at_the_step_that_refused_it() {
    let good = sign(&claims_with("ada", json!({})));
    let (signed, _) = good.rsplit_once('.').expect("parts");
    let forged = format!("{signed}.{}", "A".repeat(86));
    for (name, token, step, detail) in [
        ("nonsense", "no.such.dG9rZW4tdGhpbmc".to_owned(), "form", "not one JSON object"),
        (
            "stranger",
            sign(&claims_with("ada", json!({ "iss": "https://evil.example" }))),
            "issuer",
            "https://evil.example",
        ),
        ("forged", forged, "signature", "not by the issuer's"),
        ("other", sign(&claims_with("ada", json!({ "aud": ["web", "mobile"] }))), "audience", "[\"web\", \"mobile\"]"),
        ("late", sign(&claims_with("ada", json!({ "exp": unix_now() - 100 }))), "times", "30 s of leeway"),
        ("bound", sign(&claims_with("ada", json!({ "cnf": {} }))), "kind", "sender-constrained"),
        ("nobody", sign(&claims_with("ada", json!({ "sub": null }))), "claims", "no `sub`"),
    ] {
        let output = check(name, "", "", &token).await;
        let report = report(&output);
        assert_eq!((output.status.code(), &report["accepted"]), (Some(1), &json!(false)), "{report}");
        let outcomes = outcomes(&report);
        let failed = outcomes.iter().position(|(_, outcome)| *outcome == "failed").expect("a step");
        assert_eq!(outcomes[failed].0, step, "{report}");
        assert!(outcomes[..failed].iter().all(|(_, outcome)| *outcome == "passed"), "{report}");
        assert!(outcomes[failed + 1..].iter().all(|(_, outcome)| *outcome == "not_reached"), "{report}");
        let told = report["steps"][failed]["detail"].as_str().expect("text");
        assert!(told.contains(detail), "{name}: {told}");
    }
}

#[tokio::test]
async fn published_keys_are_fetched_and_missed_ones_are_told() {
    let (idp, signer) = (Idp::start().await, Signer::new("one"));
    let claims = claims_with("ada", json!({ "iss": idp.url("") }));
    let output = check("unpublished", &idp.issuer(SIGNS), "", &signer.sign(&claims)).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    idp.publishes(&[&signer]);
    let output = check("published", &idp.issuer(SIGNS), "", &signer.sign(&claims)).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = check("unknown", &idp.issuer(SIGNS), "", &signer.sign_as("two", &claims)).await;
    let report = report(&output);
    let key = outcomes(&report).into_iter().find(|(step, _)| *step == "key");
    assert_eq!((output.status.code(), key), (Some(1), Some(("key", "failed"))), "{report}");
}

#[tokio::test]
async fn the_log_explains_a_refusal_by_the_same_step_and_without_the_token() {
    let lines = Lines { server: "drain_seconds = 0\n[log]\nformat = \"text\"", ..Lines::default() };
    let process = Process::serve(&lines.configuration("ws://127.0.0.1:9/")).await;
    let refused = [
        ("audience", "[\\\"web\\\"]", json!({ "aud": ["web"] })),
        ("times", "30 s of leeway", json!({ "exp": unix_now() - 100 })),
        ("issuer", "https://evil.example", json!({ "iss": "https://evil.example" })),
    ];
    let mut tokens = Vec::new();
    for (_, _, changes) in &refused {
        tokens.push(sign(&claims_with("ada", changes.clone())));
        let mut connection = Connection::open(process.address).await;
        connection.send(Request::post("/auth/ticket").bearer(&tokens[tokens.len() - 1]).text()).await;
        assert_eq!(connection.answer().await.status, 401);
    }
    process.terminate();
    let log = process.finished().await.stderr;
    let told: Vec<&str> = log.lines().filter(|line| line.contains("token refused")).collect();
    assert_eq!(told.len(), refused.len(), "{log}");
    for (line, (step, detail, _)) in told.iter().zip(&refused) {
        assert!(line.contains(&format!("step=\"{step}\"")) && line.contains(detail), "{step} {detail}: {line}");
    }
    for part in tokens.iter().flat_map(|token| token.split('.')) {
        assert!(!log.contains(part), "{log}");
    }
}
