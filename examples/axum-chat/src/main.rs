//! A chat on axum that admits by ticket: everybody hears what everybody says, each line with the name of who said it.
//!
//! `JWT_SECRET_FILE=secret.key PUBLIC_URL=http://127.0.0.1:3000 ORIGIN=http://127.0.0.1:5173 cargo run -p axum-chat`

use std::error::Error;
use std::time::Duration;

use admitone::authn::{Algorithm, ClaimNames, JwtIssuer, TokenKind, Verifier, VerifyingKey};
use admitone::axum::{Admit, Admitted};
use admitone::origin::WebOrigin;
use admitone::route::Route;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

#[cfg(test)]
mod tests;

/// How long sockets may take to close at the end.
const DRAIN: Duration = Duration::from_secs(5);

type Room = broadcast::Sender<String>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let secret = std::fs::read(setting("JWT_SECRET_FILE")?)?;
    let admit = admission(&setting("PUBLIC_URL")?, &setting("ORIGIN")?, &secret)?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let app = app(&admit)?;
    let stopped = async move {
        let _ = tokio::signal::ctrl_c().await;
        admit.drain(DRAIN).await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stopped).await?;
    Ok(())
}

/// Admits the pages of `origin`, by the logins that an identity provider has signed with `secret`.
fn admission(public_url: &str, origin: &str, secret: &[u8]) -> Result<Admit, Box<dyn Error>> {
    let algorithms = [Algorithm::Hs256];
    let issuer = JwtIssuer {
        name: "main".to_owned(),
        issuer: "https://id.example.com".to_owned(),
        audiences: vec!["chat".to_owned()],
        algorithms: algorithms.to_vec(),
        keys: VerifyingKey::from_secret(secret, &algorithms)?.into(),
        token_kind: TokenKind::Access { require_at_jwt: false },
        leeway_seconds: 30,
        claims: ClaimNames::default(),
    };
    let route = Route::new("/chat", [WebOrigin::parse(origin)?]);
    Ok(Admit::in_memory(public_url, [route], Verifier::new(vec![issuer])?)?)
}

/// The two lines.
fn app(admit: &Admit) -> Result<Router, Box<dyn Error>> {
    let room = Room::new(64);
    Ok(Router::new().route("/chat", get(chat).layer(admit.door("/chat")?)).merge(admit.routes()).with_state(room))
}

async fn chat(admitted: Admitted, State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| talk(socket, admitted, room))
}

/// Until the person leaves, or the session has to close.
async fn talk(mut socket: WebSocket, admitted: Admitted, room: Room) {
    let code = match admitted.until_closing(converse(&mut socket, &admitted, &room)).await {
        Ok(()) => return,
        Err(code) => code,
    };
    let close = CloseFrame { code: code.code(), reason: code.reason().into() };
    let _ = socket.send(Message::Close(Some(close))).await;
}

async fn converse(socket: &mut WebSocket, admitted: &Admitted, room: &Room) {
    let name = admitted.principal().subject();
    let mut heard = room.subscribe();
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                // Nobody listens only when this one has gone, too.
                Some(Ok(Message::Text(text))) => drop(room.send(format!("{name}: {text}"))),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            line = heard.recv() => match line {
                Ok(line) => if socket.send(line.into()).await.is_err() { return },
                // Whoever reads too slowly misses lines.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}
