//! Signing in: the secret, once, for a cookie.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{COOKIE, HeaderMap, SET_COOKIE};
use serde_json::json;

use super::{Admin, fields, guard, status};
use crate::audit::{Event, What};
use crate::limits::network;
use crate::rejection::Rejection;

/// How long somebody stays signed in.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Most that are signed in at once; the one that ends first makes room.
const MOST: usize = 64;

/// Wrong secrets that an address may present within [`WINDOW`].
const TRIES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// Most addresses whose tries are remembered.
const MOST_ADDRESSES: usize = 1024;

/// `POST /admin/login`: `{"secret": "…"}`.
pub(super) async fn login(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match sign_in(&admin, &parts, body).await {
        Ok(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
        Err(rejection) => rejection.into_response(),
    }
}

/// `GET /admin/login`: whether the cookie that came with the request counts. It tells nobody anything new.
pub(super) async fn is_signed_in(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    let session = Session::of_cookie(&headers, admin.is_https);
    let is_signed_in = session.is_some_and(|session| admin.logins.has(&session, Instant::now()));
    status::json(&json!({ "signed_in": is_signed_in }))
}

async fn sign_in(admin: &Admin, parts: &http::request::Parts, body: axum::body::Body) -> Result<String, Rejection> {
    let fields = fields::read(&parts.headers, body, &["secret"]).await?;
    let peer = guard::peer(parts);
    admin.check_secret(peer, &fields.required("secret")?)?;
    let session = Session::new()?;
    let cookie = session.cookie(admin.is_https);
    admin.logins.add(session, Instant::now());
    admin.app().audit.tell(&Event { address: peer.map(|peer| peer.0.ip()), ..Event::new(What::AdminLogin) });
    Ok(cookie)
}

/// `POST /admin/logout`.
pub(super) async fn logout(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    if let Some(session) = Session::of_cookie(&headers, admin.is_https) {
        admin.logins.remove(&session);
    }
    (StatusCode::NO_CONTENT, [(SET_COOKIE, gone(admin.is_https))]).into_response()
}

/// What the cookie holds.
pub(super) struct Session(String);

impl Session {
    fn new() -> Result<Self, Rejection> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| Rejection::Internal("the system gives no random bytes"))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(super) fn of_cookie(headers: &HeaderMap, is_https: bool) -> Option<Self> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == cookie_name(is_https))?;
        Some(Self(value.to_owned()))
    }

    /// Only for paths below /admin: cookies know no ports, and an upstream of the same host must not get it.
    fn cookie(&self, is_https: bool) -> String {
        let (name, secure) = (cookie_name(is_https), if is_https { "; Secure" } else { "" });
        let life = LIFE.as_secs();
        format!("{name}={}; Path=/admin; Max-Age={life}; HttpOnly; SameSite=Strict{secure}", self.0)
    }

    /// Its digest is what is kept and compared, so that neither tells anything about it.
    fn digest(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.0.as_bytes()).as_ref());
        hash
    }
}

fn cookie_name(is_https: bool) -> &'static str {
    if is_https { "__Secure-admitone-admin" } else { "admitone-admin" }
}

fn gone(is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    format!("{}=; Path=/admin; Max-Age=0; HttpOnly; SameSite=Strict{secure}", cookie_name(is_https))
}

/// Who is signed in, and who tried too often.
#[derive(Debug, Default)]
pub(super) struct Logins {
    sessions: Mutex<HashMap<[u8; 32], Instant>>,
    tries: Mutex<HashMap<Counted, Tries>>,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    since: Instant,
    failed: u32,
}

impl Logins {
    fn add(&self, session: Session, now: Instant) {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|_, ends| *ends > now);
        if sessions.len() >= MOST {
            let first = sessions.iter().min_by_key(|(_, ends)| **ends).map(|(digest, _)| *digest);
            first.and_then(|digest| sessions.remove(&digest));
        }
        sessions.insert(session.digest(), now + LIFE);
    }

    pub(super) fn has(&self, session: &Session, now: Instant) -> bool {
        lock(&self.sessions).get(&session.digest()).is_some_and(|ends| *ends > now)
    }

    fn remove(&self, session: &Session) {
        lock(&self.sessions).remove(&session.digest());
    }

    /// Whether the secret may be compared. It counts as a failure until [`Self::was_right`], so that of many at a time no more
    /// than the limit are.
    pub(super) fn takes_try(&self, address: Option<IpAddr>, now: Instant) -> bool {
        let mut tries = lock(&self.tries);
        if tries.len() >= MOST_ADDRESSES {
            tries.retain(|_, tries| !tries.is_over(now));
        }
        let counted = counted_as(&tries, address);
        let of_address = tries.entry(counted).or_insert(Tries { since: now, failed: 0 });
        if of_address.is_over(now) {
            *of_address = Tries { since: now, failed: 0 };
        }
        let is_within = of_address.failed < TRIES;
        if is_within {
            of_address.failed += 1;
        }
        is_within
    }

    /// Takes back the failure that the try of this address was counted as.
    pub(super) fn was_right(&self, address: Option<IpAddr>) {
        let mut tries = lock(&self.tries);
        let counted = counted_as(&tries, address);
        if let Some(of_address) = tries.get_mut(&counted) {
            of_address.failed = of_address.failed.saturating_sub(1);
        }
    }
}

/// A network, or all that there is no room to count apart.
type Counted = Option<u128>;

/// So many networks at once are one attacker: they share what is left.
fn counted_as(tries: &HashMap<Counted, Tries>, address: Option<IpAddr>) -> Counted {
    let network = address.map(network);
    if tries.len() < MOST_ADDRESSES || tries.contains_key(&network) { network } else { None }
}

impl Tries {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WINDOW
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_secrets_are_counted_for_each_address_and_forgotten_after_a_minute() {
        let (logins, now) = (Logins::default(), Instant::now());
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().ok());
        for _ in 0..TRIES {
            assert!(logins.takes_try(one, now));
        }
        assert!(!logins.takes_try(one, now + WINDOW / 2));
        assert!(logins.takes_try(other, now));
        for _ in 0..TRIES {
            assert!(logins.takes_try(one, now + WINDOW), "counted from the beginning");
        }
        assert!(!logins.takes_try(one, now + WINDOW));
    }

    #[test]
    fn a_session_ends_after_its_life_and_the_first_to_end_makes_room() {
        let (logins, now) = (Logins::default(), Instant::now());
        let session = |number: usize| Session(number.to_string());
        for number in 0..=MOST {
            logins.add(session(number), now + Duration::from_secs(number as u64));
        }
        let has = |number, now| logins.has(&session(number), now);
        assert!(!has(0, now) && has(1, now) && has(MOST, now));
        assert!(!has(1, now + LIFE + Duration::from_secs(1)));
    }
}
