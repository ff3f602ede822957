use serde_json::Value;

use super::asking::Asking;
use super::diagnosis::{self, told};
use super::{Done, Trouble};
use crate::fetch::Answer;

/// The process answers, and its store and issuers do, as it has just asked them.
pub(super) async fn healthy(asking: &Asking<'_>) -> Result<Done<()>, Trouble> {
    let live = asking.health("/healthz").await?;
    if live.status != 200 || json(&live)["status"] != "ok" {
        return Err(diagnosis::elsewhere("/healthz", &live));
    }
    let ready = asking.health("/readyz").await?;
    let body = json(&ready);
    let (status, store, issuers) = (told(&body["status"]), told(&body["store"]["status"]), told(&body["issuers"]));
    if status.is_empty() || store.is_empty() {
        return Err(diagnosis::elsewhere("/readyz", &ready));
    }
    let kind = told(&body["store"]["kind"]);
    asking.store_is(kind);
    let found = format!("{status}; store {kind} {store}; issuers {issuers}");
    let trouble = |cause: &str, next: &str| Err(Trouble::new(found.clone(), cause, next));
    match (status, store, issuers) {
        ("ready", "ok", "ok") => Ok(Done { detail: found, notes: Vec::new(), value: () }),
        ("draining", ..) => trouble("it is shutting down", "wait for its successor, or look who ended it"),
        ("starting", ..) => {
            trouble("it has just started, and has yet to be ready", "wait a moment; its log says for what")
        }
        (_, "ok", _) => trouble(
            "the keys of an issuer have not come",
            "look for that issuer in the gateway's log (issuer_key_failures in its metrics): can the gateway reach its jwks_url?",
        ),
        _ => trouble(
            "the store does not answer the gateway",
            "start it, or let the gateway reach [store.redis] url; it reconnects by itself within two seconds",
        ),
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}
