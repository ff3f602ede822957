//! Replays `spec/vectors/`: what the browser SDK replays too. Whatever a vector has that is not known here fails.

use std::collections::BTreeSet;

use admitone_client::code::Code;
use admitone_client::connection::{
    Action, AskedClose, Attempt, AttemptError, Cause, CredentialKind, Input, Machine, MachineOptions, ReceivedClose,
    State,
};
use admitone_client::offer::{Credential, offer, shown};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connection {
    format: u32,
    traces: Vec<Trace>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trace {
    name: String,
    #[serde(rename = "covers")]
    _covers: Vec<String>,
    options: Options,
    random: Vec<f64>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    fallback: Option<Fallback>,
    tickets: Option<bool>,
    acquire_timeout_ms: Option<u64>,
    open_timeout_ms: Option<u64>,
    close_timeout_ms: Option<u64>,
    retry_base_ms: Option<u64>,
    retry_cap_ms: Option<u64>,
    max_retries: Option<u32>,
    stable_after_ms: Option<u64>,
    retry_codes: Option<Vec<u16>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fallback {
    None,
    Jwt,
}

impl From<Options> for MachineOptions {
    fn from(given: Options) -> Self {
        let default = Self::default();
        Self {
            jwt_fallback: matches!(given.fallback, Some(Fallback::Jwt)),
            tickets: given.tickets.unwrap_or(default.tickets),
            acquire_timeout_ms: given.acquire_timeout_ms.unwrap_or(default.acquire_timeout_ms),
            open_timeout_ms: given.open_timeout_ms.unwrap_or(default.open_timeout_ms),
            close_timeout_ms: given.close_timeout_ms.unwrap_or(default.close_timeout_ms),
            retry_base_ms: given.retry_base_ms.unwrap_or(default.retry_base_ms),
            retry_cap_ms: given.retry_cap_ms.unwrap_or(default.retry_cap_ms),
            max_retries: given.max_retries.unwrap_or(default.max_retries),
            stable_after_ms: given.stable_after_ms.unwrap_or(default.stable_after_ms),
            retry_codes: given.retry_codes.unwrap_or(default.retry_codes),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: u64,
    input: Said,
    #[serde(rename = "do")]
    actions: Value,
    state: Value,
    wake_at: Value,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Connect {},
    Acquired { attempt: u64 },
    AcquireFailed { attempt: u64, error: Failed },
    DialFailed { attempt: u64, error: Failed },
    Opened { attempt: u64, selected: String },
    Closed { attempt: u64, code: u16, reason: String },
    Close { code: Option<u16>, reason: Option<String> },
    Wake {},
    LoginChanged {},
    Timeout {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failed {
    code: String,
    retry_after_ms: Option<u64>,
}

impl From<Failed> for AttemptError {
    fn from(Failed { code, retry_after_ms }: Failed) -> Self {
        Self { code: Code::new(code), retry_after_ms }
    }
}

impl From<Said> for Input {
    fn from(said: Said) -> Self {
        match said {
            Said::Connect {} => Self::Connect,
            Said::Acquired { attempt } => Self::Acquired { attempt },
            Said::AcquireFailed { attempt, error } => Self::AcquireFailed { attempt, error: error.into() },
            Said::DialFailed { attempt, error } => Self::DialFailed { attempt, error: error.into() },
            Said::Opened { attempt, selected } => Self::Opened { attempt, selected },
            Said::Closed { attempt, code, reason } => Self::Closed { attempt, close: ReceivedClose { code, reason } },
            Said::Close { code, reason } => Self::Close(AskedClose { code, reason }),
            Said::Wake {} => Self::Wake,
            Said::LoginChanged {} => Self::LoginChanged,
            Said::Timeout {} => Self::Timeout,
        }
    }
}

/// The fields that apply, beside the name in `key`.
fn row(key: &str, name: &str, fields: &[(&str, Option<Value>)]) -> Value {
    let present = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
    Value::Object([(key.to_owned(), json!(name))].into_iter().chain(present).collect())
}

fn action_row(action: &Action) -> Value {
    let attempting = |name, Attempt { number, credential }: Attempt| {
        row("type", name, &[("attempt", Some(json!(number))), ("credential", Some(json!(credential.name())))])
    };
    match action {
        Action::Acquire(attempt) => attempting("acquire", *attempt),
        Action::Dial(attempt) => attempting("dial", *attempt),
        Action::Abandon { attempt } => row("type", "abandon", &[("attempt", Some(json!(attempt)))]),
        Action::HangUp { attempt, close: AskedClose { code, reason } } => {
            let close = [("code", code.map(|code| json!(code))), ("reason", reason.as_ref().map(|text| json!(text)))];
            row("type", "hang_up", &[&[("attempt", Some(json!(attempt)))], &close[..]].concat())
        }
        Action::Prefetch => row("type", "prefetch", &[]),
        Action::Renew { attempt } => row("type", "renew", &[("attempt", Some(json!(attempt)))]),
    }
}

fn cause_row(Cause { code, close, gave_up }: &Cause) -> Value {
    let close = close.as_ref().map(|close| json!({ "code": close.code, "reason": close.reason }));
    row("code", code.as_str(), &[("close", close), ("gave_up", gave_up.then_some(json!(true)))])
}

fn state_row(state: &State) -> Value {
    let attempting = |name, Attempt { number, credential }: &Attempt, time: &str, at: &u64| {
        let credential = Some(json!(credential.name()));
        row("name", name, &[("attempt", Some(json!(number))), ("credential", credential), (time, Some(json!(at)))])
    };
    match state {
        State::Idle => row("name", "idle", &[]),
        State::Acquiring { attempt, until } => attempting("acquiring", attempt, "until", until),
        State::Dialing { attempt, until } => attempting("dialing", attempt, "until", until),
        State::Refused { attempt, until } => attempting("refused", attempt, "until", until),
        State::Open { attempt, since } => attempting("open", attempt, "since", since),
        State::Waiting { retry, until, cause, not_before } => {
            let fields = [
                ("retry", Some(json!(retry))),
                ("until", Some(json!(until))),
                ("cause", Some(cause_row(cause))),
                ("not_before", not_before.map(|at| json!(at))),
            ];
            row("name", "waiting", &fields)
        }
        State::Closing { attempt, until } => {
            row("name", "closing", &[("attempt", Some(json!(attempt))), ("until", Some(json!(until)))])
        }
        State::Closed { cause } => row("name", "closed", &[("cause", Some(cause_row(cause)))]),
    }
}

fn name_of(row: &Value, key: &str) -> String {
    row[key].as_str().expect("a name").to_owned()
}

/// Which input met which state, and what was asked for.
#[derive(Default)]
struct Seen {
    pairs: BTreeSet<(String, &'static str)>,
    actions: BTreeSet<String>,
}

const INPUTS: [&str; 10] = [
    "connect",
    "acquired",
    "acquire_failed",
    "dial_failed",
    "opened",
    "closed",
    "close",
    "wake",
    "login_changed",
    "timeout",
];
const STATES: [&str; 8] = ["idle", "acquiring", "dialing", "refused", "open", "waiting", "closing", "closed"];

const fn input_name(input: &Input) -> &'static str {
    match input {
        Input::Connect => "connect",
        Input::Acquired { .. } => "acquired",
        Input::AcquireFailed { .. } => "acquire_failed",
        Input::DialFailed { .. } => "dial_failed",
        Input::Opened { .. } => "opened",
        Input::Closed { .. } => "closed",
        Input::Close(_) => "close",
        Input::Wake => "wake",
        Input::LoginChanged => "login_changed",
        Input::Timeout => "timeout",
    }
}

fn replay(trace: Trace, seen: &mut Seen) {
    let name = trace.name;
    let mut machine = Machine::new(trace.options.into());
    let mut numbers = trace.random.into_iter();
    for (index, step) in trace.steps.into_iter().enumerate() {
        let place = format!("{name}, step {}", index + 1);
        let input = Input::from(step.input);
        seen.pairs.insert((name_of(&state_row(machine.state()), "name"), input_name(&input)));
        let mut random = || numbers.next().unwrap_or_else(|| panic!("{place}: more backoffs than random numbers"));
        let done = machine.handle(input, step.at, &mut random);
        let actions: Vec<Value> = done.actions.iter().map(action_row).collect();
        seen.actions.extend(actions.iter().map(|action| name_of(action, "type")));
        assert_eq!(Value::Array(actions), step.actions, "{place}: do");
        assert_eq!(state_row(machine.state()), step.state, "{place}: state");
        assert_eq!(json!(machine.state().wake_at()), step.wake_at, "{place}: wake_at");
    }
    assert_eq!(numbers.len(), 0, "{name}: random numbers left over");
}

#[test]
fn f26_connections_do_what_the_vectors_say() {
    let text = include_str!("../../../../spec/vectors/connection.json");
    let connection: Connection = serde_json::from_str(text).expect("connection.json has the known shape");
    assert_eq!(connection.format, 1);
    let mut seen = Seen::default();
    for trace in connection.traces {
        replay(trace, &mut seen);
    }
    let every = STATES.iter().flat_map(|state| INPUTS.iter().map(|input| ((*state).to_owned(), *input)));
    assert_eq!(seen.pairs, every.collect(), "every input met every state");
    let actions = ["abandon", "acquire", "dial", "hang_up", "prefetch", "renew"].map(str::to_owned);
    assert_eq!(seen.actions, actions.into(), "every action was asked for");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carriers {
    format: u32,
    offers: Vec<Offer>,
    shows: Vec<Shows>,
    #[serde(rename = "takes")]
    _takes: Value,
    #[serde(rename = "answers")]
    _answers: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    name: String,
    credential: Carried,
    protocols: Vec<String>,
    offered: Option<Vec<String>>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    kind: Kind,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Ticket,
    Jwt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shows {
    name: String,
    offered: Vec<String>,
    selected: String,
    protocol: String,
    refused: bool,
}

fn carriers() -> Carriers {
    let text = include_str!("../../../../spec/vectors/carriers.json");
    let carriers: Carriers = serde_json::from_str(text).expect("carriers.json has the known shape");
    assert_eq!(carriers.format, 1);
    carriers
}

#[test]
fn handshakes_offer_what_the_vectors_say() {
    for case in carriers().offers {
        let kind = match case.credential.kind {
            Kind::Ticket => CredentialKind::Ticket,
            Kind::Jwt => CredentialKind::Jwt,
        };
        let offered = offer(&Credential::new(kind, case.credential.value), &case.protocols);
        let (offered, error) = match offered {
            Ok(offered) => (Some(offered.split(", ").map(str::to_owned).collect()), None),
            Err(error) => (None, Some(error.code().as_str().to_owned())),
        };
        assert_eq!((offered, error), (case.offered, case.error), "{}", case.name);
    }
}

#[test]
fn selections_show_as_the_vectors_say() {
    for case in carriers().shows {
        let shown = shown(&case.offered.join(", "), &case.selected);
        assert_eq!((shown.protocol, shown.refused), (&*case.protocol, case.refused), "{}", case.name);
    }
}
