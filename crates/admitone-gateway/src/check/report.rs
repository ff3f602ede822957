use std::time::Duration;

use serde::Serialize;

use super::{Done, Target, Trouble};

/// What came of a check.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The socket's URL.
    pub target: String,
    /// Whether every factor passed.
    pub ready: bool,
    /// How many factors passed.
    pub passed: usize,
    /// Each factor, in the order of the path.
    pub factors: Vec<Factor>,
    /// How many gateways answered, as far as their requests' names tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<usize>,
}

/// One factor.
#[derive(Debug, Serialize)]
pub struct Factor {
    /// What it is called.
    pub factor: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// What was seen.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is worth a look although it passed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How a factor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it has to.
    Passed,
    /// Not as it has to.
    Failed,
    /// A factor before it failed that it needs.
    NotReached,
}

impl Report {
    pub(super) fn new(target: &Target) -> Self {
        let socket = target.socket.as_str().trim_end_matches('/').replacen("http", "ws", 1);
        let target = format!("{socket}{}", target.route);
        Self { target, ready: true, passed: 0, factors: Vec::new(), gateways: None }
    }

    pub(super) fn add<T>(
        &mut self,
        factor: &'static str,
        elapsed: Duration,
        ended: Result<Done<T>, Trouble>,
    ) -> Option<T> {
        let ms = Some((elapsed.as_secs_f64() * 10_000.0).round() / 10.0);
        match ended {
            Ok(Done { detail, notes, value }) => {
                self.passed += 1;
                self.factors.push(Factor { ms, detail, notes, ..Factor::new(factor, Outcome::Passed) });
                Some(value)
            }
            Err(Trouble { found, cause, next }) => {
                self.ready = false;
                let told = Factor { ms, detail: found, cause: Some(cause), ..Factor::new(factor, Outcome::Failed) };
                self.factors.push(Factor { next: Some(next), ..told });
                None
            }
        }
    }

    pub(super) fn skip(&mut self, factor: &'static str) {
        self.ready = false;
        self.factors.push(Factor::new(factor, Outcome::NotReached));
    }

    pub(super) const fn gateways(&mut self, answered: usize) {
        if answered > 0 {
            self.gateways = Some(answered);
        }
    }
}

impl Factor {
    const fn new(factor: &'static str, outcome: Outcome) -> Self {
        Self { factor, outcome, ms: None, detail: String::new(), cause: None, next: None, notes: Vec::new() }
    }
}
