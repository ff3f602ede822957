use std::sync::Arc;

use admitone::admission::{RedeemError, TicketRefused};
use admitone::grant::SessionId;
use admitone::now::Now;

use super::App;
use crate::audit::{Event, What};
use crate::config::OnReplay;
use crate::rejection::Rejection;
use crate::routes::Route;

/// Writes the audit line of a ticket that was presented once too often, and does to the connection it opened what the route
/// says.
///
/// Called where the refusal arises: whoever presented the ticket must not be able to prevent it by going away.
pub(super) fn audited(app: &Arc<App>, route: &Route, rejection: Rejection) -> Rejection {
    if let Rejection::Ticket(TicketRefused::Replayed(id)) | Rejection::Redeem(RedeemError::Replayed(id)) = &rejection {
        audit(app, route, id);
    }
    rejection
}

fn audit(app: &Arc<App>, route: &Route, session_id: &SessionId) {
    app.audit.tell(&Event {
        route: Some(&route.path),
        session_id: Some(session_id.as_str()),
        on_replay: Some(route.on_replay.name()),
        ..Event::new(What::Replayed)
    });
    if route.on_replay == OnReplay::Close {
        app.tasks.spawn(close(app.clone(), session_id.clone()));
    }
}

/// Once: whoever goes on presenting the ticket costs no writing.
async fn close(app: Arc<App>, session_id: SessionId) {
    if app.revocations.mirror().has_session(&session_id) {
        return;
    }
    if app.admission.close_session(&session_id, Now::read()).await.is_err() {
        tracing::error!(session_id = session_id.as_str(), "a replayed ticket's session was not closed: no store");
    }
}
