//! How often a ticket may have its upstream dialled.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use admitone::ticket::TicketId;

/// No ticket lives longer than an hour.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Most tickets remembered. Only genuine ones come here, so whoever fills it has minted as many.
const MOST: usize = 1 << 16;

/// The dials of tickets on this node: in flight, and in all of those that did not end in a redemption.
#[derive(Debug)]
pub(super) struct TicketDials {
    /// 0 without a limit.
    at_once: AtomicU32,
    in_all: AtomicU32,
    tickets: Mutex<HashMap<TicketId, Made>>,
}

#[derive(Debug)]
struct Made {
    in_flight: u32,
    in_all: u32,
    first: Instant,
}

impl TicketDials {
    pub(super) fn new(at_once: Option<NonZeroU32>, in_all: Option<NonZeroU32>) -> Arc<Self> {
        let dials = Self { at_once: AtomicU32::default(), in_all: AtomicU32::default(), tickets: Mutex::default() };
        dials.set(at_once, in_all);
        Arc::new(dials)
    }

    /// Other limits; what was counted stays counted.
    pub(super) fn set(&self, at_once: Option<NonZeroU32>, in_all: Option<NonZeroU32>) {
        self.at_once.store(at_once.map_or(0, NonZeroU32::get), Ordering::Relaxed);
        self.in_all.store(in_all.map_or(0, NonZeroU32::get), Ordering::Relaxed);
    }

    /// One more dial for a ticket that opens up to `uses` connections, which multiply the limits; `None` when it is too many.
    pub(super) fn begin(self: &Arc<Self>, ticket: TicketId, uses: u32, now: Instant) -> Option<TicketDial> {
        let within = |limit: &AtomicU32, made: u32| {
            let limit = limit.load(Ordering::Relaxed);
            limit == 0 || made < limit.saturating_mul(uses)
        };
        let mut tickets = self.tickets();
        if tickets.len() >= MOST && !tickets.contains_key(&ticket) {
            make_room(&mut tickets, now);
        }
        let made = tickets.entry(ticket).or_insert(Made { in_flight: 0, in_all: 0, first: now });
        if !within(&self.at_once, made.in_flight) || !within(&self.in_all, made.in_all) {
            return None;
        }
        made.in_flight += 1;
        made.in_all += 1;
        Some(TicketDial { dials: self.clone(), ticket, redeemed: false })
    }

    fn tickets(&self) -> MutexGuard<'_, HashMap<TicketId, Made>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets tickets that are over, and if none is, those that wait for nothing.
fn make_room(tickets: &mut HashMap<TicketId, Made>, now: Instant) {
    tickets.retain(|_, made| made.in_flight > 0 || now.saturating_duration_since(made.first) < FORGOTTEN_AFTER);
    if tickets.len() >= MOST {
        tickets.retain(|_, made| made.in_flight > 0);
    }
}

/// A dial in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct TicketDial {
    dials: Arc<TicketDials>,
    ticket: TicketId,
    redeemed: bool,
}

impl TicketDial {
    /// It ended in a redemption: from now on the ticket's uses count, and not its dials.
    pub(super) fn redeemed(mut self) {
        self.redeemed = true;
    }
}

impl Drop for TicketDial {
    fn drop(&mut self) {
        let mut tickets = self.dials.tickets();
        let Some(made) = tickets.get_mut(&self.ticket) else { return };
        made.in_flight = made.in_flight.saturating_sub(1);
        made.in_all = made.in_all.saturating_sub(u32::from(self.redeemed));
        if made.in_flight == 0 && made.in_all == 0 {
            tickets.remove(&self.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use admitone::admission::Admission;
    use admitone::grant::Grant;
    use admitone::now::Now;
    use admitone::principal::{Login, LoginStamp, Permissions, Principal};
    use admitone::revocation::memory::MemoryRevocations;
    use admitone::store::memory::MemoryTicketStore;
    use admitone::ticket::Place;
    use admitone::ticket::keys::TicketKeys;

    use super::*;

    const PLACE: Place<'_> = Place { route: "/chat", origin: None, address: None };

    async fn tickets<const N: usize>() -> [TicketId; N] {
        let revocations = Arc::new(MemoryRevocations::default());
        let store = Arc::new(MemoryTicketStore::new(Default::default(), revocations.clone()));
        let admission = Admission::new(TicketKeys::random().expect("random bytes"), store, revocations);
        let now = Now::read();
        let login = Login {
            principal: Principal::new("https://issuer", "ada", None).expect("a principal"),
            permissions: Permissions::default(),
            stamp: LoginStamp { issued_at: now.unix, sid: None, jti: None },
            expires_at: now.unix + 900,
        };
        let mut ids = Vec::new();
        for _ in 0..N {
            let grant = Grant::of(&login, PLACE.route, Duration::from_secs(60), now.unix);
            let minted = admission.mint(grant, &PLACE, now).await.expect("a ticket");
            let authentic = admission.inspect(&minted.ticket, &PLACE, now).expect("a genuine ticket");
            ids.push(authentic.ticket_id().expect("a ticket's"));
        }
        ids.try_into().expect("as many")
    }

    fn dials(at_once: u32, in_all: u32) -> Arc<TicketDials> {
        TicketDials::new(NonZeroU32::new(at_once), NonZeroU32::new(in_all))
    }

    #[tokio::test]
    async fn one_dial_at_once_and_three_in_all() {
        let ([one, other], dials, now) = (tickets().await, dials(1, 3), Instant::now());
        for _ in 0..3 {
            let dial = dials.begin(one, 1, now).expect("a dial");
            assert!(dials.begin(one, 1, now).is_none(), "while one is in flight");
            assert!(
                dials.begin(other, 1, now).is_some_and(|dial| {
                    dial.redeemed();
                    true
                }),
                "another ticket's"
            );
            drop(dial);
        }
        assert!(dials.begin(one, 1, now).is_none(), "a fourth");
        assert_eq!(dials.tickets().len(), 1, "nothing is kept of one that was redeemed");
    }

    #[tokio::test]
    async fn the_uses_of_a_ticket_multiply_its_dials_and_redemptions_give_them_back() {
        let ([ticket], dials, now) = (tickets().await, dials(1, 1), Instant::now());
        let both = [dials.begin(ticket, 2, now).expect("a dial"), dials.begin(ticket, 2, now).expect("a dial")];
        assert!(dials.begin(ticket, 2, now).is_none());
        let [redeemed, failed] = both;
        redeemed.redeemed();
        drop(failed);
        let last = dials.begin(ticket, 2, now).expect("the dial that was given back");
        drop(last);
        assert!(dials.begin(ticket, 2, now).is_none());
    }

    #[tokio::test]
    async fn tickets_that_are_over_make_room() {
        let ([one, other], now) = (tickets().await, Instant::now());
        let made = |in_flight, first| Made { in_flight, in_all: 1, first };
        let mut known = HashMap::from([(one, made(1, now)), (other, made(0, now))]);
        make_room(&mut known, now + FORGOTTEN_AFTER);
        assert_eq!(known.keys().copied().collect::<Vec<_>>(), [one], "a dial in flight is not forgotten");
    }
}
