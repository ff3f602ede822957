//! The agent: one run answers one message, in five events.

mod tool;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use super::people::Room;
use crate::demo::id;
use tool::Tool;

const AGENT_NAME: &str = "demo-agent";

/// How long the agent takes over each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A quarter to half a second between events, so that a person can follow.
    Watchable,
    /// No time at all.
    Immediate,
}

impl Pace {
    async fn take(self, milliseconds: u64) {
        if self == Self::Watchable {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
    }
}

/// One message of a person, about to be answered.
pub(super) struct Run {
    user_id: String,
    thread_id: String,
    run_id: String,
    prompt: String,
}

/// An event as it goes over the socket: flat, its time in Unix seconds with a fraction.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(flatten)]
    step: Step<'a>,
    timestamp: f64,
    user_id: &'a str,
    thread_id: &'a str,
    run_id: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Step<'a> {
    AgentStarted { agent_name: &'static str, task_description: &'a str },
    AgentThinking { reasoning: &'a str },
    ToolExecuting { tool_name: &'static str, tool_args: Value, execution_id: &'a str },
    ToolCompleted { tool_name: &'static str, results: Value, execution_time: f64, success: bool, execution_id: &'a str },
    AgentCompleted { status: &'static str, final_response: &'a str },
}

impl Run {
    /// A run in the thread that the person named, or in a new one.
    pub(super) fn new(user_id: &str, thread_id: Option<String>, prompt: String) -> Self {
        let thread_id = thread_id.unwrap_or_else(id::random);
        Self { user_id: user_id.to_owned(), thread_id, run_id: id::random(), prompt }
    }

    /// Answers the message: the five events, in order, to all of the person's connections.
    pub(super) async fn perform(self, room: Arc<Room>, pace: Pace) {
        let publish = |step| self.publish(&room, step);
        publish(Step::AgentStarted { agent_name: AGENT_NAME, task_description: &self.prompt });
        pace.take(250).await;
        let tool = Tool::choose(&self.prompt);
        publish(Step::AgentThinking { reasoning: tool.reason() });
        pace.take(400).await;
        let execution_id = id::random();
        let (tool_name, started) = (tool.name(), Instant::now());
        publish(Step::ToolExecuting { tool_name, tool_args: tool.args(), execution_id: &execution_id });
        pace.take(350).await;
        let outcome = tool.run();
        publish(Step::ToolCompleted {
            tool_name,
            results: outcome.results,
            execution_time: started.elapsed().as_secs_f64(),
            success: outcome.success,
            execution_id: &execution_id,
        });
        pace.take(300).await;
        publish(Step::AgentCompleted { status: "completed", final_response: &outcome.answer });
    }

    fn publish(&self, room: &Room, step: Step<'_>) {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let Self { user_id, thread_id, run_id, .. } = self;
        let event = Event { step, timestamp, user_id, thread_id, run_id };
        let event = serde_json::to_string(&event).expect("an event is texts, numbers and JSON values");
        room.publish(&event.into());
    }
}
