//! `GET /admin/api/events`: audit lines as they happen, and what the metrics say, each second, for as long as somebody
//! listens.

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
use crate::rejection::Rejection;

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn events(State(admin): State<Arc<Admin>>) -> Result<Response, Rejection> {
    let place = admin.followers.clone().try_acquire_owned().map_err(|_| Rejection::AdminFollowers)?;
    let stream = Follower::stream(admin, place);
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

struct Follower {
    admin: Arc<Admin>,
    lines: broadcast::Receiver<Arc<str>>,
    seconds: Interval,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn stream(admin: Arc<Admin>, place: OwnedSemaphorePermit) -> impl Stream<Item = Result<Event, Infallible>> {
        let mut seconds = interval(SECOND);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lines = admin.app().audit.follow();
        let follower = Self { admin, lines, seconds, _place: place };
        unfold(follower, async |mut follower| Some((Ok(follower.next().await?), follower)))
    }

    /// None when the gateway ends.
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            line = self.lines.recv() => match line {
                Ok(line) => Some(Event::default().event("audit").data(line)),
                Err(broadcast::error::RecvError::Lagged(lines)) => {
                    Some(Event::default().event("lost").data(json!({ "lines": lines }).to_string()))
                }
                Err(broadcast::error::RecvError::Closed) => None,
            },
            _ = self.seconds.tick() => {
                Some(Event::default().event("metrics").data(samples(&self.admin.metrics()).to_string()))
            }
            () = self.admin.ending.cancelled() => None,
        }
    }
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
