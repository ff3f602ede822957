//! Refusing an upgrade so that a browser can read why.

use admitone::refusal;
use axum::response::Response;
use http::header::HeaderValue;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::admit::Refused;
use super::conversation::Conversation;
use super::handshake::Handshake;
use super::telling::Refusal;
use super::{answer, problem};
use crate::routes::Route;

/// How a refusal is told.
pub(super) enum Told {
    /// By an answer.
    Answer(Response),
    /// By frames of a socket, behind an answer that selects this subprotocol.
    Frames { selected: Option<String>, frames: Vec<u8>, refusal: Refusal },
}

/// Answers a refused upgrade, the last request of its connection.
pub(super) async fn refuse(route: &Route, refused: Refused, handshake: &Handshake, client: Conversation) {
    match tell(route, refused, handshake) {
        Told::Answer(response) => client.end_with(response).await,
        Told::Frames { selected, frames, refusal } => {
            client.refused(&refusal);
            let accept = HeaderValue::from_str(&derive_accept_key(handshake.key.as_bytes())).ok();
            let mut bytes = answer::switching_protocols(accept.as_ref(), selected.as_deref(), std::iter::empty());
            bytes.extend_from_slice(&frames);
            client.into_parts().0.end_with(&bytes).await;
        }
    }
}

/// With a Close where the client can read one there, else with a problem.
pub(super) fn tell(route: &Route, refused: Refused, handshake: &Handshake) -> Told {
    let Refused { rejection, offer } = refused;
    let row = rejection.row();
    let Some(code) = row.told.close.filter(|_| route.refuse_with.by_close(handshake.reads_refusals)) else {
        return Told::Answer(problem::respond(&rejection, &route.path));
    };
    let refusal = Refusal::new(&rejection, &row, Some(&route.path), Vec::new());
    let selected = refusal::selected(offer, handshake.reads_refusals);
    Told::Frames { selected, frames: route.close_profile.farewell(code), refusal }
}
