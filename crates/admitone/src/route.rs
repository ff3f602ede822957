//! Paths that sockets are opened at, and who may open them on what terms.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::carrier::{Carrier, Policy};
use crate::grant::Grant;
use crate::now::Now;
use crate::origin::WebOrigin;
use crate::principal::{Login, Permissions};
use crate::refusal::{CloseProfile, RefuseWith};
use crate::sessions::Terms;
use crate::ticket::Place;

/// How long a ticket may live, in seconds.
pub const TTL_SECONDS: RangeInclusive<u64> = 5..=3600;

/// How long a session lives at most, unless its route says otherwise.
const LONGEST_SESSION: Duration = Duration::from_secs(24 * 3600);

/// Why a page may not open a socket, or mint for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginRefused {
    /// The `Origin` is not on the list.
    #[error("the Origin is not on the route's list")]
    Unlisted,
    /// No `Origin`, and a cookie: another site could have caused the request.
    #[error("a cookie without an Origin")]
    CookieAlone,
}

/// Why a login gets no ticket for a route, and is not let in by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantRefused {
    /// Its issuer does not count here.
    #[error("the login's issuer does not count on this route")]
    Issuer,
    /// It lacks a permission that the route requires.
    #[error("the login lacks a permission that the route requires: {0}")]
    PermissionRequired(String),
    /// It is asked to hand on more than it holds.
    #[error("the login does not hold a requested permission")]
    PermissionNotHeld,
}

/// A path and its policy.
///
/// ```
/// use std::time::Duration;
/// use admitone::origin::WebOrigin;
/// use admitone::route::Route;
///
/// let chat = Route {
///     max_ttl: Duration::from_secs(30),
///     ..Route::new("/chat", [WebOrigin::parse("https://app.example.com")?])
/// };
/// assert!(chat.check_origin(Some("https://app.example.com.evil.example"), None).is_err());
/// # Ok::<(), admitone::origin::OriginError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Route {
    /// The path: what tickets are minted for, and bound to.
    pub path: Arc<str>,
    /// The origins of the pages that may connect, compared byte by byte. None: only what sends no `Origin`.
    pub origins: Vec<WebOrigin>,
    /// The identifiers of the issuers whose logins count here; all where there is no list.
    pub issuers: Option<Vec<String>>,
    /// What a login has to hold, all of it.
    pub required: Permissions,
    /// Which carriers it takes credentials from. Without one for logins, only tickets open a socket.
    pub carriers: Policy,
    /// The longest life of a ticket.
    pub max_ttl: Duration,
    /// How many connections a ticket opens that is not for a single use.
    pub max_uses: NonZeroU32,
    /// Whether a ticket is bound to the `Origin` of its mint request.
    pub bind_origin: bool,
    /// Whether a ticket is bound to the address prefix of its mint request.
    pub bind_address: bool,
    /// On what terms its sessions live.
    pub terms: Terms,
    /// How refused upgrades are answered.
    pub refuse_with: RefuseWith,
    /// How a refusing Close reads.
    pub close_profile: CloseProfile,
}

/// What a mint request may ask for.
#[derive(Debug)]
pub struct Asked {
    /// How long the ticket lives, within [`TTL_SECONDS`].
    pub ttl: Duration,
    /// Whether it admits one connection only.
    pub single_use: bool,
    /// Some of the login's permissions; all of them when absent.
    pub permissions: Option<Permissions>,
    /// The application's own JSON.
    pub metadata: Option<Arc<str>>,
}

impl Route {
    /// The usual policy: tickets for one use, as a subprotocol, in `Authorization` or in their cookie, bound to their origin;
    /// sessions of a day at most, or until their login ends.
    #[must_use]
    pub fn new(path: impl Into<Arc<str>>, origins: impl IntoIterator<Item = WebOrigin>) -> Self {
        Self {
            path: path.into(),
            origins: origins.into_iter().collect(),
            issuers: None,
            required: Permissions::default(),
            carriers: Policy {
                ticket: vec![Carrier::Subprotocol, Carrier::Authorization, Carrier::Cookie],
                ..Policy::default()
            },
            max_ttl: Duration::from_secs(*TTL_SECONDS.end()),
            max_uses: NonZeroU32::MIN,
            bind_origin: true,
            bind_address: false,
            terms: Terms::from(LONGEST_SESSION),
            refuse_with: RefuseWith::Auto,
            close_profile: CloseProfile::Standard,
        }
    }

    /// Whether the origin is on the list, byte for byte.
    #[must_use]
    pub fn lists_origin(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|listed| listed.as_str().as_bytes() == origin)
    }

    /// Checks an upgrade's `Origin`. Without one (native clients) a cookie is refused: only a browser sends cookies unasked.
    ///
    /// # Errors
    ///
    /// [`OriginRefused`].
    pub fn check_origin(&self, origin: Option<&str>, carrier: Option<Carrier>) -> Result<(), OriginRefused> {
        match origin {
            Some(origin) if self.lists_origin(origin.as_bytes()) => Ok(()),
            Some(_) => Err(OriginRefused::Unlisted),
            None if carrier == Some(Carrier::Cookie) => Err(OriginRefused::CookieAlone),
            None => Ok(()),
        }
    }

    /// Checks that a login counts here: its issuer, and the permissions that the route requires.
    ///
    /// # Errors
    ///
    /// [`GrantRefused::Issuer`] and [`GrantRefused::PermissionRequired`].
    pub fn check_login(&self, login: &Login) -> Result<(), GrantRefused> {
        let issuer = login.principal.issuer();
        if self.issuers.as_ref().is_some_and(|issuers| issuers.iter().all(|listed| listed != issuer)) {
            return Err(GrantRefused::Issuer);
        }
        match self.required.first_not_in(&login.permissions) {
            Some(lacking) => Err(GrantRefused::PermissionRequired(lacking.to_owned())),
            None => Ok(()),
        }
    }

    /// What a ticket for this login stands for.
    ///
    /// # Errors
    ///
    /// [`GrantRefused`].
    pub fn grant(&self, login: &Login, asked: Asked, now: Now) -> Result<Grant, GrantRefused> {
        self.check_login(login)?;
        let grant = Grant::of(login, self.path.clone(), asked.ttl.min(self.max_ttl), now.unix);
        let permissions = match asked.permissions {
            None => login.permissions.clone(),
            Some(asked) if asked.first_not_in(&login.permissions).is_some() => {
                return Err(GrantRefused::PermissionNotHeld);
            }
            Some(asked) => asked,
        };
        Ok(Grant { permissions, metadata: asked.metadata, ..grant })
    }

    /// How many connections a ticket may open here; `None` when the route mints single-use tickets only and another kind is
    /// asked for.
    #[must_use]
    pub fn uses(&self, single_use: bool) -> Option<NonZeroU32> {
        if single_use { Some(NonZeroU32::MIN) } else { Some(self.max_uses).filter(|uses| uses.get() > 1) }
    }

    /// The place that a ticket is minted for: what it is bound to.
    #[must_use]
    pub fn minting_place<'a>(&'a self, origin: Option<&'a str>, address: Option<IpAddr>) -> Place<'a> {
        Place {
            route: &self.path,
            origin: origin.filter(|_| self.bind_origin),
            address: address.filter(|_| self.bind_address),
        }
    }

    /// The place of an upgrade, for comparison.
    #[must_use]
    pub fn upgrade_place<'a>(&'a self, origin: Option<&'a str>, address: Option<IpAddr>) -> Place<'a> {
        Place { route: &self.path, origin, address }
    }
}
