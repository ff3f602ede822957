//! Real servers on free ports, in folders of their own. They are gone when the test's process is, however it ends.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::ports;

/// Starts the program, kills it at the end of its own standard input, and removes the folder.
const KEEPER: &str = r#"
    folder=$1; shift; exec 3<&0
    sh -c 'echo "pid $$"; exec "$@"' sh "$@" 3<&- & server=$!
    { cat <&3 >/dev/null; kill -9 $server 2>/dev/null; } & end=$!
    { wait $server; } 2>/dev/null; echo ended
    wait $end; rm -rf "$folder"
"#;

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    pid: u32,
    keeper: Child,
}

impl Server {
    /// A server that keeps nothing on disk unless it is told to.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_in(folder(), ports::claim(), arguments.iter().map(ToString::to_string).collect())
    }

    /// A member of a Cluster that has yet to meet the others, which give it up after so many milliseconds of silence.
    fn member(timeout: &str) -> Self {
        let bus = ports::claim().to_string();
        let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", timeout, "--cluster-port", &bus];
        Self::start(&cluster)
    }

    fn sentinel(service: &str, primary: u16, down_after: u32) -> Self {
        let (folder, port) = (folder(), ports::claim());
        let config = folder.join("sentinel.conf");
        let text = format!(
            "port {port}\nsentinel monitor {service} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {service} {down_after}\nsentinel failover-timeout {service} 2000\n"
        );
        std::fs::write(&config, text).expect("a folder to write to");
        Self::start_in(folder, port, vec![config.display().to_string(), "--sentinel".into()])
    }

    fn start_in(folder: PathBuf, port: u16, arguments: Vec<String>) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(&folder).arg(program());
        let is_sentinel = arguments.iter().any(|argument| argument == "--sentinel");
        command.args(&arguments);
        if !is_sentinel {
            command.args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"]).arg(&folder);
            command.args(["--repl-diskless-sync-delay", "0"]);
        }
        let mut keeper =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("sh");
        let mut lines = BufReader::new(keeper.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let pid =
            lines.next().and_then(|line| line.strip_prefix("pid ")?.parse().ok()).expect("the shell says the pid");
        let mut said = Vec::new();
        let is_ready = |line: &String| line.contains("Ready to accept") || line.contains("Sentinel ID is");
        while said.last().is_none_or(|line| !is_ready(line)) {
            let line = lines.next().filter(|line| line != "ended");
            said.push(line.unwrap_or_else(|| panic!("the server did not start:\n{}", said.join("\n"))));
        }
        std::thread::spawn(move || lines.for_each(drop));
        let server = Self { port, folder, arguments, pid, keeper };
        while is_sentinel && server.cli(&["PING"]) != "PONG" {
            std::thread::yield_now();
        }
        server
    }

    /// Runs a command there; what it answers.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(command).output();
        let output = output.expect("redis-cli of the package redis-tools");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// It hangs, with its connections open.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
        // The signal is sent before the process stands still.
        eventually("the server stands still", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("a process");
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        });
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Nothing is written any more, nothing said.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
        // The process is gone before its port is free.
        let is_there = || Path::new(&format!("/proc/{}/exe", self.pid)).exists();
        while is_there() || TcpListener::bind(("127.0.0.1", self.port)).is_err() {
            std::thread::yield_now();
        }
    }

    /// Once it was killed: the same server again, with what it had on disk.
    pub(crate) fn restart(&mut self) {
        let kept = folder();
        for file in std::fs::read_dir(&self.folder).expect("its folder").flatten() {
            std::fs::copy(file.path(), kept.join(file.file_name())).expect("a copy");
        }
        *self = Self::start_in(kept, self.port, self.arguments.clone());
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid.to_string()]).status().expect("kill");
        assert!(sent.success(), "{signal} to the server");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// A primary with a replica, and three Sentinels that watch them.
pub(crate) struct Trio {
    pub(crate) primary: Server,
    pub(crate) replica: Server,
    pub(crate) sentinels: [Server; 3],
}

impl Trio {
    pub(crate) const SERVICE: &'static str = "tickets";

    /// Fails over half a second after its primary has fallen silent.
    pub(crate) fn start() -> Self {
        Self::start_with(500)
    }

    /// Keeps its primary: on a busy machine it falls silent for a while.
    pub(crate) fn start_steady() -> Self {
        Self::start_with(60_000)
    }

    fn start_with(down_after: u32) -> Self {
        let primary = Server::start(&[]);
        let replica = replica_of(&primary);
        let sentinels = std::array::from_fn(|_| Server::sentinel(Self::SERVICE, primary.port, down_after));
        for sentinel in &sentinels {
            eventually("the Sentinels know one another and the replica", || {
                let known = sentinel.cli(&["SENTINEL", "MASTER", Self::SERVICE]);
                let value = |name| known.lines().skip_while(|line| *line != name).nth(1).map(str::to_owned);
                value("num-other-sentinels").as_deref() == Some("2") && value("num-slaves").as_deref() == Some("1")
            });
        }
        Self { primary, replica, sentinels }
    }

    /// The port that the Sentinels announce.
    pub(crate) fn announced(&self) -> u16 {
        let address = self.sentinels[0].cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::SERVICE]);
        address.lines().nth(1).and_then(|port| port.parse().ok()).expect("an address")
    }
}

/// Three shards.
pub(crate) struct Cluster {
    pub(crate) primaries: Vec<Server>,
    pub(crate) replicas: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start(with_replicas: bool) -> Self {
        // Nobody is given up soon unless another can take over: on a busy machine members fall silent for a while.
        let timeout = if with_replicas { "1000" } else { "5000" };
        let primaries: Vec<_> = (0..3).map(|_| Server::member(timeout)).collect();
        let replicas: Vec<_> = (0..if with_replicas { 3 } else { 0 }).map(|_| Server::member(timeout)).collect();
        let addresses = primaries.iter().chain(&replicas).map(Server::address);
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(addresses).arg("--cluster-yes");
        create.args(["--cluster-replicas", if with_replicas { "1" } else { "0" }]);
        let created = create.output().expect("redis-cli");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let cluster = Self { primaries, replicas };
        for member in cluster.members() {
            eventually("all members agree", || member.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        }
        for replica in &cluster.replicas {
            eventually("replicas have caught up", || replica.cli(&["INFO", "replication"]).contains("status:up"));
        }
        cluster
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Server> {
        self.primaries.iter().chain(&self.replicas)
    }
}

/// A replica that has caught up.
pub(crate) fn replica_of(primary: &Server) -> Server {
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    eventually("the replica has caught up", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
    replica
}

/// Asks until it is so, for at most a minute: how long servers take for an election nobody promises.
pub(crate) fn eventually(what: &str, is_so: impl FnMut() -> bool) {
    eventually_within(Duration::from_secs(60), what, is_so);
}

pub(crate) fn eventually_within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Redis, or the server that `ADMITONE_REDIS_SERVER` names, such as Valkey's.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("ADMITONE_REDIS_SERVER") {
        return named.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.exists());
    found.expect("redis-server is not on the PATH: apt-get install redis-server")
}

fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("admitone-redis-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}
