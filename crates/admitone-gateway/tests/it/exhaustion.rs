//! The real process with more clients than it has descriptors or patience for.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, channel};

use crate::client::{Connection, Request, soon};
use crate::process::{Process, Running};
use crate::tokens::token;
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE};

const UNLIMITED: &str =
    "[limits]\nconnections_per_address = 0\nmints_per_minute_per_subject = 0\nsessions_per_subject = 0";

/// A gateway that may have only so many descriptors.
pub(crate) async fn serve(descriptors: u32, server: &str, upstream: &Upstream) -> Process {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_admitone"));
    let lines = Lines { server, store: "max_tickets_per_subject = 1000", end: UNLIMITED, ..Lines::default() };
    Process::serve_by(command, &lines.configuration(&upstream.url())).await
}

pub(crate) async fn ticket(address: SocketAddr) -> String {
    let mut connection = Connection::open(address).await;
    connection.send(Request::post("/auth/ticket").origin(ORIGIN).bearer(&token("ada")).text()).await;
    connection.answer().await.json()["ticket"].as_str().expect("a ticket").to_owned()
}

pub(crate) fn upgrade(ticket: &str) -> String {
    Request::upgrade(ROUTE).origin(ORIGIN).ticket(ticket).text()
}

pub(crate) async fn open(address: SocketAddr, ticket: &str) -> Connection {
    let mut connection = Connection::open(address).await;
    connection.send(upgrade(ticket)).await;
    assert_eq!(connection.answer().await.status, 101);
    connection
}

fn proc(process: &Process, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/{file}", process.id())).expect("a running process")
}

fn descriptors(process: &Process) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.id())).expect("a running process").count()
}

/// What the process has computed, in hundredths of a second.
fn computed(process: &Process) -> u64 {
    let stat = proc(process, "stat");
    let (_, behind_the_name) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = behind_the_name.split_ascii_whitespace().collect();
    [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// In KiB.
pub(crate) fn resident(process: &Process) -> u64 {
    let status = proc(process, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a Linux system");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn f22_without_descriptors_accepting_pauses_and_recovers_by_itself() {
    let upstream = Upstream::echo().await;
    let process = serve(64, "header_timeout_seconds = 60\ndrain_seconds = 0", &upstream).await;
    let mut socket = open(process.address, &ticket(process.address).await).await;
    socket.echo("alive").await;
    let unused = ticket(process.address).await;
    let mut kept = Connection::open(process.address).await;
    kept.send(Request::new("GET /healthz").text()).await;
    assert_eq!(kept.answer().await.status, 200);

    let mut flood = Vec::new();
    for _ in 0..100 {
        flood.push(Connection::open(process.address).await);
    }
    soon("no descriptor is left", async {
        while descriptors(&process) < 64 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let before = computed(&process);
    let watched = Instant::now();
    while watched.elapsed() < Duration::from_secs(1) {
        socket.echo("sockets that are open stay").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let spent = computed(&process) - before;
    assert!(spent < 50, "waiting costs nothing: {spent} of 100 hundredths");
    kept.send(upgrade(&unused)).await;
    let answer = kept.answer().await;
    assert_eq!((answer.status, answer.header("admitone-ticket")), (502, Some("unspent")), "no descriptor to dial with");

    drop(flood);
    // Who is answered has come behind all of the flood that still waited to be accepted, and had a descriptor each.
    let mut last = Connection::open(process.address).await;
    last.send(Request::new("GET /healthz").text()).await;
    assert_eq!(last.answer().await.status, 200);
    soon("the flood's descriptors are free again", async {
        while descriptors(&process) > 48 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut again = open(process.address, &unused).await;
    again.echo("recovered").await;
    socket.echo("still alive").await;
    process.terminate();
    let finished = process.finished().await;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    let told = finished.stderr.matches("cannot accept a connection").count();
    assert!((1..300).contains(&told), "told, and not for every try: {told}");
}

const HALF_OPEN: u64 = 10_000;

/// Opens so many connections, sends most of an upgrade on each, waits for their ends, and says how long each took.
const OPENER: &str = r#"
import os, selectors, socket, sys, time
address = (sys.argv[1], int(sys.argv[2]))
# An address of its own: those of other tests have their own ten thousand ports.
source = ("127.1.%d.%d" % divmod(os.getpid() % 65024 + 256, 256), 0)
head = b"GET /chat HTTP/1.1\r\nHost: gateway.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
waiting = selectors.DefaultSelector()
for _ in range(int(sys.argv[3])):
    client = socket.create_connection(address, source_address=source)
    client.sendall(head)
    client.setblocking(False)
    waiting.register(client, selectors.EVENT_READ, time.monotonic())
print("open", flush=True)
lives = []
while waiting.get_map():
    for key, _ in waiting.select(60) or sys.exit("connections stay open"):
        try:
            rest = key.fileobj.recv(4096)
        except ConnectionError:
            rest = b""
        if not rest:
            lives.append(time.monotonic() - key.data)
            waiting.unregister(key.fileobj)
            key.fileobj.close()
print(min(lives), max(lives), flush=True)
"#;

/// Runs the opener, and what it says.
fn half_open(address: SocketAddr) -> (Receiver<String>, Running) {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 12000 && exec python3 -c \"$0\" \"$@\"", OPENER]);
    command.args([address.ip().to_string(), address.port().to_string(), HALF_OPEN.to_string()]);
    let mut opener = Running(command.stdout(Stdio::piped()).spawn().expect("python3"));
    let lines = BufReader::new(opener.0.stdout.take().expect("piped")).lines();
    let (say, said) = channel(2);
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| say.blocking_send(line)));
    (said, opener)
}

async fn next(said: &mut Receiver<String>) -> String {
    let line = tokio::time::timeout(Duration::from_secs(120), said.recv()).await;
    line.expect("within two minutes").expect("a line")
}

/// How long a hundred upgrades took, one after another: the slowest but one.
async fn slowest(address: SocketAddr) -> Duration {
    let mut took = Vec::new();
    for _ in 0..100 {
        let ticket = ticket(address).await;
        let started = Instant::now();
        drop(open(address, &ticket).await);
        took.push(started.elapsed());
    }
    took.sort_unstable();
    took[98]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f17_s33_m9_ten_thousand_half_open_upgrades_are_small_reaped_and_in_nobodys_way() {
    let upstream = Upstream::echo().await;
    let process = serve(12_000, "max_connections = 11000", &upstream).await;
    let idle = slowest(process.address).await;
    let before = resident(&process);

    let (mut said, _opener) = half_open(process.address);
    assert_eq!(next(&mut said).await, "open");
    let each = resident(&process).saturating_sub(before) * 1024 / HALF_OPEN;
    let flooded = slowest(process.address).await;
    let lives = next(&mut said).await;
    let lives: Vec<f64> = lives.split_ascii_whitespace().map(|life| life.parse().expect("seconds")).collect();

    println!(
        "each half-open upgrade {each} bytes; the slowest but one of a hundred: idle {idle:?}, flooded {flooded:?}; lives {lives:?} s"
    );
    assert!(each <= 16 * 1024, "{each} bytes each");
    // A machine that runs other tests beside this one is slow by itself. To wait for a half-open one takes seconds.
    assert!(flooded <= 2 * idle + Duration::from_millis(500), "{flooded:?} beside {idle:?}");
    assert!(lives[0] > 4.0 && lives[1] < 20.0, "reaped after five seconds, and soon on a busy machine: {lives:?}");
    drop(open(process.address, &ticket(process.address).await).await);
}
