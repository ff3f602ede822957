use std::sync::Arc;

use admitone::carrier::Carrier;
use admitone::grant::SessionId;
use admitone::principal::Method;
use admitone::sessions::Session;

use super::App;
use crate::metrics::OpenSession;
use crate::relay::Ended;
use crate::routes::Route;

/// A session in the log and the metrics: a line when it opens, and always one when it ends.
pub(super) struct SessionRecord {
    route: Arc<Route>,
    id: SessionId,
    counted: OpenSession,
    is_over: bool,
}

impl SessionRecord {
    pub(super) fn open(app: &App, route: &Arc<Route>, session: &Session, (method, carrier): (Method, Carrier)) -> Self {
        let metrics = app.metrics.on(&route.path);
        metrics.admitted(method, carrier);
        if method == Method::Ticket {
            metrics.redeemed("admitted");
        }
        tracing::info!(
            route = &*route.path,
            subject = session.principal().subject(),
            issuer = session.principal().issuer(),
            session_id = session.id().as_str(),
            method = method.name(),
            carrier = carrier.name(),
            "session opened"
        );
        Self { route: route.clone(), id: session.id().clone(), counted: metrics.open(), is_over: false }
    }

    pub(super) fn end(mut self, ended: &Ended) {
        self.over(ended.why.name(), ended.to_client, ended.to_upstream);
    }

    fn over(&mut self, cause: &'static str, bytes_to_client: u64, bytes_to_upstream: u64) {
        self.is_over = true;
        self.counted.ended(cause, bytes_to_client, bytes_to_upstream);
        let (route, session_id) = (&*self.route.path, self.id.as_str());
        tracing::info!(route, session_id, cause, bytes_to_client, bytes_to_upstream, "session ended");
    }
}

impl Drop for SessionRecord {
    fn drop(&mut self) {
        if !self.is_over {
            self.over(if std::thread::panicking() { "panicked" } else { "never_relayed" }, 0, 0);
        }
    }
}
