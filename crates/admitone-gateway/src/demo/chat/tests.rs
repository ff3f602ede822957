use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::*;

const FIVE: [&str; 5] = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"];

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

type Client = WebSocketStream<TcpStream>;

impl Server {
    async fn start() -> Self {
        Self::start_at(Pace::Immediate).await
    }

    async fn start_at(pace: Pace) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, pace, async { stopped.await.expect("a stop") }));
        Self { address, stop, task }
    }

    async fn connect(&self, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        let mut request = format!("ws://{}/chat", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().expect("a header value"));
        }
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        tokio_tungstenite::client_async(request, stream).await.map(|(client, _)| client)
    }

    /// Connects as the gateway does for a person, and reads the greeting.
    async fn greet(&self, issuer: &str, subject: &str) -> Client {
        let headers = [("x-admitone-issuer", issuer), ("x-admitone-subject", subject)];
        let mut client = self.connect(&headers).await.expect("an upgrade");
        assert_eq!(next(&mut client).await["type"], "connected");
        client
    }
}

async fn next(client: &mut Client) -> Value {
    let message = client.next().await.expect("a message").expect("a readable message");
    serde_json::from_str(message.to_text().expect("text")).expect("JSON")
}

async fn next_close(client: &mut Client) -> CloseFrame {
    loop {
        if let Message::Close(frame) = client.next().await.expect("a message").expect("a readable message") {
            return frame.expect("a close code");
        }
    }
}

async fn say(client: &mut Client, message: Value) {
    client.send(Message::text(message.to_string())).await.expect("sent");
}

async fn five(client: &mut Client) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in FIVE {
        events.push(next(client).await);
    }
    events
}

#[tokio::test]
async fn the_greeting_shows_the_request_as_it_arrived() {
    let server = Server::start().await;
    let headers =
        [("x-admitone-subject", "ada"), ("x-admitone-permissions", "chat:read"), ("x-twice", "1"), ("x-twice", "2")];
    let mut client = server.connect(&headers).await.expect("an upgrade");
    let greeting = next(&mut client).await;
    assert_eq!(
        (&greeting["type"], &greeting["path"], &greeting["user_id"]),
        (&json!("connected"), &json!("/chat"), &json!("ada"))
    );
    let shown = greeting["headers"].as_array().expect("a list of headers");
    for (name, value) in headers {
        assert!(shown.contains(&json!([name, value])), "{name} {value}");
    }
}

#[tokio::test]
async fn a_request_that_did_not_come_through_the_gateway_is_refused() {
    let server = Server::start().await;
    for headers in [&[][..], &[("x-admitone-subject", "")], &[("x-admitone-issuer", "https://issuer")]] {
        let Err(Error::Http(answer)) = server.connect(headers).await else { panic!("upgraded") };
        assert_eq!(answer.status(), 401);
    }
}

#[tokio::test]
async fn a_message_is_answered_by_the_five_events_in_order() {
    let server = Server::start().await;
    let mut ada = server.greet("https://issuer", "ada").await;
    say(&mut ada, json!({"type": "user_message", "content": "What is 6 * 7?", "thread_id": "t1"})).await;
    let events = five(&mut ada).await;
    assert_eq!(events.iter().map(|event| event["type"].as_str().expect("a type")).collect::<Vec<_>>(), FIVE);
    for event in &events {
        assert_eq!((&event["user_id"], &event["thread_id"]), (&json!("ada"), &json!("t1")));
        assert_eq!(event["run_id"], events[0]["run_id"]);
        assert!(event["timestamp"].as_f64().expect("Unix seconds") > 1.7e9);
    }
    let [started, thinking, executing, completed, done] = &events[..] else { panic!("five events") };
    assert_eq!(
        (&started["agent_name"], &started["task_description"]),
        (&json!("demo-agent"), &json!("What is 6 * 7?"))
    );
    assert!(thinking["reasoning"].is_string());
    assert_eq!(
        (&executing["tool_name"], &executing["tool_args"]),
        (&json!("calculator"), &json!({"expression": "6 * 7"}))
    );
    assert_eq!((&completed["tool_name"], &completed["results"]), (&json!("calculator"), &json!({"value": 42})));
    assert!(completed["execution_time"].is_f64() && completed["success"] == true);
    assert!(executing["execution_id"].is_string() && executing["execution_id"] == completed["execution_id"]);
    assert_eq!((&done["status"], &done["final_response"]), (&json!("completed"), &json!("6 * 7 = 42")));
}

#[tokio::test]
async fn runs_and_new_threads_have_ids_of_their_own() {
    let server = Server::start().await;
    let mut ada = server.greet("https://issuer", "ada").await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        say(&mut ada, json!({"type": "user_message", "content": "hello"})).await;
        let event = five(&mut ada).await.remove(0);
        seen.extend([event["run_id"].clone(), event["thread_id"].clone()]);
    }
    assert!(seen.iter().all(Value::is_string));
    assert!((0..4).all(|at| !seen[at + 1..].contains(&seen[at])), "{seen:?}");
}

#[tokio::test]
async fn events_go_to_all_connections_of_the_person_and_to_nobody_else() {
    let server = Server::start().await;
    let mut tab = server.greet("https://issuer", "ada").await;
    let mut other_tab = server.greet("https://issuer", "ada").await;
    let mut others = [server.greet("https://issuer", "grace").await, server.greet("https://other", "ada").await];
    say(&mut tab, json!({"type": "user_message", "content": "a secret of mine"})).await;
    assert_eq!(five(&mut tab).await, five(&mut other_tab).await);
    for other in &mut others {
        say(other, json!({"type": "user_message", "content": "mine"})).await;
        assert_eq!(five(other).await[0]["task_description"], "mine", "their first event is their own");
    }
}

#[tokio::test]
async fn a_run_outlives_the_connection_that_asked_for_it() {
    let server = Server::start_at(Pace::Watchable).await;
    let mut tab = server.greet("https://issuer", "ada").await;
    let mut other_tab = server.greet("https://issuer", "ada").await;
    say(&mut tab, json!({"type": "user_message", "content": "hello"})).await;
    assert_eq!(next(&mut tab).await["type"], FIVE[0]);
    drop(tab);
    assert_eq!(five(&mut other_tab).await[4]["type"], FIVE[4]);
}

#[tokio::test]
async fn what_is_not_understood_is_answered_by_an_error_and_the_connection_stays() {
    let server = Server::start().await;
    let mut ada = server.greet("https://issuer", "ada").await;
    let wrong = [
        "",
        "hello",
        "[]",
        "{}",
        r#"{"type":"agent_started"}"#,
        r#"{"type":"user_message"}"#,
        r#"{"type":"user_message","content":1}"#,
        r#"{"type":"user_message","content":""}"#,
        r#"{"type":"user_message","content":"hello","thread_id":7}"#,
        r#"{"type":"user_message","content":"hello","thread_id":""}"#,
    ];
    let long = json!({"type": "user_message", "content": "x".repeat(4097)}).to_string();
    let messages = wrong.into_iter().chain([long.as_str()]).map(Message::text).chain([Message::binary(vec![1, 2])]);
    for message in messages {
        ada.send(message.clone()).await.expect("sent");
        let answer = next(&mut ada).await;
        assert!(answer["type"] == "error" && answer["detail"].is_string(), "{message:?} {answer}");
    }
    say(&mut ada, json!({"type": "user_message", "content": "\u{1}".repeat(4096)})).await;
    assert_eq!(five(&mut ada).await[4]["status"], "completed");
}

#[tokio::test]
async fn a_message_past_the_limit_closes_the_connection() {
    let server = Server::start().await;
    let mut ada = server.greet("https://issuer", "ada").await;
    ada.send(Message::text("x".repeat(40_000))).await.expect("sent");
    assert_eq!(next_close(&mut ada).await.code, CloseCode::Size);
}

#[tokio::test]
async fn a_persons_runs_are_bounded() {
    let server = Server::start_at(Pace::Watchable).await;
    let mut ada = server.greet("https://issuer", "ada").await;
    for _ in 0..9 {
        say(&mut ada, json!({"type": "user_message", "content": "hello"})).await;
    }
    let (mut started, mut refused) = (0, 0);
    while started + refused < 9 {
        match next(&mut ada).await["type"].as_str().expect("a type") {
            "agent_started" => started += 1,
            "error" => refused += 1,
            _ => {}
        }
    }
    assert_eq!((started, refused), (8, 1));
}

#[tokio::test]
async fn a_connection_that_does_not_read_is_let_go_and_the_others_are_not() {
    let people = People::default();
    let identity = people::Identity { issuer: "https://issuer".to_owned(), subject: "ada".to_owned() };
    let (room, mut slow) = people.join(&identity);
    let (_, mut quick) = people.join(&identity);
    for _ in 0..100 {
        room.publish(&"an event".into());
        assert!(quick.recv().await.is_some());
    }
    let mut waiting = 0;
    while slow.recv().await.is_some() {
        waiting += 1;
    }
    assert_eq!(waiting, 64, "then its queue ended");
}

#[tokio::test]
async fn a_person_is_forgotten_with_their_last_connection() {
    let people = People::default();
    let identity = people::Identity { issuer: "https://issuer".to_owned(), subject: "ada".to_owned() };
    let (room, first) = people.join(&identity);
    let (_, last) = people.join(&identity);
    drop(first);
    people.leave(&identity);
    assert!(Arc::ptr_eq(&room, &people.join(&identity).0), "one is left");
    drop(last);
    people.leave(&identity);
    assert!(!Arc::ptr_eq(&room, &people.join(&identity).0), "none is left");
}

#[tokio::test]
async fn shutting_down_closes_every_connection_and_ends() {
    let server = Server::start_at(Pace::Watchable).await;
    let mut ada = server.greet("https://issuer", "ada").await;
    let half_open = TcpStream::connect(server.address).await.expect("a connection");
    say(&mut ada, json!({"type": "user_message", "content": "hello"})).await;
    assert_eq!(next(&mut ada).await["type"], FIVE[0]);
    server.stop.send(()).expect("a running server");
    assert_eq!(next_close(&mut ada).await.code, CloseCode::Away);
    server.task.await.expect("a clean end");
    drop(half_open);
}
