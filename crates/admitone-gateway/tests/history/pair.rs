//! A Redis and its replica.

use std::net::TcpListener;

use crate::link::Link;
use crate::servers::{Server, eventually};

pub(crate) struct Pair {
    pub(crate) primary: Server,
    replica: Server,
}

impl Pair {
    pub(crate) fn start() -> Self {
        let primary = Server::start(&[]);
        let replica = replica_of(&primary);
        Self { primary, replica }
    }

    /// Kills the primary with -9; when this returns, its port is free for the next.
    pub(crate) fn kill_primary(&self) {
        self.primary.kill();
        let is_free = || TcpListener::bind(("0.0.0.0", self.primary.port)).is_ok();
        eventually("its port is free", is_free);
    }

    /// Waits until the replica has all that the primary has by now.
    pub(crate) fn is_in_step(&self) {
        eventually("the replica follows", || self.replica.cli(&["INFO", "replication"]).contains("link_status:up"));
        let sent = offset(&self.primary, "master_repl_offset");
        eventually("the replica has it all", || offset(&self.replica, "slave_repl_offset") >= sent);
    }

    /// From here on the replica hears nothing.
    pub(crate) fn cut_replication(&self) {
        self.replica.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    }

    /// Kills the primary, puts the replica in its place, and gives that one a replica.
    pub(crate) fn fail_over(&mut self, link: &Link) {
        self.kill_primary();
        // Not while it loads what it was sent.
        eventually("it is promoted", || self.replica.cli(&["REPLICAOF", "NO", "ONE"]) == "OK");
        link.lead_to(self.replica.port);
        let fresh = replica_of(&self.replica);
        self.primary = std::mem::replace(&mut self.replica, fresh);
    }
}

/// Told at run time whom it follows: as an argument it would follow them again when it is restarted.
fn replica_of(primary: &Server) -> Server {
    let replica = Server::start(&[]);
    assert_eq!(replica.cli(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]), "OK");
    eventually("the replica follows", || replica.cli(&["INFO", "replication"]).contains("master_link_status:up"));
    replica
}

fn offset(server: &Server, name: &str) -> u64 {
    let told = server.cli(&["INFO", "replication"]);
    let value = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no {name}: {told}"))
}
