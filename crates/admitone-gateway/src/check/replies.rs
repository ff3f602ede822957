//! What has to come back for what was said.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::socket::{Ended, Socket};
use super::{Talk, Trouble, unique};

/// How long a run of an agent, or an echo, may take.
const LIMIT: Duration = Duration::from_secs(30);

/// An agent's run, in its order.
const EVENTS: [&str; 5] = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"];

/// Says something on the socket and waits for what has to come back; tells what came.
pub(super) async fn converse(socket: &mut Socket, talk: &Talk) -> Result<String, Trouble> {
    let mut heard = Heard::default();
    let conversing = async {
        match talk {
            Talk::Ping => ping(socket, &mut heard).await,
            Talk::Text { say, expect } => text(socket, &mut heard, say, expect.as_deref()).await,
            Talk::EventsOrEcho => events_or_echo(socket, &mut heard).await,
        }
    };
    match timeout(LIMIT, conversing).await {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(ended)) => Err(Trouble::new(
            format!("admitted, then {ended}"),
            match ended.name() {
                Some(name) => format!("the gateway ended it: {name}"),
                None => "the upstream, or something in between, ended it".into(),
            },
            "look at the gateway's audit line session_ended of this session, and at the upstream's log",
        )),
        Err(_) => Err(Trouble::new(
            format!("admitted; {heard} within {} s", LIMIT.as_secs()),
            "the upstream does not answer what was said",
            "say what it understands (--say, --expect), or only --ping it",
        )),
    }
}

/// What came so far.
#[derive(Default)]
struct Heard {
    messages: usize,
    events: usize,
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.events, self.messages) {
            (0, 0) => f.write_str("nothing came"),
            (0, messages) => write!(f, "{messages} messages came, and none that was expected"),
            (events, _) => write!(f, "{events} of the five events came"),
        }
    }
}

async fn ping(socket: &mut Socket, heard: &mut Heard) -> Result<String, Ended> {
    let payload = nonce();
    socket.say(Message::Ping(payload.clone().into())).await?;
    loop {
        match socket.hear().await? {
            Message::Pong(pong) if pong == payload.as_bytes() => return Ok("the upstream's Pong".into()),
            _ => heard.messages += 1,
        }
    }
}

async fn text(socket: &mut Socket, heard: &mut Heard, say: &str, expect: Option<&str>) -> Result<String, Ended> {
    socket.say(Message::text(say)).await?;
    loop {
        let Message::Text(answer) = socket.hear().await? else { continue };
        heard.messages += 1;
        match expect {
            Some(expected) if answer.contains(expected) => return Ok("the expected answer".into()),
            None if answer == say => return Ok("the echo".into()),
            _ => {}
        }
    }
}

async fn events_or_echo(socket: &mut Socket, heard: &mut Heard) -> Result<String, Ended> {
    let said = json!({ "type": "user_message", "content": format!("admitone check {}", nonce()) }).to_string();
    let began = Instant::now();
    socket.say(Message::text(said.clone())).await?;
    let (mut run, mut first) = (Value::Null, Duration::ZERO);
    loop {
        let Message::Text(answer) = socket.hear().await? else { continue };
        heard.messages += 1;
        if answer.as_str() == said {
            return Ok("the echo".into());
        }
        let event: Value = serde_json::from_str(&answer).unwrap_or_default();
        if event["type"] != EVENTS[heard.events] || (heard.events > 0 && event["run_id"] != run) {
            continue;
        }
        if heard.events == 0 {
            (run, first) = (event["run_id"].clone(), began.elapsed());
        }
        heard.events += 1;
        if heard.events == EVENTS.len() {
            return Ok(format!("the five events in order, the first after {} ms", first.as_millis()));
        }
    }
}

fn nonce() -> String {
    format!("{:016x}", unique())
}
