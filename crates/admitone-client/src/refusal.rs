//! A refusal over HTTP: a status, and the gateway's problem (RFC 9457) where it is one.

use std::time::Duration;

use admitone::close::CloseCode;
use admitone::problem::MEDIA_TYPE;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;

use crate::code::Code;
use crate::transport::Answer;

/// Most characters of a problem's own words.
const LONGEST_DETAIL: usize = 256;

/// What the gateway, or something on the way to it, answered instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway answered {status}: {}", self.said())]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What that means.
    pub code: Code,
    /// The gateway's own code, where `code` is coarser.
    pub problem_code: Option<String>,
    /// What the gateway said for people to read.
    pub detail: Option<String>,
    /// How long it asked to wait. Its other form, a date, depends on clocks and counts for nothing.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Of a mint or a renewal.
    pub(crate) fn of_mint(answer: &Answer) -> Self {
        Self::read(answer, |_| false)
    }

    /// Of an upgrade: a code that has a Close keeps its name.
    pub(crate) fn of_upgrade(answer: &Answer) -> Self {
        Self::read(answer, |code| CloseCode::ALL.iter().any(|close| close.name() == code))
    }

    fn read(answer: &Answer, keeps: impl Fn(&str) -> bool) -> Self {
        let status = answer.status.as_u16();
        let problem = read_problem(answer);
        let said = |field: &str| problem[field].as_str().map(readable);
        let problem_code = problem["code"].as_str().filter(|code| is_code(code)).map(str::to_owned);
        let particular = problem_code.as_deref().filter(|code| {
            keeps(code) || matches!((status, *code), (403, "origin_not_allowed") | (404, "tickets_disabled"))
        });
        let seconds = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(whole_number);
        Self {
            status,
            code: particular.map_or_else(|| code_of(status), Code::new),
            detail: said("detail").or_else(|| said("title")),
            problem_code,
            retry_after: seconds.map(Duration::from_secs),
        }
    }

    fn said(&self) -> String {
        let code = self.problem_code.as_deref().unwrap_or(self.code.as_str());
        self.detail.as_ref().map_or_else(|| code.to_owned(), |detail| format!("{code}: {detail}"))
    }
}

/// The table of `spec/vectors/README.md`: of these, 408, 425, 429 and 5xx alone may pass.
fn code_of(status: u16) -> Code {
    match status {
        401 => Code::NOT_LOGGED_IN,
        403 => Code::FORBIDDEN,
        404 => Code::NOT_FOUND,
        422 => Code::INVALID_BODY,
        429 => Code::OVER_LIMIT,
        408 | 425 | 500.. => Code::UNAVAILABLE,
        _ => Code::INVALID_REQUEST,
    }
}

fn read_problem(answer: &Answer) -> Value {
    let media_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let is_problem = essence.eq_ignore_ascii_case(MEDIA_TYPE);
    is_problem.then(|| serde_json::from_slice(&answer.body).ok()).flatten().unwrap_or_default()
}

/// RFC 9110 §10.2.3, in seconds.
fn whole_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// Nothing that moves a terminal's cursor.
fn readable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST_DETAIL).collect()
}
