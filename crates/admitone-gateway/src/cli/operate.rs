//! What operators do to a running gateway.

use std::io::{IsTerminal as _, Write as _, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::operator::{Gateway, Operator, OperatorError};
use super::table::{duration, printable, table};
use super::{fail, stdout_style};

/// How often a watched list is drawn.
const WATCH: Duration = Duration::from_secs(1);

/// What to take back.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    target: Target,
    /// Whose subject, sid or jti; may be left out where the gateway knows one issuer only
    #[arg(long, value_name = "ISS", conflicts_with_all = ["session", "everything"])]
    issuer: Option<String>,
    /// Spare logins that happened after this time, Unix seconds; now by default
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["session", "sid", "jti"])]
    before: Option<u64>,
    /// Do not ask before signing everybody out
    #[arg(long, requires = "everything")]
    yes: bool,
    #[command(flatten)]
    pub(super) operator: Operator,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Every login of this person
    #[arg(long, value_name = "SUB")]
    subject: Option<String>,
    /// This connection, or the ticket that would open it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// This login session at the issuer
    #[arg(long, value_name = "SID")]
    sid: Option<String>,
    /// This token
    #[arg(long, value_name = "JTI")]
    jti: Option<String>,
    /// Every login of everybody
    #[arg(long)]
    everything: bool,
}

impl Revoke {
    fn body(&self) -> Value {
        let Target { subject, session, sid, jti, everything } = &self.target;
        let texts =
            [("subject", subject), ("session_id", session), ("sid", sid), ("jti", jti), ("issuer", &self.issuer)];
        let named = texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        let mut body: Map<String, Value> = named.collect();
        body.extend(everything.then(|| ("everything".to_owned(), json!(true))));
        body.extend(self.before.map(|time| ("before".to_owned(), json!(time))));
        Value::Object(body)
    }
}

pub(super) async fn revoke(arguments: &Revoke) -> ExitCode {
    if arguments.target.everything && !arguments.yes && !confirmed("This signs everybody out. Continue?") {
        return fail(2, "nothing was revoked: say yes, or --yes");
    }
    let answer = async { arguments.operator.gateway()?.post("/admin/api/revoke", &arguments.body()).await };
    report(&arguments.operator, answer.await, |answer| {
        let until = answer["until"].as_u64().map(|time| format!(", logins up to {time} (Unix seconds)"));
        let mark = answer["revoked"].as_str().unwrap_or_default();
        vec![format!("{} {}{}", stdout_style("1;32", "revoked:"), printable(mark), until.unwrap_or_default())]
    })
}

/// False without asking where nobody could answer.
fn confirmed(question: &str) -> bool {
    if !stdin().is_terminal() {
        return false;
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Which sessions to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this person's
    #[arg(long, value_name = "SUB")]
    subject: Option<String>,
    /// Only this issuer's people's
    #[arg(long, value_name = "ISS")]
    issuer: Option<String>,
    /// Only this route's
    #[arg(long, value_name = "PATH")]
    route: Option<String>,
    /// Of all nodes of the store, not of the one that is asked alone
    #[arg(long)]
    all_nodes: bool,
    /// At most so many, the youngest first; up to 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Draw the list again every second, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    #[command(flatten)]
    pub(super) operator: Operator,
}

impl List {
    fn path(&self) -> String {
        let texts = [("subject", &self.subject), ("issuer", &self.issuer), ("route", &self.route)];
        let filters = texts.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let encoded = filters.map(|(name, value)| format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let nodes = if self.all_nodes { "&nodes=all" } else { "" };
        format!("/admin/api/sessions?limit={}{nodes}{}", self.limit, encoded.collect::<String>())
    }
}

pub(super) async fn sessions(arguments: &List) -> ExitCode {
    let gateway = match arguments.operator.gateway() {
        Ok(gateway) => gateway,
        Err(error) => return error.tell(),
    };
    if arguments.watch {
        return watch(&gateway, &arguments.path()).await;
    }
    report(&arguments.operator, gateway.get(&arguments.path()).await, list)
}

async fn watch(gateway: &Gateway, path: &str) -> ExitCode {
    loop {
        let lines = match gateway.get(path).await {
            Ok(answer) => list(&answer),
            Err(error) => return error.tell(),
        };
        // A terminal is wiped and drawn over; what is read by a program gets one list after another.
        let wipe = if stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
        if writeln!(stdout(), "{wipe}{}", lines.join("\n")).is_err() {
            return ExitCode::SUCCESS;
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            _ = tokio::signal::ctrl_c() => return ExitCode::SUCCESS,
        }
    }
}

fn list(answer: &Value) -> Vec<String> {
    let sessions: Vec<&Value> = answer["sessions"].as_array().into_iter().flatten().collect();
    let text = |session: &Value, field: &str| printable(session[field].as_str().unwrap_or_default());
    let time = |session: &Value, field: &str| session[field].as_u64().map(duration).unwrap_or_default();
    let rows: Vec<[String; 7]> = sessions
        .iter()
        .map(|session| {
            let [subject, route, method, node, id] =
                ["subject", "route", "method", "node", "session_id"].map(|field| text(session, field));
            [subject, route, method, time(session, "open_seconds"), time(session, "ends_in_seconds"), node, id]
        })
        .collect();
    let mut lines = table(["SUBJECT", "ROUTE", "METHOD", "OPEN FOR", "ENDS IN", "NODE", "SESSION"], &rows);
    lines[0] = stdout_style("1", &lines[0]);
    lines.push(format!("{} of {} sessions", rows.len(), answer["total"]));
    if let Some(silent) = answer["silent"].as_u64().filter(|silent| *silent > 0) {
        lines.push(format!("{silent} nodes did not say which they have"));
    }
    lines
}

pub(super) async fn status(operator: &Operator) -> ExitCode {
    let answer = async { operator.gateway()?.get("/admin/api/status").await };
    report(operator, answer.await, |answer| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), printable);
        let (store, sessions) = (&answer["store"], &answer["sessions"]);
        let fence = store["fence"].as_str().map(|fence| format!(", fence {}", printable(fence))).unwrap_or_default();
        let answers = if store["answers"] == true { "answers" } else { "does not answer" };
        let mut rows = vec![
            ["status".to_owned(), text(&answer["status"])],
            ["release".to_owned(), text(&answer["version"])],
            ["node".to_owned(), text(&answer["node"])],
            ["up for".to_owned(), duration(answer["uptime_seconds"].as_u64().unwrap_or_default())],
            ["store".to_owned(), format!("{} {answers}{fence}", text(&store["kind"]))],
        ];
        let keys = answer["issuer_keys"].as_object().into_iter().flatten();
        rows.extend(keys.map(|(issuer, keys)| [format!("keys of {}", printable(issuer)), of_issuer(keys)]));
        rows.push(["sessions".to_owned(), text(&sessions["total"])]);
        let by_route = sessions["by_route"].as_object().into_iter().flatten();
        rows.extend(by_route.map(|(route, count)| [format!("  {}", printable(route)), text(count)]));
        table(["", ""], &rows).split_off(1)
    })
}

/// How the keys are that an issuer publishes.
fn of_issuer(keys: &Value) -> String {
    match (keys["count"] == true, keys["failures"].as_u64().unwrap_or_default()) {
        (true, 0) => "there".to_owned(),
        (true, failures) => format!("the last good ones; {failures} times in vain since"),
        (false, failures) => format!("none; {failures} times in vain"),
    }
}

pub(super) async fn drain(operator: &Operator) -> ExitCode {
    let answer = async { operator.gateway()?.post("/admin/api/drain", &json!({})).await };
    report(operator, answer.await, |answer| {
        vec![format!("{} {} sessions are being closed", stdout_style("1;32", "draining:"), answer["sessions"])]
    })
}

pub(super) fn report(
    operator: &Operator,
    answer: Result<Value, OperatorError>,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> ExitCode {
    let told = match answer {
        Ok(answer) if operator.json => answer.to_string(),
        Ok(answer) => lines(&answer).join("\n"),
        Err(error) => return error.tell(),
    };
    // Whoever has stopped reading has read enough.
    let _ = writeln!(stdout(), "{told}");
    ExitCode::SUCCESS
}
