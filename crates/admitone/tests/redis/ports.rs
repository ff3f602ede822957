//! Ports for servers that cannot be told "any": theirs until this process ends.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the system gives to whoever connects: none of these is taken between the look and the server's start.
const FIRST: u16 = 10_240;
const LAST: u16 = 26_623;

/// The locks by which other processes know what is claimed.
static CLAIMED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port that nobody listens on, claimed from every other process that asks here.
pub(crate) fn claim() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id() as u16;
    let claims = std::env::temp_dir().join("admitone-ports");
    std::fs::create_dir_all(&claims).expect("a folder for the claims");
    for _ in FIRST..=LAST {
        let step = start.wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + step % (LAST - FIRST + 1);
        let lock = File::create(claims.join(port.to_string())).expect("a file for the claim");
        if lock.try_lock().is_ok() && TcpListener::bind(("0.0.0.0", port)).is_ok() {
            CLAIMED.lock().expect("nobody panics with it").push(lock);
            return port;
        }
    }
    panic!("no port from {FIRST} to {LAST} is free");
}
