use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use http::Extensions;

use super::Traces;
use super::context::Context;

/// Most steps that are told of one request.
const MOST_STEPS: usize = 16;

/// The trace of one request, or of one that is not traced. It is told when the last that holds it is done.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Arc<Open>>);

/// A request under way.
pub(super) struct Open {
    traces: Arc<Traces>,
    context: Context,
    parent: Option<u64>,
    at: SystemTime,
    began: Instant,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) method: String,
    pub(super) route: String,
    pub(super) status: u16,
    /// When it was answered, nanoseconds from its beginning: what is read after an answer is no time of ours.
    answered: Option<u128>,
    pub(super) notes: Vec<(&'static str, String)>,
    pub(super) steps: Vec<Done>,
}

/// A step that is over.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) name: &'static str,
    pub(super) span: u64,
    /// From the request's beginning, nanoseconds.
    pub(super) began: u128,
    pub(super) ended: u128,
    pub(super) outcome: Option<&'static str>,
}

/// A request that is over.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    pub(super) at: SystemTime,
    pub(super) nanoseconds: u128,
    pub(super) told: Told,
}

impl Open {
    pub(super) fn new(
        traces: Arc<Traces>,
        context: Context,
        parent: Option<u64>,
        at: SystemTime,
        began: Instant,
    ) -> Self {
        Self { traces, context, parent, at, began, told: Mutex::default() }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("context", &self.context).finish_non_exhaustive()
    }
}

/// However the request ended: one whose client has gone away is told of, too.
impl Drop for Open {
    fn drop(&mut self) {
        let told = std::mem::take(&mut *self.told());
        self.traces.take(Finished {
            context: self.context,
            parent: self.parent,
            at: self.at,
            nanoseconds: told.answered.unwrap_or_else(|| self.began.elapsed().as_nanos()),
            told,
        });
    }
}

impl Trace {
    pub(super) fn begun(open: Open) -> Self {
        Self(Some(Arc::new(open)))
    }

    /// That of a request, which is none where it is not traced.
    #[must_use]
    pub fn of(request: &Extensions) -> Self {
        request.get::<Self>().cloned().unwrap_or_default()
    }

    /// Goes with its request to whatever answers it.
    pub fn travel(&self, request: &mut Extensions) {
        if self.0.is_some() {
            request.insert(self.clone());
        }
    }

    /// What is asked for: the method, and a configured path or that of an endpoint.
    pub fn is_for(&self, method: &http::Method, route: &str) {
        if let Some(open) = &self.0 {
            let mut told = open.told();
            // A client may write any method.
            told.method = if is_usual(method) { method.as_str().to_owned() } else { "_OTHER".to_owned() };
            told.route = route.to_owned();
        }
    }

    /// How it was answered.
    pub fn answered(&self, status: u16) {
        if let Some(open) = &self.0 {
            let mut told = open.told();
            told.status = status;
            told.answered = Some(open.began.elapsed().as_nanos());
        }
    }

    /// Something of it: a word of the code, or a public handle.
    pub fn note(&self, key: &'static str, value: &str) {
        if let Some(open) = &self.0 {
            open.told().notes.push((key, value.to_owned()));
        }
    }

    /// Begins a step, which lasts until it is ended or dropped.
    #[must_use]
    pub fn step(&self, name: &'static str) -> Step {
        let began = self.0.as_ref().map(|open| open.began.elapsed().as_nanos()).unwrap_or_default();
        Step { trace: self.clone(), name, began, outcome: None }
    }
}

fn is_usual(method: &http::Method) -> bool {
    use http::Method as Is;
    matches!(
        *method,
        Is::GET | Is::POST | Is::DELETE | Is::CONNECT | Is::HEAD | Is::OPTIONS | Is::PUT | Is::PATCH | Is::TRACE
    )
}

/// A step of a request.
#[derive(Debug)]
pub struct Step {
    trace: Trace,
    name: &'static str,
    began: u128,
    outcome: Option<&'static str>,
}

impl Step {
    /// It is over, with this outcome.
    pub fn ended(mut self, outcome: &'static str) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let Some(open) = &self.trace.0 else { return };
        let ended = open.began.elapsed().as_nanos();
        let mut told = open.told();
        if told.steps.len() < MOST_STEPS {
            let span = open.traces.number(open.context.span, told.steps.len() as u64 + 3);
            told.steps.push(Done { name: self.name, span, began: self.began, ended, outcome: self.outcome });
        }
    }
}
