//! Autobahn's cases against an echo server, directly and through the gateway with a fresh ticket for each.
//!
//! The fuzzing client knows nothing of tickets: a shim before the gateway mints one for each of its connections.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::tokens::FOLDER;
use crate::world::{Lines, ORIGIN, ROUTE, World};

/// All but those of compression (12 and 13), which the echo server does not speak.
const CASES: usize = 301;

/// What a case's report says of the peer. The rest is times, addresses, and how TCP cut the bytes.
const COMPARED: [&str; 6] =
    ["behavior", "behaviorClose", "remoteCloseCode", "remoteCloseReason", "received", "wasClean"];

const UNLIMITED: &str = "[limits]\nsessions_per_subject = 0\nmints_per_minute_per_subject = 0\n\
     mints_per_minute_per_address = 0\nconnections_per_address = 0\ndials_per_address = 0\n";

type Verdicts = BTreeMap<String, Vec<Value>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m1_s25_autobahns_cases_end_alike_with_and_without_the_gateway() {
    let upstream = echo().await;
    let url = format!("ws://{upstream}/behind");
    let world = World::with(Lines { end: UNLIMITED, ..Lines::default() }, &url).await;
    let shim = shim(world).await;
    let direct = run("direct", upstream).await;
    let through = run("through", shim).await;

    let accepted = |case: &&Vec<Value>| case[0] == "OK" || case[0] == "NON-STRICT" || case[0] == "INFORMATIONAL";
    println!("{} cases, {} of them accepted by Autobahn", direct.len(), direct.values().filter(accepted).count());
    assert_eq!((direct.len(), through.len()), (CASES, CASES));
    let different: Vec<_> = direct.iter().filter(|(case, verdict)| through[*case] != **verdict).collect();
    for (case, verdict) in &different {
        println!("{case}: directly {verdict:?}\n{case}:  through {:?}", through[*case]);
    }
    println!("{} equal, {} different", CASES - different.len(), different.len());
    assert!(different.is_empty(), "{} cases differ", different.len());
    assert_eq!(direct.values().filter(accepted).count(), CASES, "the echo server is sound, or little is compared");
}

/// Runs the cases against the server there.
async fn run(name: &str, server: SocketAddr) -> Verdicts {
    let kosoku = std::env::var_os("ADMITONE_KOSOKU");
    let kosoku = kosoku.expect("ADMITONE_KOSOKU says where kosoku is: run `cargo xtask test --only autobahn`");
    let reports = FOLDER.join(name);
    let mut command = Command::new("timeout");
    command.args(["120", "python3", "-c", "from kosoku._cli import main; main()", "--parallelism", "4"]);
    command.args(["--exclude", "12.*", "--exclude", "13.*", "--outdir"]).arg(&reports).arg(server.to_string());
    command.env("PYTHONPATH", kosoku);
    let ran = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("timeout");
    // Its status says whether all cases passed, which is not what is asked here.
    assert!(reports.join("index.json").exists(), "no report: {}", String::from_utf8_lossy(&ran.stderr));
    verdicts(&reports)
}

fn verdicts(reports: &Path) -> Verdicts {
    let files = reports.read_dir().expect("a folder of reports").flatten().map(|file| file.path());
    let cases = files.filter(|file| file.to_string_lossy().contains("_case_"));
    let cases = cases.filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    let read = |file| {
        let text = std::fs::read(file).expect("a report");
        let report: Value = serde_json::from_slice(&text).expect("JSON");
        let id = report["id"].as_str().expect("a case's number").to_owned();
        (id, COMPARED.map(|field| report[field].clone()).to_vec())
    };
    cases.map(read).collect()
}

/// A server that echoes messages, and answers what is no WebSocket with the Close that is due.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream));
        }
    });
    address
}

async fn converse(stream: TcpStream) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    while let Some(message) = socket.next().await {
        let sent = match message {
            Ok(message) if message.is_text() || message.is_binary() => socket.send(message).await,
            Ok(_) => Ok(()),
            Err(fault) => {
                let close = CloseFrame { code: code_of(&fault), reason: "".into() };
                // A peer that is gone needs no Close.
                let _ = socket.close(Some(close)).await;
                break;
            }
        };
        if sent.is_err() {
            break;
        }
    }
    linger(socket.into_inner()).await;
}

fn code_of(fault: &Error) -> CloseCode {
    match fault {
        Error::Utf8(_) => CloseCode::Invalid,
        _ => CloseCode::Protocol,
    }
}

/// Ends the sending half and reads on to the end: unread bytes would make TCP take back what was written.
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_ok() {
        let mut unread = [0; 4096];
        while matches!(stream.read(&mut unread).await, Ok(read) if read > 0) {}
    }
}

/// Stands before the gateway, and gives each connection a ticket of its own.
async fn shim(world: World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let world = Arc::new(world);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let world = world.clone();
            tokio::spawn(async move { admit(stream, &world).await });
        }
    });
    address
}

async fn admit(mut client: TcpStream, world: &World) -> io::Result<()> {
    let request = head(&mut client).await?;
    let ticket = world.ticket().await;
    let ours = format!(
        "GET {ROUTE} HTTP/1.1\r\nOrigin: {ORIGIN}\r\nSec-WebSocket-Protocol: admitone.v1, admitone.ticket.{ticket}\r\n"
    );
    let mut gateway = TcpStream::connect(world.address).await?;
    gateway.write_all(request.replacen("GET / HTTP/1.1\r\n", &ours, 1).as_bytes()).await?;
    let answer = head(&mut gateway).await?;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    // The fuzzing client has offered no subprotocol.
    let is_kept = |line: &&str| !line.to_ascii_lowercase().starts_with("sec-websocket-protocol:");
    let answer: String = answer.split_inclusive("\r\n").filter(is_kept).collect();
    client.write_all(answer.as_bytes()).await?;
    copy_bidirectional(&mut client, &mut gateway).await.map(drop)
}

/// Reads a head and not a byte more.
async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
