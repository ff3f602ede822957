//! Tickets are of the randomness that they say.

use std::collections::HashSet;

use admitone::admission::Admission;
use admitone::grant::{Grant, SessionId};
use admitone::now::Now;
use admitone::revocation::Mark;
use admitone::store::{BoxFuture, Opening, PutError, StoreUnavailable, Stored, Taken, TicketKey, TicketStore};
use admitone::ticket::SubjectTag;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::world::{chat, grant, keys, login, now};

const THREADS: usize = 4;
const MINTS: usize = 1_000_000;

/// Takes whatever is put, and has nothing.
struct Nowhere;

impl Nowhere {
    fn nothing<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, StoreUnavailable>> {
        Box::pin(std::future::ready(Err(StoreUnavailable)))
    }
}

impl TicketStore for Nowhere {
    fn put(&self, _: TicketKey, _: Stored, _: Now) -> BoxFuture<'_, Result<(), PutError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn peek(&self, _: TicketKey, _: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        self.nothing()
    }

    fn take(&self, _: TicketKey, _: Opening<'_>, _: Now) -> BoxFuture<'_, Result<Option<Taken>, StoreUnavailable>> {
        self.nothing()
    }

    fn discard(&self, _: TicketKey, _: Now) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        self.nothing()
    }

    fn discard_session<'a>(
        &'a self,
        _: SubjectTag,
        _: &'a SessionId,
        _: Now,
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        self.nothing()
    }

    fn enter(
        &self,
        _: SubjectTag,
        _: &Grant,
        _: &SessionId,
        _: Opening<'_>,
        _: Now,
    ) -> BoxFuture<'_, Result<Option<Mark>, StoreUnavailable>> {
        self.nothing()
    }

    fn probe(&self) -> BoxFuture<'_, Result<(), StoreUnavailable>> {
        self.nothing()
    }
}

/// The random id and the MAC of each of some tickets.
fn mint(count: usize) -> Vec<[u8; 32]> {
    let node = Admission::new(
        keys(),
        std::sync::Arc::new(Nowhere),
        std::sync::Arc::<admitone::revocation::memory::MemoryRevocations>::default(),
    );
    let (now, runtime) = (now(), tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));
    let grant = grant(&login("ada", now), now);
    let mint = |_| {
        let minted = runtime.block_on(node.mint(grant.clone(), &chat(), now)).expect("a ticket");
        let bytes = URL_SAFE_NO_PAD.decode(&minted.ticket.expose()[5..]).expect("base64url");
        bytes[22..].try_into().expect("54 bytes")
    };
    (0..count).map(mint).collect()
}

/// The bounds are at least six standard deviations wide: no fair million is ever refused.
#[test]
fn s4_a_million_mints_share_nothing_and_their_bits_and_bytes_are_fair() {
    let mints: Vec<_> = std::thread::scope(|scope| {
        let minting = [(); THREADS].map(|()| scope.spawn(|| mint(MINTS / THREADS)));
        minting.into_iter().flat_map(|minted| minted.join().expect("no panic")).collect()
    });
    let distinct = |from: usize| mints.iter().map(|mint| &mint[from..from + 16]).collect::<HashSet<_>>().len();
    assert_eq!((distinct(0), distinct(16)), (MINTS, MINTS), "ids, and MACs");

    let (mut ones, mut values) = ([0_u32; 256], [[0_u32; 256]; 32]);
    for mint in &mints {
        for (at, byte) in mint.iter().enumerate() {
            values[at][usize::from(*byte)] += 1;
            (0..8).for_each(|bit| ones[8 * at + bit] += u32::from(byte >> bit & 1));
        }
    }
    for (bit, count) in ones.into_iter().enumerate() {
        assert!(count.abs_diff(MINTS as u32 / 2) < 3000, "bit {bit} was set {count} times");
    }
    for (at, counts) in values.into_iter().enumerate() {
        let expected = MINTS as f64 / 256.0;
        let chi_squared: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert!((100.0..420.0).contains(&chi_squared), "byte {at}: {chi_squared}");
    }
}
