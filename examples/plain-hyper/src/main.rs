//! A WebSocket echo on hyper alone that admits by ticket: no framework and no tower, two calls.
//!
//! `PUBLIC_URL=http://127.0.0.1:3000 ORIGIN=http://127.0.0.1:5173 cargo run -p plain-hyper`

use std::convert::Infallible;
use std::error::Error;

use admitone::now::Now;
use admitone::origin::WebOrigin;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::route::Route;
use admitone::tower::{Admit, Admitted, Door, NoLogin};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

#[cfg(test)]
mod tests;

type Answer = Response<Full<Bytes>>;
type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let server = Server::new(&setting("PUBLIC_URL")?, &setting("ORIGIN")?)?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on http://{}", listener.local_addr()?);
    server.serve(listener).await
}

#[derive(Clone)]
struct Server {
    admit: Admit,
    door: Door,
}

impl Server {
    fn new(public_url: &str, origin: &str) -> Result<Self, Box<dyn Error>> {
        let echo = Route::new("/echo", [WebOrigin::parse(origin)?]);
        let admit = Admit::in_memory(public_url, [echo], logins)?;
        Ok(Self { door: admit.door("/echo")?, admit })
    }

    async fn serve(self, listener: TcpListener) -> Result<(), Box<dyn Error>> {
        loop {
            let (stream, _) = listener.accept().await?;
            let server = self.clone();
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { server.answer(request).await }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    }

    /// The two calls.
    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        match request.uri().path() {
            "/echo" => self.door.admit(request, echo).await,
            _ => Ok(self.admit.answer(request).await.map(Full::from)),
        }
    }
}

/// Stands for whatever knows who is logged in: a session store, a database, a server that is asked.
fn logins(session: &str, now: Now) -> Result<Login, NoLogin> {
    let name = session.strip_prefix("session-of-").ok_or_else(|| NoLogin::Refused("no such session".to_owned()))?;
    let principal = Principal::new("https://app.example.com", name, None);
    Ok(Login {
        principal: principal.map_err(|error| NoLogin::Refused(error.to_string()))?,
        permissions: Permissions::default(),
        stamp: LoginStamp { issued_at: now.unix - 1, sid: Some(session.into()), jti: None },
        expires_at: now.unix + 3600,
    })
}

/// Answers with a socket; by now the client is known.
async fn echo(mut request: Request<Incoming>, admitted: Admitted) -> Result<Answer, Infallible> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move { drop(talk(upgrade, &admitted).await) });
    let mut response = Answer::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // The door has seen that there is one key, and base64 is header text.
    let accept = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    headers.extend(accept.and_then(|accept| accept.parse().ok()).map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
    Ok(response)
}

/// Until the client leaves, or the session has to close.
async fn talk(upgrade: OnUpgrade, admitted: &Admitted) -> Result<(), Box<dyn Error + Send + Sync>> {
    let io = TokioIo::new(upgrade.await?);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    match admitted.until_closing(repeat(&mut socket, admitted.principal().subject())).await {
        Ok(ended) => ended?,
        Err(code) => {
            let close = CloseFrame { code: code.code().into(), reason: code.reason().into() };
            socket.close(Some(close)).await?;
        }
    }
    Ok(())
}

async fn repeat(socket: &mut Socket, name: &str) -> Result<(), SocketError> {
    while let Some(message) = socket.next().await.transpose()? {
        if let Message::Text(text) = message {
            socket.send(Message::text(format!("{name}: {text}"))).await?;
        }
    }
    Ok(())
}
