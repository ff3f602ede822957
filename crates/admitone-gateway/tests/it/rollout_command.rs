//! `admitone rollout`: the real binary against a real gateway.

use serde_json::{Value, json};

use crate::admin::Operated;
use crate::operating::told;
use crate::rollout::FALLBACK;
use crate::tokens::{ISSUER, token};
use crate::world::Lines;

async fn operated() -> Operated {
    Operated::configured(Lines { route: FALLBACK, ..Lines::default() }).await
}

#[tokio::test]
async fn f25_a_command_rolls_out_and_back() {
    let operated = operated().await;
    let mint = async || operated.world.ask_for_ticket(&token("ada"), "{}").await.status;
    let output = operated.command(&["rollout", "show"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let table = told(&output);
    assert!(table.starts_with("ROUTE  PERCENT  ALLOWED  DENIED  CHANGED BY  GUARD\n/chat  100 %    0"), "{table}");
    assert!(table.contains("nobody") && table.contains("alarm: 0 of 0 failed"), "{table}");

    let output = operated.command(&["rollout", "set", "0", "--route", "/chat"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("/chat  0 %") && told(&output).contains("admin"), "{}", told(&output));
    assert_eq!(mint().await, 404);
    let output = operated.command(&["rollout", "allow", "ada", "grace", "--issuer", ISSUER, "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&answer["percent"], answer["allow"].as_array().map(Vec::len)), (&json!(0), Some(2)), "{answer}");
    assert_eq!(mint().await, 201);
    assert_eq!(operated.command(&["rollout", "deny", "ada", "--issuer", ISSUER]).await.status.code(), Some(0));
    assert_eq!(operated.command(&["rollout", "set", "100"]).await.status.code(), Some(0));
    assert_eq!(mint().await, 404);
    assert_eq!(operated.command(&["rollout", "unlist", "ada", "--issuer", ISSUER]).await.status.code(), Some(0));
    assert_eq!(mint().await, 201);
    let output = operated.command(&["rollout", "show", "--json", "--route", "/chat"]).await;
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["routes"][0]["revision"], 5, "{answer}");
}

#[tokio::test]
async fn what_a_gateway_refuses_is_told_with_its_mend() {
    let operated = Operated::new().await;
    for (arguments, status, message) in [
        (
            &["rollout", "set", "25"][..],
            1,
            "percent: who gets no ticket could not connect at all: /chat has jwt_fallback",
        ),
        (&["rollout", "set", "101"], 1, "percent: a whole number from 0 to 100 is needed"),
        (&["rollout", "set", "25", "--route", "/nowhere"], 1, "route: no such route; there are /chat"),
        (&["rollout", "show", "--route", "/nowhere"], 1, "--route: no such route; there are /chat"),
        (&["rollout", "deny", "ada"], 1, "issuer: needed, since there are several"),
        (&["rollout", "set", "a quarter"], 2, "invalid value 'a quarter'"),
        (&["rollout", "allow"], 2, "<SUB>"),
        (&["rollout"], 2, "Usage: admitone rollout"),
    ] {
        let output = operated.command(arguments).await;
        assert_eq!(output.status.code(), Some(status), "{}", told(&output));
        assert!(told(&output).contains(message), "{message}: {}", told(&output));
    }
}
