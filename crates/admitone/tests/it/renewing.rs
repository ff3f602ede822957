//! Sessions that go on with a fresh login.

use std::sync::Arc;
use std::time::Duration;

use admitone::close::CloseCode;
use admitone::now::Now;
use admitone::principal::{Login, Permissions};
use admitone::revocation::{Mark, Revocation};
use admitone::sessions::{Narrowed, NotRenewed, Scope, Session, Sessions, Terms};
use tokio::time::timeout;

use crate::world::{LOGIN_LIFE, LONG, World, login, login_at, now, seconds};

/// Now, on tokio's monotonic clock: the one that a paused test moves.
fn paused_now() -> Now {
    Now { instant: tokio::time::Instant::now().into_std(), ..now() }
}

struct Open {
    world: World,
    sessions: Arc<Sessions>,
    session: Session,
    opened: Now,
}

impl Open {
    async fn on(terms: impl Into<Terms>) -> Self {
        let (world, opened) = (World::new(), paused_now());
        let sessions = Arc::new(Sessions::new(world.revocations.clone()));
        let follower = sessions.clone();
        tokio::spawn(async move { follower.follow().await });
        let admitted = world.admitted_on(&login("ada", opened), terms, opened).await;
        let session = sessions.open(admitted, opened).expect("a session");
        Self { world, sessions, session, opened }
    }

    /// A moment that many seconds after the opening, which is now.
    async fn at(&self, second: u64) -> Now {
        let then = self.opened.after(seconds(second));
        tokio::time::sleep_until(then.instant.into()).await;
        then
    }

    fn renew(&self, login: &Login, now: Now) -> Result<u64, NotRenewed> {
        self.sessions.renew(self.session.id(), login, now).map(|renewed| renewed.expires_at)
    }

    /// The code that it closes with, and how many seconds after its opening.
    async fn end(&self) -> (CloseCode, u64) {
        let code = self.session.closing().await;
        (code, (tokio::time::Instant::now().into_std() - self.opened.instant).as_secs())
    }

    async fn is_open(&self) -> bool {
        timeout(Duration::from_millis(1), self.session.closing()).await.is_err()
    }
}

/// A fresh login of Ada's, with a `sid` and a `jti` of its own.
fn fresh(now: Now) -> Login {
    let mut fresh = login("ada", now);
    fresh.stamp.sid = Some("fresh-sid".into());
    fresh.stamp.jti = Some("fresh-jti".into());
    fresh
}

const LIFE: u64 = LOGIN_LIFE.as_secs();

#[tokio::test(start_paused = true)]
async fn a_renewed_session_ends_with_the_fresh_login() {
    let open = Open::on(LONG).await;
    let at = open.at(600).await;
    assert_eq!(open.renew(&fresh(at), at), Ok(at.unix + LIFE));
    assert_eq!(open.end().await, (CloseCode::SessionExpired, 600 + LIFE));
}

/// Who waits for the end already hears of the renewal.
#[tokio::test(start_paused = true)]
async fn a_renewal_moves_the_end_that_is_waited_for() {
    let open = Arc::new(Open::on(LONG).await);
    let waiting = open.clone();
    let waiting = tokio::spawn(async move { waiting.end().await });
    for second in [LIFE - 1, 2 * LIFE - 2, 3 * LIFE - 3] {
        let at = open.at(second).await;
        assert_eq!(open.renew(&fresh(at), at), Ok(at.unix + LIFE));
    }
    assert_eq!(waiting.await.expect("no panic"), (CloseCode::SessionExpired, 4 * LIFE - 3));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_never_shortens_and_is_safe_to_repeat() {
    let open = Open::on(LONG).await;
    let (first, at) = (open.opened, open.at(60).await);
    let short = Login { expires_at: at.unix + 30, ..fresh(at) };
    assert_eq!(open.renew(&short, at), Ok(first.unix + LIFE));
    for _ in 0..2 {
        assert_eq!(open.renew(&login("ada", first), at), Ok(first.unix + LIFE));
    }
    // It is still the first login's: the short one means nothing to it.
    open.world.revoke(Revocation::of_login(&short, at.unix), at).await;
    assert!(open.is_open().await);
    assert_eq!(open.end().await, (CloseCode::SessionExpired, LIFE));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_does_not_pass_the_routes_maximum() {
    let open = Open::on(seconds(1000)).await;
    let at = open.at(800).await;
    assert_eq!(open.renew(&fresh(at), at), Ok(open.opened.unix + 1000));
    assert_eq!(open.end().await, (CloseCode::SessionExpired, 1000));
}

#[tokio::test(start_paused = true)]
async fn a_grace_waits_for_a_late_renewal_and_is_not_told() {
    let terms = Terms { grace: seconds(30), ..Terms::from(LONG) };
    let open = Open::on(terms.clone()).await;
    assert_eq!(open.end().await, (CloseCode::SessionExpired, LIFE + 30));

    let open = Open::on(terms).await;
    let at = open.at(LIFE + 29).await;
    assert_eq!(open.renew(&fresh(at), at), Ok(at.unix + LIFE));
    assert_eq!(open.end().await, (CloseCode::SessionExpired, LIFE + 29 + LIFE + 30));

    let open = Open::on(Terms { grace: seconds(30), ..Terms::from(seconds(LIFE + 10)) }).await;
    assert_eq!(open.end().await, (CloseCode::SessionExpired, LIFE + 10), "never past the maximum");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_not_renewed() {
    let open = Open::on(LONG).await;
    let at = open.at(LIFE).await;
    assert_eq!(open.renew(&fresh(at), at), Err(NotRenewed::Absent), "at its deadline, whoever sees it first");
    assert_eq!(open.end().await, (CloseCode::SessionExpired, LIFE));
    assert_eq!(open.renew(&fresh(at), at), Err(NotRenewed::Absent));
}

/// F18: the wall clock of the renewal says how long the login lasts, and no more.
#[tokio::test(start_paused = true)]
async fn f18_setting_the_clock_back_lengthens_no_renewed_session() {
    let open = Open::on(LONG).await;
    let at = open.at(600).await;
    assert_eq!(open.renew(&fresh(at), at), Ok(at.unix + LIFE));
    let back = Now { unix: at.unix - 3600, ..at };
    assert!(open.renew(&fresh(back), back).is_ok());
    assert_eq!(open.end().await, (CloseCode::SessionExpired, 600 + LIFE));
}

#[tokio::test(start_paused = true)]
async fn s12_only_the_owner_renews() {
    let open = Open::on(Terms { narrowed: Narrowed::Close, ..Terms::from(LONG) }).await;
    let at = open.opened;
    for stranger in [login("bob", at), login_at("https://other.example", "ada", at)] {
        let stranger = Login { permissions: Permissions::default(), expires_at: at.unix + 5000, ..stranger };
        assert_eq!(open.renew(&stranger, at), Err(NotRenewed::Absent));
    }
    assert_eq!(open.end().await, (CloseCode::SessionExpired, LIFE), "nor does a stranger close it");
}

#[tokio::test(start_paused = true)]
async fn a_narrowed_login_is_refused_or_closes() {
    for (narrowed, ends) in
        [(Narrowed::Refuse, (CloseCode::SessionExpired, LIFE)), (Narrowed::Close, (CloseCode::Forbidden, 60))]
    {
        let open = Open::on(Terms { narrowed, ..Terms::from(LONG) }).await;
        let at = open.at(60).await;
        let narrow = Login { permissions: Permissions::new(["other"]).expect("a permission"), ..fresh(at) };
        assert_eq!(open.renew(&narrow, at), Err(NotRenewed::Narrowed(narrowed)));
        assert_eq!(open.end().await, ends);
    }
    let required = Permissions::new(["admin"]).expect("a permission");
    let open = Open::on(Terms { required, ..Terms::from(LONG) }).await;
    let at = open.at(60).await;
    assert_eq!(open.renew(&fresh(at), at), Err(NotRenewed::Narrowed(Narrowed::Refuse)), "what the route requires");
    let wide = Login { permissions: Permissions::new(["admin", "chat"]).expect("permissions"), ..fresh(at) };
    assert_eq!(open.renew(&wide, at), Ok(at.unix + LIFE));
}

/// S5.
#[tokio::test(start_paused = true)]
async fn s5_a_revoked_login_does_not_renew_and_a_revoked_session_is_not_renewed() {
    let open = Open::on(LONG).await;
    let at = open.at(60).await;
    open.world.revoke(Revocation::of_login(&fresh(at), at.unix), at).await;
    assert_eq!(open.renew(&fresh(at), at), Err(NotRenewed::Revoked(Mark::Sid)));
    assert!(open.is_open().await, "as it was");

    // Not yet heard of by the follower: the mark alone decides.
    let session = Revocation::Session(open.session.id().clone());
    open.world.revocations.mirror().add(&session, at);
    let later = Login { stamp: login("ada", at).stamp, ..fresh(at) };
    assert_eq!(open.renew(&later, at), Err(NotRenewed::Absent));
    assert_eq!(open.end().await, (CloseCode::Revoked, 60));
}

#[tokio::test(start_paused = true)]
async fn s5_a_renewed_session_is_the_fresh_logins() {
    let open = Open::on(LONG).await;
    let at = open.at(60).await;
    open.renew(&fresh(at), at).expect("renewed");
    open.world.revoke(Revocation::of_login(&login("ada", open.opened), at.unix), at).await;
    assert!(open.is_open().await, "the login of before");
    open.world.revoke(Revocation::of_login(&fresh(at), at.unix), at).await;
    assert_eq!(open.end().await, (CloseCode::Revoked, 60));
}

/// A revocation counts until the revoker's own time, which an issuer's clock may run ahead of.
#[tokio::test(start_paused = true)]
async fn s5_a15_what_a_login_with_an_iat_ahead_has_opened_or_renewed_closes_too() {
    for renews in [false, true] {
        let open = Open::on(LONG).await;
        let at = open.at(60).await;
        if renews {
            let mut ahead = fresh(at);
            ahead.stamp.issued_at += 30;
            open.renew(&ahead, at).expect("renewed");
        }
        let mut ahead = login("ada", at);
        ahead.stamp.issued_at += 30;
        let second = open.sessions.open(open.world.admitted(&ahead, at).await, at).expect("a session");
        open.world.revoke(Revocation::of_subject(&ahead.principal, at.unix), at).await;
        assert_eq!((open.end().await, second.closing().await), ((CloseCode::Revoked, 60), CloseCode::Revoked));
    }
}

#[tokio::test(start_paused = true)]
async fn each_scope_closes_what_it_has_and_nothing_else() {
    let (world, now) = (World::new(), paused_now());
    let sessions = Sessions::new(world.revocations.clone());
    let open = async |login: &Login| sessions.open(world.admitted(login, now).await, now).expect("a session");
    let ada = login("ada", now);
    let text = str::to_owned;
    for (scope, expected) in [
        (Scope::Everything, [true; 3]),
        (Scope::Route(text("/chat")), [true; 3]),
        (Scope::Route(text("/chat2")), [false; 3]),
        (Scope::Issuer(text("https://other.example")), [false, false, true]),
        (Scope::Subject { issuer: text(crate::world::ISSUER), subject: text("ada") }, [true, false, false]),
        (Scope::Subject { issuer: text("https://other.example"), subject: text("ada") }, [false, false, true]),
    ] {
        let logins = [ada.clone(), login("bob", now), login_at("https://other.example", "ada", now)];
        let all = [open(&logins[0]).await, open(&logins[1]).await, open(&logins[2]).await];
        sessions.close_scope(&scope, CloseCode::Draining, now.instant, Duration::ZERO).await;
        for (session, expected) in all.iter().zip(expected) {
            let closed = timeout(Duration::from_millis(1), session.closing()).await;
            assert_eq!(closed.ok(), expected.then_some(CloseCode::Draining), "{scope:?}");
        }
    }
    let (one, other) = (open(&ada).await, open(&ada).await);
    sessions.close_scope(&Scope::Session(one.id().clone()), CloseCode::Revoked, now.instant, Duration::ZERO).await;
    assert_eq!(one.closing().await, CloseCode::Revoked);
    assert!(timeout(Duration::from_millis(1), other.closing()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_scope_is_closed_over_its_time_and_what_opens_meanwhile_stays() {
    let (world, now) = (World::new(), paused_now());
    let sessions = Arc::new(Sessions::new(world.revocations.clone()));
    let mut open = Vec::new();
    for at in 0..100 {
        let admitted = world.admitted(&login(&format!("subject-{at}"), now), now).await;
        open.push(sessions.open(admitted, now).expect("a session"));
    }
    let closing = sessions.clone();
    let closing = tokio::spawn(async move {
        closing.close_scope(&Scope::Everything, CloseCode::Draining, now.instant, seconds(10)).await;
    });
    tokio::time::sleep(seconds(5)).await;
    let half = now.after(seconds(5));
    let late = sessions.open(world.admitted(&login("late", half), half).await, half).expect("a session");
    let mut closed = 0;
    for session in &open {
        closed += usize::from(timeout(Duration::ZERO, session.closing()).await.is_ok());
    }
    assert!((45..=55).contains(&closed), "{closed} after half the time");
    closing.await.expect("no panic");
    for session in &open {
        assert_eq!(session.closing().await, CloseCode::Draining);
    }
    assert!(timeout(Duration::from_millis(1), late.closing()).await.is_err());
}
