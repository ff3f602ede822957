//! `admitone rollout`: who gets tickets.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::operate::report;
use super::operator::{Operator, OperatorError};
use super::stdout_style;
use super::table::{printable, table};

#[derive(Debug, Subcommand)]
pub(crate) enum Rollout {
    /// Says who gets tickets, and what the guard sees
    Show(At),
    /// Lets so many of a hundred people have tickets; the others connect with their JWT
    Set {
        /// 0 to 100
        #[arg(value_name = "PERCENT")]
        percent: u64,
        #[command(flatten)]
        at: At,
    },
    /// Lets these people have tickets, whatever the percentage
    Allow(People),
    /// Lets these people have none, whatever the percentage
    Deny(People),
    /// Lets the percentage decide about these people again
    Unlist(People),
}

/// Which route of which gateway.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// The route's path; may be left out where there is one only
    #[arg(long, value_name = "PATH")]
    route: Option<String>,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Args)]
pub(crate) struct People {
    /// Who
    #[arg(value_name = "SUB", required = true)]
    subjects: Vec<String>,
    /// Whose; may be left out where the gateway knows one issuer only
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,
    #[command(flatten)]
    at: At,
}

pub(super) async fn run(rollout: &Rollout) -> ExitCode {
    let (at, body) = match rollout {
        Rollout::Show(at) => return show(at).await,
        Rollout::Set { percent, at } => (at, json!({ "percent": percent })),
        Rollout::Allow(people) => (&people.at, people.body("allow")),
        Rollout::Deny(people) => (&people.at, people.body("deny")),
        Rollout::Unlist(people) => (&people.at, people.body("unlist")),
    };
    let body = with(body, "route", at.route.as_deref());
    let answer = async { at.operator.gateway()?.post("/admin/api/rollout", &body).await };
    report(&at.operator, answer.await, |route| {
        let mut lines = lines(std::slice::from_ref(route));
        if route["kept"] == false {
            lines.push("The store does not answer: the other gateways follow when it does.".to_owned());
        }
        lines
    })
}

async fn show(at: &At) -> ExitCode {
    let answer = async {
        let answer = at.operator.gateway()?.get("/admin/api/rollout").await?;
        match &at.route {
            Some(path) => only(answer, path),
            None => Ok(answer),
        }
    };
    report(&at.operator, answer.await, |answer| lines(answer["routes"].as_array().map_or(&[], Vec::as_slice)))
}

/// The answer with this route alone.
fn only(mut answer: Value, path: &str) -> Result<Value, OperatorError> {
    let mut routes: Vec<Value> = answer["routes"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let there: Vec<String> = routes.iter().filter_map(|route| route["route"].as_str()).map(printable).collect();
    routes.retain(|route| route["route"] == path);
    if routes.is_empty() {
        return Err(OperatorError::Refused(format!("--route: no such route; there are {}", there.join(", "))));
    }
    answer["routes"] = Value::Array(routes);
    Ok(answer)
}

impl People {
    fn body(&self, what: &str) -> Value {
        let body = Map::from_iter([(what.to_owned(), json!(self.subjects))]);
        with(Value::Object(body), "issuer", self.issuer.as_deref())
    }
}

fn with(mut body: Value, field: &str, value: Option<&str>) -> Value {
    if let Some(value) = value {
        body[field] = json!(value);
    }
    body
}

fn lines(routes: &[Value]) -> Vec<String> {
    let rows: Vec<[String; 6]> = routes.iter().map(row).collect();
    let mut lines = table(["ROUTE", "PERCENT", "ALLOWED", "DENIED", "CHANGED BY", "GUARD"], &rows);
    lines[0] = stdout_style("1", &lines[0]);
    lines
}

fn row(route: &Value) -> [String; 6] {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), printable);
    let count = |list: &Value| list.as_array().map_or(0, Vec::len).to_string();
    let by = route["changed"]["by"].as_str().map_or_else(|| "nobody".to_owned(), printable);
    let guard = &route["guard"];
    let told = match &guard["tripped"] {
        Value::Null => format!("{}: {} of {} failed", text(&guard["action"]), guard["failed"], all(guard)),
        trip => format!("TRIPPED: {} of {} had failed, from {} %", trip["failed"], all(trip), trip["percent_before"]),
    };
    [text(&route["route"]), format!("{} %", route["percent"]), count(&route["allow"]), count(&route["deny"]), by, told]
}

fn all(seen: &Value) -> u64 {
    let count = |field: &str| seen[field].as_u64().unwrap_or_default();
    count("worked") + count("failed")
}
