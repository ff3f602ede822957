//! The real binary.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::client::{Connection, LIMIT, Request, soon};
use crate::tokens::FOLDER;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE};

pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running `admitone serve`.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    outputs: [JoinHandle<String>; 2],
}

pub(crate) fn write_configuration(text: &str) -> PathBuf {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let path = FOLDER.join(format!("serve-{}.toml", FILES.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, text).expect("a file");
    path
}

pub(crate) fn admitone() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_admitone"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ADMITONE_")) {
        command.env_remove(name);
    }
    command
}

impl Process {
    /// Starts it with this configuration and waits until it listens.
    pub(crate) async fn serve(configuration: &str) -> Self {
        let path = write_configuration(configuration);
        let mut command = admitone();
        command.args(["serve", "--config"]).arg(path).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        let stdout = child.stdout.take().expect("piped");
        let stderr = child.stderr.take().expect("piped");
        let (found, address) = tokio::sync::oneshot::channel();
        let outputs =
            [std::thread::spawn(move || read_all(stdout)), std::thread::spawn(move || read_log(stderr, found))];
        let address = soon("it listens", address).await.expect("an address in the log");
        Self { child, address, outputs }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(told.expect("kill").success());
    }

    /// Waits for its end.
    pub(crate) async fn finished(self) -> Finished {
        let Self { mut child, outputs: [stdout, stderr], .. } = self;
        let ending = tokio::task::spawn_blocking(move || {
            let status = child.wait().expect("its end");
            let (stdout, stderr) = (stdout.join().expect("its output"), stderr.join().expect("its log"));
            Finished { status, stdout, stderr }
        });
        soon("it ends", ending).await.expect("no panic")
    }
}

fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).expect("UTF-8");
    text
}

fn read_log(from: impl Read, found: tokio::sync::oneshot::Sender<SocketAddr>) -> String {
    let mut found = Some(found);
    let mut text = String::new();
    for line in BufReader::new(from).lines() {
        let line = line.expect("UTF-8");
        let address = line.split("address=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        if let Some((address, found)) = address.zip(found.take_if(|_| address.is_some())) {
            // Nobody waits for it any more if the test has failed.
            let _ = found.send(address);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[tokio::test]
async fn f12_sigterm_drains_and_exits_with_0() {
    let upstream = Upstream::echo().await;
    let lines = Lines { server: "drain_seconds = 1\n[log]\nformat = \"text\"", ..Lines::default() };
    let process = Process::serve(&lines.configuration(&upstream.url())).await;
    let mut sockets = Vec::new();
    for subject in ["ada", "grace"] {
        let mut connection = Connection::open(process.address).await;
        let mint = Request::post("/auth/ticket").origin(ORIGIN).bearer(&crate::tokens::token(subject));
        connection.send(mint.text()).await;
        let minted = connection.answer().await.json();
        let ticket = minted["ticket"].as_str().expect("a ticket");
        connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket).text()).await;
        assert_eq!(connection.answer().await.status, 101);
        connection.echo("alive").await;
        sockets.push(connection);
    }
    process.terminate();
    for socket in &mut sockets {
        assert_eq!(socket.close().await, (1012, "admitone:draining".to_owned()));
    }
    drop(sockets);
    let finished = process.finished().await;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    for line in ["listening", "draining", "drained", "session ended"] {
        assert!(finished.stderr.contains(line), "{line}: {}", finished.stderr);
    }
    assert_eq!(finished.stdout, "");
}

#[tokio::test]
async fn a_busy_port_is_told_with_its_mend() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = taken.local_addr().expect("its address");
    let configuration =
        Lines::default().configuration("ws://127.0.0.1:9/").replace("127.0.0.1:0", &address.to_string());
    let path = write_configuration(&configuration);
    let output = admitone().args(["serve", "--config"]).arg(path).output().expect("the binary");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains(&format!("cannot listen on {address}")), "{told}");
    assert!(told.contains("choose another in server.listen"), "{told}");
}

#[tokio::test]
async fn the_log_is_json_by_default() {
    let upstream = Upstream::echo().await;
    let path = write_configuration(&Lines::default().configuration(&upstream.url()));
    let mut child =
        admitone().args(["serve", "--config"]).arg(path).stderr(Stdio::piped()).spawn().expect("the binary");
    let stderr = child.stderr.take().expect("piped");
    let first = Arc::new(Mutex::new(None));
    let seen = first.clone();
    let reading = tokio::task::spawn_blocking(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let entry: serde_json::Value = serde_json::from_str(&line).expect("each line is JSON");
            if entry["message"] == "listening" {
                *seen.lock().expect("no panic") = Some(entry);
                break;
            }
        }
    });
    let read = tokio::time::timeout(LIMIT, reading).await;
    child.kill().expect("a running process");
    child.wait().expect("its end");
    read.expect("in time").expect("no panic");
    let entry = first.lock().expect("no panic").take().expect("a line that says where it listens");
    assert_eq!(entry["level"], "INFO");
    assert!(entry["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")));
}
