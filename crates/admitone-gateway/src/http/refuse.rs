//! Refusing an upgrade so that a browser can read why.

use admitone::carrier::REFUSED;
use admitone::close::CloseCode;
use axum::response::Response;
use bytes::Bytes;
use http::header::HeaderValue;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::admit::Refused;
use super::conversation::Conversation;
use super::handshake::Handshake;
use super::telling::Refusal;
use super::{answer, problem};
use crate::config::{CloseProfile, RefuseWith};
use crate::relay::{Side, close_frame};
use crate::routes::Route;

/// What the described profile sends before its Close: a text frame that its clients look for.
const AUTH_FAILED: &[u8] = br#"{"type":"error","error_code":"AUTH_FAILED"}"#;

/// How a refusal is told.
pub(super) enum Told {
    /// By an answer.
    Answer(Response),
    /// By frames of a socket, behind an answer that selects this subprotocol.
    Frames { selected: Option<String>, frames: Bytes, refusal: Refusal },
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
    let by_close = match route.refuse_with {
        RefuseWith::Auto => handshake.reads_refusals,
        RefuseWith::Close => true,
        RefuseWith::Http => false,
    };
    let code = row.close.filter(|_| by_close);
    let Some(frames) = code.and_then(|code| farewell(code, route.close_profile)) else {
        return Told::Answer(problem::respond(&rejection, &route.path));
    };
    let refusal = Refusal::new(&rejection, &row, Some(&route.path), Vec::new());
    // Without our marker, selecting what the application offered keeps Chromium from aborting before the Close.
    let of_application = offer.protocols.into_iter().next();
    let selected = if handshake.reads_refusals { Some(REFUSED.to_owned()) } else { of_application };
    Told::Frames { selected, frames, refusal }
}

fn farewell(code: CloseCode, profile: CloseProfile) -> Option<Bytes> {
    match profile {
        CloseProfile::Standard => close_frame(code.code(), code.reason(), Side::Client),
        CloseProfile::Policy1008 => {
            // FIN and text, then a length that fits seven bits.
            let mut frames = vec![0x81, AUTH_FAILED.len() as u8];
            frames.extend_from_slice(AUTH_FAILED);
            frames.extend_from_slice(&close_frame(1008, code.reason(), Side::Client)?);
            Some(frames.into())
        }
    }
}
