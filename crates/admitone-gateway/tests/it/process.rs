//! The real binary.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{oneshot, watch};

use crate::client::{Connection, Request, soon};
use crate::tokens::FOLDER;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE};

pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Ended with the test, however that ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `admitone serve`.
pub(crate) struct Process {
    child: Running,
    configuration: PathBuf,
    pub(crate) address: SocketAddr,
    log: watch::Receiver<String>,
    outputs: [oneshot::Receiver<String>; 2],
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
        Self::serve_by(admitone(), configuration).await
    }

    /// The same, by a command with something in its environment.
    pub(crate) async fn serve_by(mut command: Command, configuration: &str) -> Self {
        let path = write_configuration(configuration);
        command.args(["serve", "--config"]).arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(command.spawn().expect("the binary"));
        let stdout = child.0.stdout.take().expect("piped");
        let stderr = child.0.stderr.take().expect("piped");
        let (found, address) = oneshot::channel();
        let (told, log) = watch::channel(String::new());
        let outputs = [in_thread(move || read_all(stdout)), in_thread(move || read_log(stderr, found, &told))];
        let address = soon("it listens", address).await.expect("an address in the log");
        Self { child, configuration: path, address, log, outputs }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.0.kill().expect("a running process");
        self.child.0.wait().expect("its end");
    }

    /// Puts another configuration in the place of its own.
    pub(crate) fn reconfigure(&self, text: &str) {
        let new = write_configuration(text);
        std::fs::rename(new, &self.configuration).expect("in one folder");
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("kill").arg(format!("-{name}")).arg(self.child.0.id().to_string()).status();
        assert!(told.expect("kill").success());
    }

    /// Waits until its log has these words so often: what counts already may be told a moment later.
    pub(crate) async fn tells(&self, words: &str, times: usize) {
        let mut log = self.log.clone();
        let told = soon(words, log.wait_for(|log| log.matches(words).count() >= times)).await;
        assert!(told.is_ok(), "it ended before it told {words}");
    }

    /// Waits for its end, which its outputs end with.
    pub(crate) async fn finished(self) -> Finished {
        let Self { mut child, outputs: [stdout, stderr], .. } = self;
        let [stdout, stderr] = [soon("its output ends", stdout).await, soon("its log ends", stderr).await];
        let (stdout, stderr) = (stdout.expect("its output"), stderr.expect("its log"));
        Finished { status: child.0.wait().expect("its end"), stdout, stderr }
    }
}

/// Unlike a task of the runtime, nothing waits for it when the test has failed.
fn in_thread(read: impl FnOnce() -> String + Send + 'static) -> oneshot::Receiver<String> {
    let (done, reading) = oneshot::channel();
    std::thread::spawn(move || drop(done.send(read())));
    reading
}

fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).expect("UTF-8");
    text
}

fn read_log(from: impl Read, found: oneshot::Sender<SocketAddr>, told: &watch::Sender<String>) -> String {
    let mut found = Some(found);
    for line in BufReader::new(from).lines() {
        let line = line.expect("UTF-8");
        let address = ["address=", "\"address\":\""].iter().find_map(|before| line.split(before).nth(1));
        let address = address.and_then(|rest| rest.split([' ', '"']).next()?.parse().ok());
        if let Some((address, found)) = address.zip(found.take_if(|_| address.is_some())) {
            // Nobody waits for it any more if the test has failed.
            let _ = found.send(address);
        }
        told.send_modify(|text| {
            text.push_str(&line);
            text.push('\n');
        });
    }
    told.borrow().clone()
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
    let process = Process::serve(&Lines::default().configuration(&upstream.url())).await;
    process.terminate();
    let finished = process.finished().await;
    let lines = finished.stderr.lines().map(|line| serde_json::from_str(line).expect("each line is JSON"));
    let lines: Vec<serde_json::Value> = lines.collect();
    let listening = lines.iter().find(|line| line["message"] == "listening").expect("a line that says where");
    assert_eq!(listening["level"], "INFO");
    assert!(listening["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")));
}
