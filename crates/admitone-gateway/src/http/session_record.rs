use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use admitone::carrier::Carrier;
use admitone::grant::SessionId;
use admitone::principal::{LoginStamp, Method, Principal};
use admitone::sessions::Session;
use http::{HeaderValue, Version};

use super::App;
use crate::audit::{Audit, Event, What};
use crate::metrics::OpenSession;
use crate::relay::Ended;
use crate::routes::Route;

/// How somebody came in.
pub(super) struct Entrance {
    pub(super) method: Method,
    pub(super) carrier: Carrier,
    pub(super) address: IpAddr,
    pub(super) version: Version,
    pub(super) login: LoginStamp,
    pub(super) request_id: Option<HeaderValue>,
}

/// A session in the audit and the metrics: an event when it opens, and always one when it ends.
pub(super) struct SessionRecord {
    audit: Arc<Audit>,
    route: Arc<Route>,
    id: SessionId,
    principal: Principal,
    opened: Instant,
    counted: OpenSession,
    is_over: bool,
}

impl SessionRecord {
    pub(super) fn open(app: &App, route: &Arc<Route>, session: &Session, entrance: &Entrance) -> Self {
        let metrics = app.metrics.on(&route.path);
        metrics.admitted(entrance.method, entrance.carrier);
        if entrance.method == Method::Ticket {
            metrics.redeemed("admitted");
        }
        let event = Event {
            route: Some(&route.path),
            session_id: Some(session.id().as_str()),
            method: Some(entrance.method.name()),
            carrier: Some(entrance.carrier.name()),
            http: Some(if entrance.version == Version::HTTP_2 { "2" } else { "1.1" }),
            address: Some(entrance.address),
            request_id: entrance.request_id.as_ref().and_then(|id| id.to_str().ok()),
            ..Event::new(What::Opened)
        };
        app.audit.tell(&event.of(session.principal()).by_login(&entrance.login));
        Self {
            audit: app.audit.clone(),
            route: route.clone(),
            id: session.id().clone(),
            principal: session.principal().clone(),
            opened: Instant::now(),
            counted: metrics.open(),
            is_over: false,
        }
    }

    pub(super) fn end(mut self, ended: &Ended) {
        self.over(ended.why.name(), ended.to_client, ended.to_upstream);
    }

    fn over(&mut self, cause: &'static str, to_client: u64, to_upstream: u64) {
        self.is_over = true;
        self.counted.ended(cause, to_client, to_upstream);
        let event = Event {
            route: Some(&self.route.path),
            session_id: Some(self.id.as_str()),
            cause: Some(cause),
            duration_ms: u64::try_from(self.opened.elapsed().as_millis()).ok(),
            bytes_to_client: Some(to_client),
            bytes_to_upstream: Some(to_upstream),
            ..Event::new(What::Ended)
        };
        self.audit.tell(&event.of(&self.principal));
    }
}

impl Drop for SessionRecord {
    fn drop(&mut self) {
        if !self.is_over {
            self.over(if std::thread::panicking() { "panicked" } else { "never_relayed" }, 0, 0);
        }
    }
}
