//! `GET /admin/api/events`: audit lines as they happen, and, each second, what the metrics say and how every node is, for as
//! long as somebody listens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Admin;
use super::status;
use crate::http::App;
use crate::metrics::LATENCY_BOUNDS_MICROS;
use crate::rejection::Rejection;
use crate::summary::Summary;

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn events(State(admin): State<Arc<Admin>>) -> Result<Response, Rejection> {
    let place = admin.followers.clone().try_acquire_owned().map_err(|_| Rejection::AdminFollowers)?;
    let stream = Follower::stream(admin, place);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

/// `GET /admin/api/audit`: the last lines, oldest first.
pub(super) async fn recent(State(admin): State<Arc<Admin>>) -> Response {
    let lines = admin.app().audit.recent();
    status::json(&json!({ "lines": lines.iter().map(|line| &**line).collect::<Vec<_>>() }))
}

struct Follower {
    admin: Arc<Admin>,
    lines: broadcast::Receiver<Arc<str>>,
    seconds: Interval,
    /// What is told of this second.
    due: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn stream(admin: Arc<Admin>, place: OwnedSemaphorePermit) -> impl Stream<Item = Result<Event, Infallible>> {
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lines = admin.app().audit.follow();
        let follower = Self { admin, lines, seconds, due: VecDeque::new(), _place: place };
        unfold(follower, async |mut follower| Some((Ok(follower.next().await?), follower)))
    }

    /// None when the gateway ends.
    async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.due.pop_front() {
            return Some(event);
        }
        tokio::select! {
            line = self.lines.recv() => match line {
                Ok(line) => Some(Event::default().event("audit").data(line)),
                Err(broadcast::error::RecvError::Lagged(lines)) => {
                    Some(Event::default().event("lost").data(json!({ "lines": lines }).to_string()))
                }
                Err(broadcast::error::RecvError::Closed) => None,
            },
            _ = self.seconds.tick() => {
                self.due.push_back(Event::default().event("nodes").data(nodes(&self.admin.app()).await.to_string()));
                Some(Event::default().event("metrics").data(samples(&self.admin.metrics()).to_string()))
            }
            () = self.admin.ending.cancelled() => None,
        }
    }
}

/// How every node is: this one now, and the others as they said it within the last second or so.
async fn nodes(app: &App) -> Value {
    let here = Summary::of(app).await;
    let others = app.roster.all().await;
    let is_whole = others.is_ok();
    let others = others.unwrap_or_default().into_iter().filter_map(|word| serde_json::from_str::<Value>(&word).ok());
    let mut nodes: Vec<Value> = others.filter(|other| other["node"].as_str() != Some(&app.node)).collect();
    nodes.sort_by(|one, other| one["node"].as_str().cmp(&other["node"].as_str()));
    nodes.insert(0, serde_json::to_value(here).unwrap_or_default());
    json!({ "here": app.node, "is_whole": is_whole, "bounds_micros": LATENCY_BOUNDS_MICROS, "nodes": nodes })
}

/// Every sample of the exposition by its name and labels, without the buckets.
fn samples(text: &str) -> Value {
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket{"));
    let parsed = samples.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), Value::from(value.parse::<f64>().ok()?)))
    });
    Value::Object(parsed.collect::<Map<_, _>>())
}
