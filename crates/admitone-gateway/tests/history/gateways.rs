//! Two gateways: the real binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::RwLock;

use crate::tokens::FOLDER;
use crate::world::Lines;

/// Eight clients at one address are the load here, and present a ticket as often as they like.
const UNLIMITED: &str = "[limits]\nsessions_per_subject = 0\nmints_per_minute_per_subject = 0\nmints_per_minute_per_address = 0\n\
     failed_redeems_per_minute_per_address = 0\nconnections_per_address = 0\ndials_per_address = 0\n\
     dials_per_ticket = 0\ndials_per_ticket_at_once = 0\n";

pub(crate) struct Gateways {
    configuration: PathBuf,
    running: [RwLock<Running>; 2],
    idle: [Held; 2],
}

/// What a gateway's process has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) descriptors: usize,
    /// Resident, in bytes.
    pub(crate) memory: u64,
}

impl Gateways {
    /// Starts both and waits until they listen.
    pub(crate) fn start(fence: &str, redis: SocketAddr, upstream: SocketAddr) -> Self {
        let store = format!(
            "kind = \"redis\"\nurl = \"redis://{redis}\"\nfence = \"{fence}\"\nmax_tickets_per_subject = 1000000"
        );
        let lines = Lines { store: &store, tickets: "ttl_seconds = 900", end: UNLIMITED, ..Lines::default() };
        let configuration = FOLDER.join(format!("history-{}.toml", redis.port()));
        std::fs::write(&configuration, lines.configuration(&format!("ws://{upstream}/behind"))).expect("a file");
        let running = [Running::start(&configuration), Running::start(&configuration)];
        let idle = [0, 1].map(|at: usize| running[at].held());
        Self { configuration, running: running.map(RwLock::new), idle }
    }

    /// What each had before anybody came.
    pub(crate) fn idle(&self) -> [Held; 2] {
        self.idle
    }

    pub(crate) fn held(&self, at: usize) -> Held {
        self.running[at].read().expect("no panic").held()
    }

    /// Where one of them listens now.
    pub(crate) fn address(&self, at: usize) -> SocketAddr {
        self.running[at].read().expect("no panic").address
    }

    /// Kills one of them with -9 and starts it anew; it comes back with nothing in its memory, on another port.
    pub(crate) fn kill_and_restart(&self, at: usize) {
        self.running[at].write().expect("no panic").kill();
        let fresh = Running::start(&self.configuration);
        *self.running[at].write().expect("no panic") = fresh;
    }
}

struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start(configuration: &PathBuf) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_admitone"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ADMITONE_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--config"]).arg(configuration).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("the gateway did not start:\n{}", said.join("\n")));
            if let Some(address) = address_in(&line) {
                break address;
            }
            said.push(line);
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn held(&self) -> Held {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let descriptors = std::fs::read_dir(process.join("fd")).expect("it runs").count();
        let status = std::fs::read_to_string(process.join("status")).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        Held { descriptors, memory: kilobytes * 1024 }
    }

    fn kill(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = ["address=", "\"address\":\""].iter().find_map(|before| line.split(before).nth(1))?;
    rest.split([' ', '"']).next()?.parse().ok()
}
