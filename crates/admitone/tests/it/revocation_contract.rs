//! What revocations promise together with their store: one suite, run on each implementation.
//!
//! An implementation is a function that makes two [`Fresh`] nodes of one deployment, which for a single process are the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admitone::admission::{Admission, LoginRefused, RedeemError};
use admitone::close::CloseCode;
use admitone::now::Now;
use admitone::principal::Login;
use admitone::revocation::memory::MemoryRevocations;
use admitone::revocation::{Cursor, Mark, Revocation};
use admitone::sessions::{Revoked, Session, Sessions};
use admitone::store::memory::MemoryTicketStore;
use admitone::ticket::Ticket;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::store_contract::Fresh;
use crate::world::{ISSUER, LONG, ROUTE, Refused, UNLIMITED, chat, grant, keys, login, present, revocations_of_login};

macro_rules! every_revocations {
    ($pair:path: $($name:ident)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::revocation_contract::$name($pair().await.map(crate::revocation_contract::Node::of)).await;
        }
    )* };
    ($pair:path) => {
        $crate::revocation_contract::every_revocations! { $pair:
            s5_a15_what_is_revoked_redeems_on_no_node_once_the_call_returns
            s5_a15_what_is_revoked_closes_on_every_node_within_a_second
            s5_a_login_that_is_revoked_gets_in_on_no_node
            s5_a_later_login_of_the_same_person_stays
            a15_f21_of_a_redemption_and_a_revocation_at_once_nobody_stays
            a_follower_hears_of_each_once_in_order_and_goes_on_where_it_was
        }
    };
}

pub(crate) use every_revocations;

mod memory {
    super::every_revocations!(super::in_memory);
}

async fn in_memory() -> [Fresh; 2] {
    let revocations = Arc::new(MemoryRevocations::default());
    let store = Arc::new(MemoryTicketStore::new(UNLIMITED, revocations.clone()));
    [(); 2].map(|()| Fresh { store: store.clone(), revocations: revocations.clone() })
}

const A_SECOND: Duration = Duration::from_secs(1);

/// How often a redemption races a revocation.
const RACES: usize = 100;

/// A node with its live sessions.
pub(crate) struct Node {
    shared: Fresh,
    admission: Arc<Admission>,
    sessions: Arc<Sessions>,
    _following: JoinSet<()>,
}

impl Node {
    pub(crate) fn of(shared: Fresh) -> Self {
        let admission = Admission::new(keys(), shared.store.clone(), shared.revocations.clone());
        let sessions = Arc::new(Sessions::new(shared.revocations.clone()));
        let (follower, mut following) = (sessions.clone(), JoinSet::new());
        following.spawn(async move { follower.follow().await });
        Self { shared, admission: Arc::new(admission), sessions, _following: following }
    }

    async fn mint(&self, login: &Login, now: Now) -> Ticket {
        self.admission.mint(grant(login, now), &chat(), now).await.expect("a ticket").ticket
    }

    async fn open(&self, login: &Login, now: Now) -> Session {
        let ticket = self.mint(login, now).await;
        let admitted = present(&self.admission, &ticket, now).await.expect("an admission");
        self.sessions.open(admitted, now).expect("a session")
    }

    /// To repeat it is safe, where a busy machine was late for an answer.
    async fn revoke(&self, revocation: &Revocation, now: Now) {
        let started = Instant::now();
        while let Err(fault) = self.shared.revocations.revoke(revocation.clone(), now).await {
            assert!(started.elapsed() < 5 * A_SECOND, "the revocations answer: {fault}");
        }
    }

    async fn revoke_of(&self, login: &Login, revocation: &Revocation, now: Now) {
        let started = Instant::now();
        while let Err(fault) = self.shared.revocations.revoke_of(&login.principal, revocation.clone(), now).await {
            assert!(started.elapsed() < 5 * A_SECOND, "the revocations answer: {fault}");
        }
    }

    /// What comes after a cursor, until `last` has come; and where to go on.
    async fn heard(&self, mut cursor: Cursor, last: &Revocation) -> (Vec<Revocation>, Cursor) {
        let mut heard = Vec::new();
        while heard.last() != Some(last) {
            let batch = timeout(5 * A_SECOND, self.shared.revocations.follow(cursor)).await.expect("it is heard of");
            cursor = batch.cursor;
            heard.extend(batch.revocations);
        }
        (heard, cursor)
    }
}

/// What a busy machine may add to the second that is promised.
const SLACK: Duration = Duration::from_secs(4);

async fn closes_within_a_second(session: &Session) {
    assert_eq!(timeout(A_SECOND + SLACK, session.closing()).await, Ok(CloseCode::Revoked));
}

/// One after another, since the last of them covers whoever has logged in so far. `session` is what the first is of.
fn every_kind(login: &Login, session: &Session, now: Now) -> [Revocation; 5] {
    let [sid, jti, subject] = revocations_of_login(login, now);
    [Revocation::Session(session.id().clone()), sid, jti, subject, Revocation::Everything { until: now.unix }]
}

pub(crate) async fn s5_a15_what_is_revoked_redeems_on_no_node_once_the_call_returns([here, there]: [Node; 2]) {
    let now = Now::read();
    for kind in 0..5 {
        let ada = login(&format!("ada-{kind}"), now);
        let minted = there.admission.mint(grant(&ada, now), &chat(), now).await.expect("a ticket");
        let [sid, jti, subject] = revocations_of_login(&ada, now);
        let session = Revocation::Session(minted.session_id.clone());
        let revocation = &[session, sid, jti, subject, Revocation::Everything { until: now.unix }][kind];
        here.revoke(revocation, now).await;
        // Whether the other node has heard of it yet or not.
        let refused = present(&there.admission, &minted.ticket, now).await.err();
        assert_eq!(refused, Some(Refused::AtRedeem(RedeemError::Revoked(revocation.mark()))));
        let again = present(&here.admission, &minted.ticket, now).await.err();
        assert!(matches!(again, Some(Refused::AtRedeem(_))), "{again:?}");
    }
}

pub(crate) async fn s5_a15_what_is_revoked_closes_on_every_node_within_a_second([here, there]: [Node; 2]) {
    let now = Now::read();
    for kind in 0..5 {
        let (ada, bob) = (login(&format!("ada-{kind}"), now), login(&format!("bob-{kind}"), now));
        let (near, far) = (here.open(&ada, now).await, there.open(&ada, now).await);
        let bystander = there.open(&bob, now).await;
        let revocation = &every_kind(&ada, &far, now)[kind];
        here.revoke(revocation, now).await;
        closes_within_a_second(&far).await;
        match revocation.mark() {
            Mark::Session => assert!(timeout(A_SECOND / 10, near.closing()).await.is_err(), "another session"),
            _ => closes_within_a_second(&near).await,
        }
        match revocation.mark() {
            Mark::Everything => closes_within_a_second(&bystander).await,
            _ => assert!(timeout(A_SECOND / 10, bystander.closing()).await.is_err(), "somebody else's"),
        }
    }
}

pub(crate) async fn s5_a_login_that_is_revoked_gets_in_on_no_node([here, there]: [Node; 2]) {
    let now = Now::read();
    for kind in 0..4 {
        let ada = login(&format!("ada-{kind}"), now);
        let [sid, jti, subject] = revocations_of_login(&ada, now);
        let revocation = &[sid, jti, subject, Revocation::Everything { until: now.unix }][kind];
        here.revoke(revocation, now).await;
        let mark = revocation.mark();
        // The node may not have heard of it yet; the store has.
        match there.admission.inspect_login(&ada, ROUTE, now) {
            Err(refused) => assert_eq!(refused, LoginRefused::Revoked(mark)),
            Ok(entrant) => {
                let refused = there.admission.redeem(entrant, LONG, now).await.err();
                assert_eq!(refused, Some(RedeemError::Revoked(mark)));
            }
        }
        there.heard(Cursor::default(), revocation).await;
        assert_eq!(there.admission.accept(&ada, now), Err(LoginRefused::Revoked(mark)), "it mints no more either");
    }
}

pub(crate) async fn s5_a_later_login_of_the_same_person_stays([here, there]: [Node; 2]) {
    let now = Now::read();
    let then = Now { unix: now.unix + 1, ..now };
    let mut later = login("ada", then);
    later.stamp.sid = Some("another".into());
    let (earlier, later) = (there.open(&login("ada", now), now).await, there.open(&later, then).await);
    for revocation in [
        Revocation::Subject { issuer: ISSUER.into(), subject: "ada".into(), until: now.unix },
        Revocation::Everything { until: now.unix },
    ] {
        here.revoke(&revocation, now).await;
        closes_within_a_second(&earlier).await;
        assert!(timeout(A_SECOND / 10, later.closing()).await.is_err(), "{revocation:?}");
    }
}

/// Each time it is refused, or closed within a second of the revocation.
pub(crate) async fn a15_f21_of_a_redemption_and_a_revocation_at_once_nobody_stays([here, there]: [Node; 2]) {
    let (now, there) = (Now::read(), Arc::new(there));
    let (mut refused, mut closed, mut unanswered) = (0, 0, 0);
    for round in 0..RACES {
        let ada = login(&format!("ada-{round}"), now);
        let (ticket, node) = (there.mint(&ada, now).await, there.clone());
        let opening = tokio::spawn(async move {
            match present(&node.admission, &ticket, now).await {
                Ok(admitted) => Ok(node.sessions.open(admitted, now)),
                Err(refused) => Err(refused),
            }
        });
        let revocation = revocations_of_login(&ada, now)[round % 3].clone();
        // Of one subject: a Cluster has one mark to write then, and the race is closer.
        here.revoke_of(&ada, &revocation, now).await;
        match opening.await.expect("no panic") {
            Ok(Ok(session)) => {
                closes_within_a_second(&session).await;
                closed += 1;
            }
            Ok(Err(Revoked(mark))) => {
                assert_eq!(mark, revocation.mark());
                refused += 1;
            }
            // On a machine that is busy; nobody is admitted then.
            Err(Refused::AtRedeem(RedeemError::Unavailable(_))) => unanswered += 1,
            Err(other) => {
                assert_eq!(other, Refused::AtRedeem(RedeemError::Revoked(revocation.mark())));
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {closed} closed");
    assert_eq!((refused + closed + unanswered, there.sessions.count()), (RACES, 0));
    assert!(unanswered < RACES / 10, "too few were answered: {unanswered} were not");
}

pub(crate) async fn a_follower_hears_of_each_once_in_order_and_goes_on_where_it_was([here, there]: [Node; 2]) {
    let now = Now::read();
    let of = |sid: &str| Revocation::Sid { issuer: ISSUER.into(), sid: sid.into() };
    here.revoke(&of("before"), now).await;
    let (_, cursor) = there.heard(Cursor::default(), &of("before")).await;

    let next = [of("one"), of("two"), of("one")];
    for revocation in &next {
        here.revoke(revocation, now).await;
    }
    let mut heard = Vec::new();
    let mut at = cursor;
    while heard.len() < next.len() {
        let batch = timeout(5 * A_SECOND, there.shared.revocations.follow(at)).await.expect("it is heard of");
        assert!(!batch.gap && batch.cursor > at);
        at = batch.cursor;
        heard.extend(batch.revocations);
    }
    assert_eq!(heard, next);
    assert!(timeout(A_SECOND / 10, there.shared.revocations.follow(at)).await.is_err(), "nothing comes twice");
    let again = there.shared.revocations.follow(cursor).await;
    assert_eq!(again.revocations, next, "whoever is behind hears of the same");
}
