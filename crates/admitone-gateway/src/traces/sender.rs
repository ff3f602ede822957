use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::WAITING;
use super::otlp::{self, Resource};
use super::span::Finished;
use crate::config;
use crate::fetch::{Fetch, Url};
use crate::metrics::Metrics;

/// Most requests that are posted at once.
const BATCH: usize = 256;

/// How long a batch waits to become larger.
const PAUSE: Duration = Duration::from_secs(1);

/// Posts what is finished, batch by batch.
#[derive(Debug)]
pub struct Sender {
    endpoint: Url,
    fetch: Fetch,
    headers: HeaderMap,
    resource: Resource,
    finished: mpsc::Receiver<Finished>,
    metrics: Arc<Metrics>,
    /// The last batch was not taken, which has been told.
    failing: bool,
}

impl Sender {
    pub(super) fn new(
        config: config::Traces,
        node: &str,
        finished: mpsc::Receiver<Finished>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut headers = config.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let resource = Resource { service: config.service, node: node.to_owned() };
        Self { endpoint: config.endpoint, fetch: config.fetch, headers, resource, finished, metrics, failing: false }
    }

    /// Until the end, and everything of before is posted.
    pub async fn run(mut self, ending: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.fill(&mut batch, &ending).await {
            self.post(&batch).await;
            batch.clear();
        }
    }

    /// Takes what is finished, and whatever else is within a moment; false when nothing will be any more.
    async fn fill(&mut self, batch: &mut Vec<Finished>, ending: &CancellationToken) -> bool {
        let filling = async {
            let first = self.finished.recv_many(batch, BATCH).await;
            let more = async { while batch.len() < BATCH && self.finished.recv_many(batch, BATCH).await > 0 {} };
            // A batch that is not full goes after a moment all the same.
            let _ = timeout(PAUSE, more).await;
            first > 0
        };
        tokio::select! {
            is_any = filling => return is_any,
            () = ending.cancelled() => {}
        }
        self.finished.close();
        self.finished.recv_many(batch, WAITING).await;
        !batch.is_empty()
    }

    /// What is not taken is lost: a receiver that is away must not fill memory.
    async fn post(&mut self, batch: &[Finished]) {
        let body = Bytes::from(otlp::request(&self.resource, batch).to_string());
        let refused = match self.fetch.post(&self.endpoint, self.headers.clone(), body).await {
            Ok(answer) if !answer.status.is_success() => Some(format!("it answered {}", answer.status.as_u16())),
            Ok(answer) => otlp::rejected(&answer.body).map(|spans| format!("it rejected {spans} spans of a batch")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = &refused {
            self.metrics.traces_lost(batch.len() as u64);
            if !self.failing {
                tracing::warn!(reason, "the receiver of traces does not take them: those of meanwhile are lost");
            }
        } else if self.failing {
            tracing::info!("the receiver of traces takes them again");
        }
        self.failing = refused.is_some();
    }
}
