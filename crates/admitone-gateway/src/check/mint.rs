use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::asking::Asking;
use super::diagnosis::{self, told};
use super::{Done, Trouble};
use crate::fetch::Answer;

/// A ticket, and what was told with it.
pub(super) struct Minted {
    pub(super) ticket: Zeroizing<String>,
    pub(super) session_id: String,
    /// How long its login lasts, seconds.
    pub(super) login_seconds: u64,
}

/// Trades the login for a ticket, as the page does.
pub(super) async fn mint(asking: &Asking<'_>) -> Result<Done<Minted>, Trouble> {
    mint_from(asking, asking.target.origin.as_deref()).await
}

pub(super) async fn mint_from(asking: &Asking<'_>, origin: Option<&str>) -> Result<Done<Minted>, Trouble> {
    let answer = asking.post("/auth/ticket", &json!({ "route": asking.target.route }), origin).await?;
    if answer.status != 201 {
        return Err(not_minted(asking, &answer));
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let ticket = Zeroizing::new(told(&body["ticket"]).to_owned());
    let session_id = told(&body["session_id"]).to_owned();
    if !ticket.starts_with("adm1_") || session_id.is_empty() {
        return Err(diagnosis::elsewhere("/auth/ticket", &answer));
    }
    let login_seconds = body["login_expires_at"].as_u64().unwrap_or_default().saturating_sub(unix());
    let detail = format!("a ticket for {} s; the login lasts {login_seconds} s", body["ttl_seconds"]);
    Ok(Done { detail, notes: notes(asking, &answer, &body), value: Minted { ticket, session_id, login_seconds } })
}

/// What does not stop a page, and is wrong all the same.
fn notes(asking: &Asking<'_>, answer: &Answer, body: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let is_stored = answer.headers.get(CACHE_CONTROL).is_none_or(|value| value != "no-store");
    if is_stored {
        notes.push(
            "the answer came without Cache-Control: no-store: a proxy has changed it, and may keep tickets".into(),
        );
    }
    let said = told(&body["websocket_url"]);
    let wanted = format!(
        "{}{}",
        asking.target.socket.as_str().trim_end_matches('/').replacen("http", "ws", 1),
        asking.target.route
    );
    if said != wanted {
        notes.push(format!("pages are told to open {said}, and not {wanted}: server.public_url says so"));
    }
    notes
}

fn not_minted(asking: &Asking<'_>, answer: &Answer) -> Trouble {
    let (found, code) = diagnosis::problem(answer);
    let presented = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    match &*code {
        "" => diagnosis::elsewhere("/auth/ticket", answer),
        "not_logged_in" if presented.is_some_and(|value| value.contains("error=")) => Trouble::new(
            found,
            not_a_login(asking.token),
            "admitone login-check --config FILE --token-file FILE says by which step",
        ),
        "not_logged_in" => Trouble::new(
            found,
            "no login arrived at the gateway: something before it drops Authorization",
            "have the proxy pass Authorization on (Apache: CGIPassAuth; AWS: an origin request policy that forwards it)",
        ),
        "origin_not_allowed" => diagnosis::origin(asking, found),
        "tickets_disabled" => Trouble::new(
            found,
            "tickets are turned off for this person by the rollout",
            "raise its percent, or check with somebody who has them: admitone rollout",
        ),
        _ => diagnosis::by_code(found, &code),
    }
}

/// Why a token that arrived was no login, as far as the token itself tells. It is not verified here.
fn not_a_login(token: &str) -> String {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
    match claims["exp"].as_u64().map(|exp| unix().saturating_sub(exp)) {
        Some(0) => "the token is not accepted: another issuer, audience or key, or it was revoked".into(),
        Some(since) => format!("the token is over since {since} s"),
        None => "the token is not accepted".into(),
    }
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
