use std::sync::Arc;

use admitone::grant::SessionId;
use admitone::principal::Method;
use admitone::sessions::Session;

use crate::relay::{Ended, Why};
use crate::routes::Route;

/// A session in the log: a line when it opens, and always one when it ends.
pub(super) struct SessionRecord {
    route: Arc<Route>,
    id: SessionId,
    is_over: bool,
}

impl SessionRecord {
    pub(super) fn open(route: &Arc<Route>, session: &Session, method: Method) -> Self {
        tracing::info!(
            route = &*route.path,
            subject = session.principal().subject(),
            issuer = session.principal().issuer(),
            session_id = session.id().as_str(),
            method = method.name(),
            "session opened"
        );
        Self { route: route.clone(), id: session.id().clone(), is_over: false }
    }

    pub(super) fn end(mut self, ended: &Ended) {
        self.is_over = true;
        let close = match ended.why {
            Why::Closing(code) => code.name(),
            _ => "",
        };
        tracing::info!(
            route = &*self.route.path,
            session_id = self.id.as_str(),
            why = ?ended.why,
            close,
            bytes_to_client = ended.to_client,
            bytes_to_upstream = ended.to_upstream,
            "session ended"
        );
    }
}

impl Drop for SessionRecord {
    fn drop(&mut self) {
        if !self.is_over {
            let (route, session_id) = (&*self.route.path, self.id.as_str());
            tracing::info!(route, session_id, why = "NeverRelayed", "session ended");
        }
    }
}
