//! The chat as people meet it, by the native client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use admitone_client::{AdmitConnection, Code, Event, HttpTicketSource, Message, Options, Url};
use futures_util::SinkExt as _;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const SECRET: &[u8] = b"the secret that the identity provider signs with";

/// How long anything may take before its test fails.
const LIMIT: Duration = Duration::from_secs(10);

async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, happens).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
}

/// A chat that listens, and its address.
async fn serve() -> (Admit, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let admit = admission(&url, "https://app.example.com", SECRET).expect("a policy");
    let app = app(&admit).expect("a router");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (admit, Url::parse(&url).expect("a URL"))
}

fn token(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let claims = json!({ "iss": "https://id.example.com", "aud": "chat", "sub": name, "sid": name, "iat": now, "exp": now + 600 });
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).expect("a token")
}

async fn join(url: &Url, name: &str) -> AdmitConnection {
    let token = token(name);
    let source = HttpTicketSource::new(url.clone(), move || std::future::ready(Ok(token.clone())));
    let mut chat = AdmitConnection::open(source, Options::default()).expect("a connection");
    match soon("an opening", chat.next_event()).await {
        Some(Event::Opened(_)) => chat,
        other => panic!("{other:?}"),
    }
}

async fn hears(chat: &mut AdmitConnection, line: &str) {
    match soon(line, chat.next_event()).await {
        Some(Event::Message(message)) => assert_eq!(message, Message::text(line)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everybody_hears_who_says_what() {
    let (_admit, url) = serve().await;
    let (mut ada, mut grace) = (join(&url, "ada").await, join(&url, "grace").await);
    ada.send(Message::text("good morning")).await.expect("it is open");
    hears(&mut grace, "ada: good morning").await;
    hears(&mut ada, "ada: good morning").await;
    grace.send(Message::text("good morning, Ada")).await.expect("it is open");
    hears(&mut ada, "grace: good morning, Ada").await;
}

#[tokio::test]
async fn s5_whoever_logs_out_is_out_and_the_others_stay() {
    let (admit, url) = serve().await;
    let (mut ada, mut grace) = (join(&url, "ada").await, join(&url, "grace").await);
    let login = admitone::principal::Principal::new("https://id.example.com", "ada", None).expect("a principal");
    let now = admitone::now::Now::read();
    let logout = admitone::revocation::Revocation::of_subject(&login, now.unix);
    admit.engine().revocations.revoke(logout, now).await.expect("memory answers");
    match soon("an end", ada.next_event()).await {
        Some(Event::Closed(ended)) => assert_eq!(ended.cause.code, Code::REVOKED),
        other => panic!("{other:?}"),
    }
    grace.send(Message::text("she is gone")).await.expect("it is open");
    hears(&mut grace, "grace: she is gone").await;
}

#[tokio::test]
async fn f12_a_shutdown_sends_everybody_elsewhere() {
    let (admit, url) = serve().await;
    let mut ada = join(&url, "ada").await;
    let draining = tokio::spawn(async move { admit.drain(Duration::from_millis(10)).await });
    match soon("a wait", ada.next_event()).await {
        Some(Event::Waiting { ended, .. }) => assert_eq!(ended.cause.code, Code::DRAINING),
        other => panic!("{other:?}"),
    }
    soon("the drain", draining).await.expect("no panic");
}
