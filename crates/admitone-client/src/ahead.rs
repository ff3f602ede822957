//! The one ticket that is minted ahead, so that a reconnect does not wait for it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::mint::{MintError, Minted};
use crate::source::TicketSource;

/// A ticket with less time left is discarded, but for those that never had twice as much.
const LEAST_LEFT: Duration = Duration::from_secs(30);

pub(crate) type Minting = Pin<Box<dyn Future<Output = Result<Minted, MintError>> + Send>>;

pub(crate) enum Ahead {
    None,
    Minting(Minting),
    Ready { minted: Box<Minted>, since: Instant },
}

impl Ahead {
    /// Mints unless a ticket that serves waits already, or is about to come.
    pub(crate) fn begin<S: TicketSource>(&mut self, source: &Arc<S>) {
        if !matches!(self, Self::Minting(_)) && !self.serves() {
            *self = Self::Minting(mint(source.clone()));
        }
    }

    /// What the next acquisition waits for, if anything.
    pub(crate) fn take(&mut self) -> Option<Minting> {
        let serves = self.serves();
        match std::mem::replace(self, Self::None) {
            Self::Minting(minting) => Some(minting),
            Self::Ready { minted, .. } if serves => Some(Box::pin(async { Ok(*minted) })),
            Self::None | Self::Ready { .. } => None,
        }
    }

    /// Waits for the ticket. A failure is nobody's news: the next acquisition mints by itself.
    pub(crate) async fn progress(&mut self) {
        let Self::Minting(minting) = self else { return std::future::pending().await };
        *self = match minting.await {
            Ok(minted) => Self::Ready { minted: Box::new(minted), since: Instant::now() },
            Err(_) => Self::None,
        };
    }

    fn serves(&self) -> bool {
        let Self::Ready { minted, since } = self else { return false };
        let left = minted.expires_in.saturating_sub(since.elapsed());
        left > LEAST_LEFT.min(minted.expires_in / 2)
    }
}

pub(crate) fn mint<S: TicketSource>(source: Arc<S>) -> Minting {
    Box::pin(async move { source.mint().await })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::mint::Renewed;
    use crate::source::Token;

    /// Counts what it minted, in the tickets' handles.
    #[derive(Default)]
    struct Counting(AtomicU64);

    impl TicketSource for Counting {
        async fn mint(&self) -> Result<Minted, MintError> {
            let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            Minted::read(
                format!(
                    r#"{{"ticket":"adm1_x","session_id":"{number}","expires_in":60,"websocket_url":"wss://gw.example.com/"}}"#
                )
                .as_bytes(),
            )
        }

        async fn renew(&self, _: &str) -> Result<Renewed, MintError> {
            Err(MintError::NoUrl)
        }

        async fn token(&self) -> Result<Token, MintError> {
            Err(MintError::TokenText)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_ticket_waits_at_most_reaches_one_and_is_discarded_when_it_is_old() {
        let source = Arc::new(Counting::default());
        let mut ahead = Ahead::None;
        ahead.begin(&source);
        ahead.begin(&source);
        ahead.progress().await;
        ahead.begin(&source);
        assert_eq!(source.0.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_secs(29)).await;
        let taken = ahead.take().expect("the ticket that waits").await.expect("a ticket");
        assert_eq!(taken.session_id, "1");
        assert!(ahead.take().is_none(), "nobody else gets it");

        ahead.begin(&source);
        ahead.progress().await;
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(ahead.take().is_none(), "30 of its 60 seconds are over");
    }
}
