//! `admitone connect` against this gateway, as an operator runs it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::client::{Request, soon};
use crate::process::{Running, admitone};
use crate::tokens::{FOLDER, token};
use crate::upstream::Upstream;
use crate::world::{ROUTE, World};

fn token_file(name: &str, token: &str) -> PathBuf {
    let path = FOLDER.join(name);
    std::fs::write(&path, format!("{token}\n")).expect("a file");
    path
}

struct Terminal {
    child: Running,
    stdin: Option<ChildStdin>,
    said: mpsc::UnboundedReceiver<String>,
}

impl Terminal {
    fn start(url: &str, token_file: &PathBuf, arguments: &[&str]) -> Self {
        let mut command = admitone();
        command.arg("connect").arg(url).arg("--token-file").arg(token_file).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(command.spawn().expect("the binary"));
        let (stdout, stderr) = (child.0.stdout.take().expect("piped"), child.0.stderr.take().expect("piped"));
        let (sender, said) = mpsc::unbounded_channel();
        let other = sender.clone();
        // Nobody listens any more once the test has failed.
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|l| other.send(l))
        });
        Self { stdin: child.0.stdin.take(), child, said }
    }

    fn to(world: &World, token_file: &PathBuf, arguments: &[&str]) -> Self {
        Self::start(&format!("ws://{}{ROUTE}", world.address), token_file, arguments)
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("not closed"), "{line}").expect("it reads");
    }

    async fn line(&mut self) -> String {
        soon("a line", self.said.recv()).await.expect("it goes on")
    }

    async fn row(&mut self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"))
    }

    /// All that it still says, and its exit status.
    async fn ended(mut self) -> (String, Option<i32>) {
        let mut rest = Vec::new();
        while let Some(line) = soon("its end", self.said.recv()).await {
            rest.push(line);
        }
        (rest.join("\n"), self.child.0.wait().expect("it has ended").code())
    }
}

#[tokio::test]
async fn lines_go_out_messages_come_in_and_the_end_of_input_ends_it() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let mut terminal = Terminal::to(&world, &token_file("lines.token", &token("ada")), &[]);
    let connected = terminal.line().await;
    assert!(connected.starts_with("connected with a ticket, session "), "{connected}");
    for text in ["hello", "", "grüße"] {
        terminal.say(text);
        assert_eq!(terminal.line().await, text);
    }
    drop(terminal.stdin.take());
    let (rest, status) = terminal.ended().await;
    assert_eq!((&*rest, status), ("closed_by_application (Close 1000)", Some(0)));
}

#[tokio::test]
async fn s5_a_revocation_ends_it_with_3_and_every_event_is_a_row() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let token = token("ada");
    let mut terminal = Terminal::to(&world, &token_file("revoked.token", &token), &["--json"]);
    let opened = terminal.row().await;
    assert_eq!((&opened["event"], &opened["method"]), (&"opened".into(), &"ticket".into()));
    terminal.say("hello");
    assert_eq!(terminal.row().await, serde_json::json!({ "event": "message", "text": "hello" }));
    assert_eq!(world.ask(Request::post("/auth/logout").bearer(&token)).await.status, 204);
    let closed = terminal.row().await;
    assert_eq!((&closed["event"], &closed["code"]), (&"closed".into(), &"revoked".into()));
    assert_eq!(closed["close"]["code"], 4900);
    assert_eq!(terminal.ended().await, (String::new(), Some(3)));
}

#[tokio::test]
async fn an_upstreams_error_ends_it_with_4() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", listener.local_addr().expect("its address"));
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("the gateway");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("an upgrade");
        let close = CloseFrame { code: 4000.into(), reason: "no such room".into() };
        socket.close(Some(close)).await.expect("a Close");
        while socket.next().await.is_some() {}
    });
    let world = World::before(&url).await;
    let terminal = Terminal::to(&world, &token_file("upstream.token", &token("ada")), &[]);
    let (said, status) = terminal.ended().await;
    assert!(said.ends_with("closed_by_upstream (Close 4000 no such room)"), "{said}");
    assert_eq!(status, Some(4));
    serving.await.expect("no panic");
}

#[tokio::test]
async fn s16_what_is_wrong_is_told_with_its_mend_and_without_the_token() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let good = token_file("good.token", &token("ada"));
    let nowhere = format!("ws://{}/nowhere", world.address);
    let missing = FOLDER.join("missing.token");
    for (url, file, arguments, told, status) in [
        (&*nowhere, &good, &[][..], "is the URL's path one of the gateway's routes?", 3),
        (&*nowhere, &token_file("bad.token", "not-a-login"), &[], "Log in first; log in again", 3),
        (&*nowhere, &token_file("empty.token", ""), &[], "empty.token is empty", 2),
        (&*nowhere, &missing, &[], "cannot read", 2),
        ("gw.example.com", &good, &[], "it looks like wss://gw.example.com/chat", 2),
        ("wss://ada:pass@gw/", &good, &[], "it holds a user name or password", 2),
        ("ws://gw.example.com/", &good, &[], "is not encrypted: use https or wss", 2),
        (&*nowhere, &good, &["--gateway", "gw.example.com"], "it looks like https://gw.example.com", 2),
        (&*nowhere, &good, &["--protocol", "admitone.v1"], "--protocol: subprotocol 0", 2),
        (&*nowhere, &good, &["--ca-file", "nowhere.pem"], "--ca-file: cannot read nowhere.pem", 2),
    ] {
        let (said, ended) = Terminal::start(url, file, arguments).ended().await;
        assert!(said.contains(told), "{told}: {said}");
        assert_eq!(ended, Some(status), "{said}");
        for secret in ["not-a-login", "eyJ", "pass"].iter().filter(|secret| !told.contains(**secret)) {
            assert!(!said.contains(secret), "{said}");
        }
    }
    assert!(upstream.received_by_now().await.is_empty());
}
