//! As a client of the older system connects: it mints, connects to the URL that it is given, and falls back to its JWT when there
//! are no tickets.

use std::net::SocketAddr;

use admitone_gateway::demo::chat::{self, Pace};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{ON, ROUTE_LINES, post, text};
use crate::admin::{ADMIN, Operated};
use crate::client::{Request, soon};
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, World};

const FIVE: [&str; 5] = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"];

const STATUS: &str = "GET /websocket/tickets/status";

type Socket = WebSocketStream<TcpStream>;

/// The chat that stands behind the gateway.
async fn chat() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(chat::serve(listener, Pace::Immediate, std::future::pending()));
    address
}

async fn world(top: &str, end: &str) -> World {
    let route = format!("{ROUTE_LINES}\njwt_fallback = \"allow\"");
    World::with(Lines { top, route: &route, end, ..Lines::default() }, &format!("ws://{}/chat", chat().await)).await
}

/// What their connection service does: a ticket, or on 404 the JWT as subprotocol.
async fn connect(world: &World, jwt: &str) -> (Socket, &'static str) {
    let answer = post(world, "/websocket/ticket", jwt, r#"{"ttl_seconds": 300, "single_use": true}"#).await;
    match answer.status {
        200 => (open(world, &text(&answer.json(), "websocket_url"), None).await, "ticket"),
        404 => {
            let url = format!("ws://{}/chat", world.address);
            (open(world, &url, Some(&format!("jwt-auth, jwt.{jwt}"))).await, "jwt")
        }
        _ => panic!("{answer:?}"),
    }
}

async fn open(world: &World, url: &str, protocols: Option<&str>) -> Socket {
    let mut request = url.into_client_request().expect("a URL");
    request.headers_mut().insert("Origin", ORIGIN.parse().expect("a value"));
    if let Some(protocols) = protocols {
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().expect("a value"));
    }
    let stream = TcpStream::connect(world.address).await.expect("a connection");
    soon("a socket", client_async(request, stream)).await.expect("an upgrade").0
}

async fn next(socket: &mut Socket) -> Value {
    let message = soon("a message", socket.next()).await.expect("open").expect("a message");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

/// Says something, and hears the five events in their order, all of this person.
async fn converse(socket: &mut Socket, method: &str) {
    let greeting = next(socket).await;
    assert_eq!((&greeting["type"], &greeting["user_id"]), (&json!("connected"), &json!("ada")));
    assert!(greeting["headers"].as_array().expect("headers").contains(&json!(["x-admitone-method", method])));
    let said = json!({ "type": "user_message", "content": "What is 6 * 7?", "thread_id": "t1" });
    socket.send(Message::text(said.to_string())).await.expect("a write");
    for wanted in FIVE {
        let event = next(socket).await;
        assert_eq!((&event["type"], &event["user_id"]), (&json!(wanted), &json!("ada")));
    }
}

#[tokio::test]
async fn a_client_mints_connects_to_its_url_and_hears_the_five_events() {
    let world = world(ON, "").await;
    let (mut socket, by) = connect(&world, &token("ada")).await;
    assert_eq!(by, "ticket");
    converse(&mut socket, "ticket").await;
}

#[tokio::test]
async fn while_they_are_off_a_client_is_told_404_and_connects_by_its_jwt() {
    let world = world("", "").await;
    let (mut socket, by) = connect(&world, &token("ada")).await;
    assert_eq!(by, "jwt");
    converse(&mut socket, "jwt").await;
}

/// The flag that the older system had, changed by an operator while everything runs.
#[tokio::test]
async fn f25_a_client_follows_the_rollout_to_its_jwt_and_back() {
    let operated = Operated::of(world(ON, ADMIN).await, Upstream::echo().await);
    let (world, ada) = (&operated.world, token("ada"));
    let waiting = super::ticket(world, &ada).await;
    let status = async || {
        let asked = [Request::new(STATUS), Request::new(STATUS).bearer(&ada)];
        let mut on = Vec::new();
        for request in asked {
            on.push(world.ask(request).await.json()["ticket_system_enabled"].clone());
        }
        on
    };
    for (percent, method) in [(100, "ticket"), (0, "jwt"), (100, "ticket")] {
        operated.roll_out(json!({ "percent": percent })).await;
        assert_eq!(status().await, [percent == 100, percent == 100], "{percent}");
        let (mut socket, by) = connect(world, &ada).await;
        assert_eq!(by, method, "{percent}");
        converse(&mut socket, method).await;
    }
    operated.roll_out(json!({ "percent": 0 })).await;
    for path in ["/api/websocket/ticket", "/auth/generate-ticket"] {
        let answer = post(world, path, &ada, "{}").await;
        assert_eq!((answer.status, &*answer.problem()), (404, "tickets_disabled"), "{path}");
    }
    let mut socket = open(world, &format!("ws://{}/chat?ticket={waiting}", world.address), None).await;
    converse(&mut socket, "ticket").await;
}
