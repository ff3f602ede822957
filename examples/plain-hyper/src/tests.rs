//! The echo as a client meets it.

use std::time::Duration;

use admitone_client::{AdmitConnection, Code, Event, HttpTicketSource, Options, Url};
use tokio_tungstenite::tungstenite::Message as Text;

use super::*;

async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(10);
    tokio::time::timeout(limit, happens).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}

async fn serve() -> (Admit, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = Server::new(&url, "https://app.example.com").expect("a policy");
    let admit = server.admit.clone();
    tokio::spawn(async move { server.serve(listener).await.map_err(|error| error.to_string()) });
    (admit, Url::parse(&url).expect("a URL"))
}

fn connect(url: &Url, session: &'static str) -> AdmitConnection {
    let source = HttpTicketSource::new(url.clone(), move || std::future::ready(Ok(session.to_owned())));
    AdmitConnection::open(source, Options::default()).expect("a connection")
}

#[tokio::test]
async fn s5_it_echoes_to_whom_it_admitted_until_the_session_is_ended() {
    let (admit, url) = serve().await;
    let mut connection = connect(&url, "session-of-ada");
    assert!(matches!(soon("an opening", connection.next_event()).await, Some(Event::Opened(_))));
    connection.send(Text::text("hello")).await.expect("it is open");
    match soon("an echo", connection.next_event()).await {
        Some(Event::Message(message)) => assert_eq!(message, Text::text("ada: hello")),
        other => panic!("{other:?}"),
    }
    let [session] = admit.engine().sessions.list(|_| true).try_into().expect("one session");
    admit.engine().admission.close_session(&session.id, Now::read()).await.expect("memory answers");
    match soon("an end", connection.next_event()).await {
        Some(Event::Closed(ended)) => assert_eq!(ended.cause.code, Code::REVOKED),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_is_not_logged_in_gets_no_ticket() {
    let (admit, url) = serve().await;
    match soon("an end", connect(&url, "nonsense").next_event()).await {
        Some(Event::Closed(ended)) => assert_eq!(ended.cause.code, Code::NOT_LOGGED_IN),
        other => panic!("{other:?}"),
    }
    assert_eq!(admit.engine().sessions.count(), 0);
}
