//! What the gateway answers itself. An endpoint is described once; by that it is routed, checked and published.

use std::sync::Arc;

use admitone::problem::ProblemCode;
use axum::routing::{MethodFilter, MethodRouter};
use http::StatusCode;
use serde_json::Value;

use super::App;
use super::fields::Fields;

/// One thing that can be asked of the gateway.
pub(super) struct Endpoint {
    /// Its name in the OpenAPI description.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) verb: Verb,
    /// Where it is; by which of them makes no difference.
    pub(super) paths: &'static [&'static str],
    /// What `{id}` in the paths is.
    pub(super) id: Option<&'static str>,
    pub(super) caller: Caller,
    pub(super) reach: Reach,
    pub(super) takes: Takes,
    pub(super) gives: &'static [Given],
    /// The codes of its refusals, but for those of [`ALWAYS`].
    pub(super) refuses: &'static [&'static [ProblemCode]],
    /// Whether this gateway has it.
    pub(super) is_there: fn(&App) -> bool,
    pub(super) handler: fn(MethodFilter) -> MethodRouter<Arc<App>>,
}

/// The codes that every endpoint may answer: what is checked before anybody knows what is asked for.
pub(super) const ALWAYS: &[ProblemCode] = &[
    ProblemCode::InvalidRequest,
    ProblemCode::HeadTooLarge,
    ProblemCode::OverLimit,
    ProblemCode::Overloaded,
    ProblemCode::Internal,
];

/// By which method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Delete,
    /// By whichever; the request that is meant has its own.
    Any,
}

/// All that may be meant by [`Verb::Any`], as the OpenAPI description has them.
const VERBS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl Verb {
    pub(super) const fn filter(self) -> MethodFilter {
        match self {
            Self::Any => MethodFilter::GET
                .or(MethodFilter::PUT)
                .or(MethodFilter::POST)
                .or(MethodFilter::DELETE)
                .or(MethodFilter::OPTIONS)
                .or(MethodFilter::HEAD)
                .or(MethodFilter::PATCH)
                .or(MethodFilter::TRACE)
                .or(MethodFilter::CONNECT),
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// As the OpenAPI description has them.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["get"],
            Self::Post => &["post"],
            Self::Delete => &["delete"],
            Self::Any => VERBS,
        }
    }
}

/// Who has to be logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Anybody,
    /// Somebody who is logged in is told more.
    AnybodyOrLogin,
    Login,
}

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Pages of listed origins (CORS), and others.
    Pages,
    /// Everything but pages, with a token that is counted when it is wrong.
    Servers,
    /// Machines that bring no token.
    Machines,
}

/// What a request brings.
pub(super) enum Takes {
    Nothing,
    /// Headers that say what is asked about: their names, and what each is.
    Headers(&'static [(&'static str, &'static str)]),
    /// A JSON object; without it, an empty one is meant.
    Json(Fields),
    /// A JSON object that has to be there, and may have other members.
    JsonNeeded(Fields),
    /// A form with this one field: its name, and what it is.
    Form(&'static str, &'static str),
}

/// One way to be answered other than by a problem.
pub(super) struct Given {
    pub(super) status: StatusCode,
    pub(super) about: &'static str,
    pub(super) content: Option<Content>,
    /// The headers that are the answer.
    pub(super) headers: &'static [&'static [&'static str]],
}

/// A body, and what it looks like.
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) shape: fn() -> Value,
}

impl Given {
    pub(super) const fn json(status: StatusCode, about: &'static str, shape: fn() -> Value) -> Self {
        Self { status, about, content: Some(Content { media_type: "application/json", shape }), headers: &[] }
    }

    pub(super) const fn nothing(status: StatusCode, about: &'static str) -> Self {
        Self { status, about, content: None, headers: &[] }
    }
}

impl Endpoint {
    /// The codes of all its refusals.
    pub(super) fn codes(&self) -> impl Iterator<Item = ProblemCode> {
        ALWAYS.iter().chain(self.refuses.iter().copied().flatten()).copied()
    }
}

/// There on every gateway.
pub(super) const fn always(_: &App) -> bool {
    true
}
