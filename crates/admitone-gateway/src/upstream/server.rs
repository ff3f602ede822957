//! One of the servers behind a route.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Address;
use super::resolve::Resolver;

/// How long a server that could not be reached is tried after the others.
const PASSED_OVER: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: Arc<Address>,
    pub(super) resolver: Resolver,
    made: Instant,
    /// Until when others come first: milliseconds since it was made.
    passed_over_until: AtomicU64,
}

impl Server {
    pub(super) fn new(address: Address) -> Self {
        let resolver = Resolver::new(address.host(), address.port());
        Self { address: Arc::new(address), resolver, made: Instant::now(), passed_over_until: AtomicU64::new(0) }
    }

    pub(super) fn failed(&self) {
        let until = self.made.elapsed() + PASSED_OVER;
        self.passed_over_until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn answered(&self) {
        self.passed_over_until.store(0, Ordering::Relaxed);
    }

    pub(super) fn is_passed_over(&self) -> bool {
        let age = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        age < self.passed_over_until.load(Ordering::Relaxed)
    }
}
