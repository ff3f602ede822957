//! How long each step of a request took, told to a receiver of OpenTelemetry's protocol (OTLP over HTTP, as JSON).
//!
//! A span has a route, words of the code, and public handles: no person, address, credential, or anything else that a client has
//! sent. Telling never waits: finished requests go through a bounded queue to a task that posts them; what does not fit, or
//! cannot be posted, is counted.

mod context;
mod otlp;
mod sender;
mod span;

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::mpsc;

use crate::config;
use crate::metrics::Metrics;

use context::Context;
pub use sender::Sender;
use span::{Finished, Open};
pub use span::{Step, Trace};

/// Finished requests that wait to be posted.
const WAITING: usize = 4096;

/// Where the context of a trace stands in a request (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What belongs to it, of whoever wrote it.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Begins the traces of requests.
#[derive(Debug)]
pub struct Traces {
    queue: mpsc::Sender<Finished>,
    one_in: NonZeroU32,
    /// Makes identifiers, unlike those of any other process.
    random: RandomState,
    count: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Traces {
    /// What begins traces, and what posts them: run it.
    #[must_use]
    pub fn new(config: config::Traces, node: &str, metrics: &Arc<Metrics>) -> (Self, Sender) {
        let (queue, finished) = mpsc::channel(WAITING);
        let traces = Self {
            queue,
            one_in: config.one_in,
            random: RandomState::new(),
            count: AtomicU64::new(0),
            metrics: metrics.clone(),
        };
        (traces, Sender::new(config, node, finished, metrics.clone()))
    }

    /// Begins the trace of a request, and writes its context into it for whoever is asked next. A context that is there already
    /// counts only from somebody whose word does: anybody else could have all their requests traced, or pass for others.
    #[must_use]
    pub fn begin(self: &Arc<Self>, headers: &mut HeaderMap, is_trusted: bool) -> Trace {
        let given = if is_trusted { only(headers).and_then(Context::read) } else { None };
        if given.is_none() {
            headers.remove(&TRACESTATE);
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let is_sampled =
            given.map_or_else(|| count.is_multiple_of(u64::from(self.one_in.get())), |given| given.is_sampled);
        let trace = given.map_or_else(
            || u128::from(self.number(count, 0)) << 64 | u128::from(self.number(count, 1)),
            |given| given.trace,
        );
        let own = Context { trace, span: self.number(count, 2), is_sampled };
        headers.insert(TRACEPARENT, own.written());
        if !is_sampled {
            return Trace::default();
        }
        Trace::begun(Open::new(self.clone(), own, given.map(|given| given.span), SystemTime::now(), Instant::now()))
    }

    /// Never zero, which means none.
    fn number(&self, count: u64, which: u64) -> u64 {
        self.random.hash_one((count, which)).max(1)
    }

    /// What does not fit into the queue is lost: nobody waits.
    fn take(&self, finished: Finished) {
        if self.queue.try_send(finished).is_err() {
            self.metrics.traces_lost(1);
        }
    }
}

/// Of two, nobody can tell which counts.
fn only(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(&TRACEPARENT).iter();
    lines.next().filter(|_| lines.next().is_none())
}

#[cfg(test)]
mod tests;
