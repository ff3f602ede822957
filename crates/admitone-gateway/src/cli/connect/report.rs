use std::io::{self, IsTerminal as _, Write as _, stderr, stdout};
use std::time::Duration;

use admitone_client::connection::{Cause, CredentialKind};
use admitone_client::{Code, Ended, Event, Message, Opened};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::style;
use super::terminal::harmless;

/// Says what happens: messages on standard output, the rest on standard error; with `json` all on standard output.
pub(super) struct Report {
    json: bool,
    terminal: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json, terminal: stdout().is_terminal() }
    }

    /// Fails when nobody reads any more.
    pub(super) fn event(&self, event: &Event) -> io::Result<()> {
        if self.json {
            return writeln!(stdout(), "{}", row(event));
        }
        match event {
            Event::Message(Message::Text(text)) if self.terminal => writeln!(stdout(), "{}", harmless(text)),
            Event::Message(Message::Text(text)) => writeln!(stdout(), "{text}"),
            Event::Message(message) => writeln!(stdout(), "[binary message, {} bytes]", message.len()),
            other => {
                let (colour, words) = said(other);
                writeln!(stderr(), "{}", style(stderr().is_terminal(), colour, &harmless(&words)))
            }
        }
    }
}

/// The exit status: by the band of the Close, or of what stands for it.
pub(super) fn status(ended: &Ended) -> u8 {
    let Cause { code, close, gave_up } = &ended.cause;
    let normal = close.as_ref().is_none_or(|close| matches!(close.code, 1000 | 1001 | 1005));
    match code {
        code if *code == Code::CLOSED_BY_APPLICATION => 0,
        code if *code == Code::CLOSED_BY_UPSTREAM && normal => 0,
        code if *code == Code::CLOSED_BY_UPSTREAM => 4,
        code if *code == Code::INVALID_URL || *code == Code::TOKEN_FAILED => 2,
        code if *gave_up || !stops(code) => 1,
        _ => 3,
    }
}

/// What no reconnect mends.
fn stops(code: &Code) -> bool {
    code.requires_login() || code.is_final()
}

fn said(event: &Event) -> (&'static str, String) {
    match event {
        Event::Opened(opened) => ("32", connected(opened)),
        Event::Waiting { retry, pause, ended } => ("33", format!("{ended}; retry {retry} in {} s", seconds(*pause))),
        Event::Renewed(renewed) => ("32", format!("renewed for {} s", renewed.expires_in.as_secs())),
        Event::NotRenewed(error) => ("33", format!("not renewed: {error}")),
        Event::Closed(ended) if ended.is_wanted() => ("2", ended.to_string()),
        Event::Closed(ended) => {
            ("1;31", format!("error: {}{}", ended.to_string().trim_end_matches('.'), mend(&ended.cause.code)))
        }
        _ => ("2", format!("{event:?}")),
    }
}

fn connected(Opened { credential, fallback, protocol, session_id, .. }: &Opened) -> String {
    let with = match (credential, fallback) {
        (CredentialKind::Ticket, _) => "connected with a ticket".to_owned(),
        (CredentialKind::Jwt, Some(code)) => format!("connected with the JWT, as a ticket failed ({code})"),
        (CredentialKind::Jwt, None) => "connected with the JWT".to_owned(),
    };
    let session = session_id.as_ref().map(|id| format!(", session {id}")).unwrap_or_default();
    let protocol = if protocol.is_empty() { String::new() } else { format!(", subprotocol {protocol}") };
    with + &session + &protocol
}

fn mend(code: &Code) -> &'static str {
    match code.as_str() {
        "not_logged_in" => "; log in again and put the new token into the file",
        "not_found" => "; is the URL's path one of the gateway's routes?",
        _ => "",
    }
}

fn seconds(pause: Duration) -> String {
    format!("{:.1}", pause.as_secs_f64())
}

fn row(event: &Event) -> Value {
    match event {
        Event::Opened(Opened { credential, fallback, protocol, session_id, .. }) => json!({
            "event": "opened", "method": credential.name(), "fallback_reason": fallback.as_ref().map(Code::as_str),
            "protocol": protocol, "session_id": session_id,
        }),
        Event::Message(Message::Text(text)) => json!({ "event": "message", "text": text.as_str() }),
        Event::Message(message) => {
            json!({ "event": "message", "base64": STANDARD.encode(message.clone().into_data()) })
        }
        Event::Waiting { retry, pause, ended } => {
            let mut row = ended_row("waiting", ended);
            row["retry"] = json!(retry);
            row["pause_ms"] = json!(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            row
        }
        Event::Renewed(renewed) => json!({ "event": "renewed", "expires_at": renewed.expires_at }),
        Event::NotRenewed(error) => {
            json!({ "event": "not_renewed", "code": error.code().as_str(), "detail": error.to_string() })
        }
        Event::Closed(ended) => ended_row("closed", ended),
        _ => json!({ "event": "unknown" }),
    }
}

fn ended_row(event: &str, ended: &Ended) -> Value {
    let close = ended.cause.close.as_ref().map(|close| json!({ "code": close.code, "reason": close.reason }));
    json!({ "event": event, "code": ended.cause.code.as_str(), "close": close, "detail": ended.to_string() })
}
