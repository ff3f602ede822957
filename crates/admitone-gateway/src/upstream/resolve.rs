//! The addresses of a name.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is used. The system's resolver does not tell how long it is good for.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Resolves one name: one lookup at a time, its answer shared for a few seconds.
#[derive(Debug)]
pub(super) struct Resolver {
    host: String,
    port: u16,
    known: ArcSwapOption<Known>,
    lookup: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    until: Instant,
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, known: ArcSwapOption::empty(), lookup: Mutex::new(()) }
    }

    pub(super) async fn addresses(&self) -> Result<Arc<[SocketAddr]>, Error> {
        if let Some(addresses) = self.fresh() {
            return Ok(addresses);
        }
        let _one = self.lookup.lock().await;
        if let Some(addresses) = self.fresh() {
            return Ok(addresses);
        }
        let addresses: Arc<[SocketAddr]> = lookup_host((self.host.as_str(), self.port)).await?.collect();
        if addresses.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "the name has no address"));
        }
        let until = Instant::now() + KEPT_FOR;
        self.known.store(Some(Arc::new(Known { addresses: Arc::clone(&addresses), until })));
        Ok(addresses)
    }

    /// Looks the name up anew the next time, unless somebody has done so since `addresses` were given out.
    pub(super) fn forget(&self, addresses: &Arc<[SocketAddr]>) {
        let known = self.known.load();
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(&known.addresses, addresses)) {
            self.known.compare_and_swap(&*known, None);
        }
    }

    fn fresh(&self) -> Option<Arc<[SocketAddr]>> {
        let known = self.known.load();
        known.as_ref().filter(|known| Instant::now() < known.until).map(|known| Arc::clone(&known.addresses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_shared_until_it_is_forgotten_or_old() {
        let resolver = Resolver::new("127.0.0.1", 9000);
        let first = resolver.addresses().await.expect("an IP address");
        assert_eq!(*first, ["127.0.0.1:9000".parse().expect("an address")]);
        let second = resolver.addresses().await.expect("an IP address");
        assert!(Arc::ptr_eq(&first, &second));

        resolver.forget(&first);
        let third = resolver.addresses().await.expect("an IP address");
        assert!(!Arc::ptr_eq(&first, &third));
        resolver.forget(&first);
        assert!(Arc::ptr_eq(&third, &resolver.addresses().await.expect("an IP address")), "only its own answer");

        tokio::time::advance(KEPT_FOR).await;
        assert!(!Arc::ptr_eq(&third, &resolver.addresses().await.expect("an IP address")));
    }
}
