//! What the gateway is and does: `/metrics`, `/admin/api/status`, and the order to drain.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use admitone::now::Now;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{Admin, guard};
use crate::audit::{Event, What};
use crate::http::readiness::Ability;
use crate::metrics;

/// `GET /metrics`.
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    ([(CONTENT_TYPE, metrics::MEDIA_TYPE)], admin.metrics()).into_response()
}

/// `GET /admin/api/status`.
pub(super) async fn status(State(admin): State<Arc<Admin>>) -> Response {
    let (app, now) = (admin.app(), Now::read());
    let ability = app.readiness.ability(now).await;
    let routes = app.routes.iter().map(|route| (&*route.path, app.metrics.on(&route.path).sessions()));
    let keys = app.logins.published_keys(now);
    let keys = keys.map(|keys| (keys.issuer, json!({ "count": keys.do_count, "failures": keys.failures })));
    json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "node": app.node,
        "issuers": app.issuers,
        "issuer_keys": keys.collect::<BTreeMap<_, _>>(),
        "uptime_seconds": app.metrics.uptime().as_secs(),
        "status": if app.draining.load(Ordering::Relaxed) { "draining" } else { ability.name() },
        "store": { "kind": app.readiness.kind(), "fence": app.fence, "answers": ability == Ability::Ready },
        "mirror_age_seconds": app.revocations.synced(now).map(|age| age.as_secs_f64()),
        "sessions": { "total": app.sessions.count(), "by_route": routes.collect::<BTreeMap<_, _>>() },
        "audit_lines_lost": app.metrics.audit_lines_lost(),
    }))
}

/// `POST /admin/api/drain`: as SIGTERM does.
pub(super) async fn drain(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let sessions = admin.app().sessions.count();
    if !admin.drain.is_cancelled() {
        let address = guard::peer(&parts).map(|peer| peer.0.ip());
        let event = Event { address, by: Some("admin"), count: Some(sessions as u64), ..Event::new(What::AdminDrain) };
        admin.app().audit.tell(&event);
        admin.drain.cancel();
    }
    (StatusCode::ACCEPTED, json(&json!({ "draining": true, "sessions": sessions }))).into_response()
}

impl Admin {
    pub(super) fn metrics(&self) -> String {
        let app = self.app();
        let now = Now::read();
        app.metrics.mirror_is(app.revocations.synced(now));
        for route in app.routes.iter() {
            let setting = app.rollouts.of(&route.path).unwrap_or_default();
            app.metrics.on(&route.path).rollout_is(setting.rollout.percent.get(), setting.trip.is_some());
        }
        for keys in app.logins.published_keys(now) {
            app.metrics.issuer_keys_are(keys.issuer, keys.do_count, keys.failures);
        }
        app.metrics.text()
    }
}

pub(super) fn json(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
