//! Refusing an upgrade so that a browser can read why.

use std::time::Duration;

use admitone::carrier::REFUSED;
use admitone::close::CloseCode;
use axum::response::Response;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT};
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::App;
use super::connect::{Refused, client_io, switching_protocols};
use super::handshake::Handshake;
use super::problem;
use crate::config::{CloseProfile, RefuseWith};
use crate::relay::{Side, close_frame};
use crate::routes::Route;

/// What the described profile sends before its Close: a text frame that its clients look for.
const AUTH_FAILED: &[u8] = br#"{"type":"error","error_code":"AUTH_FAILED"}"#;

/// How long the client may take to read its refusal.
const READ_LIMIT: Duration = Duration::from_secs(2);

/// Answers a refused upgrade: with a Close where the client can read one there, else with a problem.
pub(super) fn refuse(
    app: &App,
    route: &Route,
    refused: Refused,
    handshake: &Handshake,
    on_upgrade: OnUpgrade,
) -> Response {
    let Refused { rejection, offer } = refused;
    let row = rejection.row();
    let by_close = match route.refuse_with {
        RefuseWith::Auto => handshake.reads_refusals,
        RefuseWith::Close => true,
        RefuseWith::Http => false,
    };
    let code = row.close.filter(|_| by_close);
    let Some(frames) = code.and_then(|code| refusal(code, route.close_profile)) else {
        return problem::respond(&rejection, &route.path);
    };
    problem::log(&rejection, &row, &route.path);
    app.tasks.spawn(send(on_upgrade, frames));
    // Without our marker, selecting what the application offered keeps Chromium from aborting before the Close.
    let selected = if handshake.reads_refusals { Some(REFUSED) } else { offer.protocols.first().map(String::as_str) };
    let mut headers = HeaderMap::new();
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(handshake.key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    switching_protocols(headers, selected)
}

fn refusal(code: CloseCode, profile: CloseProfile) -> Option<Bytes> {
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

/// Writes the refusal, then waits a moment for the client to hang up: closing first could lose what was written.
async fn send(on_upgrade: OnUpgrade, frames: Bytes) {
    let exchange = async {
        let Some((mut io, _)) = client_io(on_upgrade).await else { return };
        if io.write_all(&frames).await.is_err() || io.shutdown().await.is_err() {
            return;
        }
        let mut discarded = [0; 256];
        while matches!(io.read(&mut discarded).await, Ok(read) if read > 0) {}
    };
    // A client that reads nothing is left to its socket.
    let _ = tokio::time::timeout(READ_LIMIT, exchange).await;
}
