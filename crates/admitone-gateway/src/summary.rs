//! What one node says of itself every second, to whoever looks at all nodes: small, and without anybody's name.

mod counted;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use admitone::now::Now;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::http::App;
use crate::http::present::Present;
use crate::http::readiness::Ability;
use counted::Counted;

/// How often a node says how it is.
const EVERY: Duration = Duration::from_secs(1);

/// How one node is at one moment. What is counted is counted from its start.
#[derive(Debug, Serialize)]
pub struct Summary {
    node: String,
    version: &'static str,
    /// Unix milliseconds.
    at: u64,
    uptime_seconds: u64,
    /// As `/readyz` says it.
    status: &'static str,
    store: Store,
    mirror_age_seconds: Option<f64>,
    #[serde(flatten)]
    counted: Counted,
}

#[derive(Debug, Serialize)]
struct Store {
    kind: &'static str,
    answers: bool,
}

impl Summary {
    /// Of this node, now.
    pub async fn of(app: &App) -> Self {
        let now = Now::read();
        let ability = app.readiness.ability(now).await;
        let is_draining = app.draining.load(Ordering::Relaxed);
        Self {
            node: app.node.clone(),
            version: env!("CARGO_PKG_VERSION"),
            at: unix_milliseconds(),
            uptime_seconds: app.metrics.uptime().as_secs(),
            status: if is_draining { "draining" } else { ability.name() },
            store: Store { kind: app.readiness.kind(), answers: ability == Ability::Ready },
            mirror_age_seconds: app.revocations.synced(now).map(|age| age.as_secs_f64()),
            counted: Counted::read(&app.metrics.text()),
        }
    }

    /// As other nodes read it.
    #[must_use]
    pub fn word(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn unix_milliseconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Says every second how this node is, where others can read it, for as long as it runs.
pub(crate) async fn keep_telling(present: Arc<Present>) {
    if !present.app().roster.is_shared() {
        return;
    }
    let mut seconds = interval(EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let app = present.app();
        // What the store does not take is said again in a second.
        let _ = app.roster.tell(&app.node, &Summary::of(&app).await.word()).await;
    }
}
