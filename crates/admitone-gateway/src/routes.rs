//! Paths and their policies.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use admitone::carrier::{Carrier, Policy};
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::principal::{Login, Permissions};
use admitone::sessions::Terms;
use admitone::ticket::Place;

use crate::config::{self, CloseProfile, JwtFallback, OnReplay, RefuseWith};
use crate::rejection::Rejection;

/// Every route of the gateway.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Arc<Route>>,
    default: Option<Arc<Route>>,
}

impl Routes {
    /// The routes of a configuration, `issuers` being its issuers by name.
    #[must_use]
    pub fn new(config: &config::Config) -> Self {
        let identifier = |name: &String| {
            let issuer = config.issuers.iter().find(|issuer| issuer.name == *name);
            issuer.map(|issuer| issuer.issuer.clone())
        };
        let routes: Vec<Arc<Route>> =
            config.routes.iter().map(|route| Arc::new(Route::new(route, identifier))).collect();
        let default = config.default_route.as_ref().and_then(|path| find(&routes, path.as_str()));
        Self { routes, default }
    }

    /// The route at exactly this path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| &*route.path == path)
    }

    /// Every route.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.iter()
    }

    /// The route for requests that name none.
    #[must_use]
    pub fn default_route(&self) -> Option<&Arc<Route>> {
        self.default.as_ref()
    }

    /// Whether any route lists this origin.
    #[must_use]
    pub fn list_origin(&self, origin: &[u8]) -> bool {
        self.routes.iter().any(|route| route.lists_origin(origin))
    }
}

fn find(routes: &[Arc<Route>], path: &str) -> Option<Arc<Route>> {
    routes.iter().find(|route| &*route.path == path).cloned()
}

/// A path and its policy.
#[derive(Debug)]
pub struct Route {
    /// The path.
    pub path: Arc<str>,
    /// Which carriers it takes credentials from.
    pub carriers: Policy,
    /// What becomes of a JWT on the upgrade.
    pub jwt_fallback: JwtFallback,
    /// Whether the upstream is told who was admitted in a signed assertion too.
    pub upstream_assertion: bool,
    /// How many connections a ticket opens that is not for a single use.
    pub max_uses: NonZeroU32,
    /// What becomes of the first connection when its ticket is presented again.
    pub on_replay: OnReplay,
    /// How long nothing may pass through a socket, either way.
    pub idle_timeout: Option<Duration>,
    /// On what terms its sessions live.
    pub terms: Terms,
    /// How refused upgrades are answered.
    pub refuse_with: RefuseWith,
    /// How a refusing Close reads.
    pub close_profile: CloseProfile,
    dropped_headers: Vec<String>,
    origins: Vec<Box<str>>,
    issuers: Vec<String>,
    required: Permissions,
    max_ttl: Duration,
    bind_origin: bool,
    bind_address: bool,
}

/// What a mint request may ask for.
#[derive(Debug)]
pub struct Asked {
    /// How long the ticket lives, within the protocol's range.
    pub ttl: Duration,
    /// Whether it admits one connection only.
    pub single_use: bool,
    /// Some of the login's permissions; all of them when absent.
    pub permissions: Option<Permissions>,
    /// The application's own JSON.
    pub metadata: Option<Arc<str>>,
}

impl Route {
    fn new(route: &config::Route, identifier: impl Fn(&String) -> Option<String>) -> Self {
        Self {
            path: Arc::from(route.path.as_str()),
            carriers: Policy {
                ticket: route.ticket_carriers.clone(),
                jwt: if route.jwt_fallback == JwtFallback::Deny { Vec::new() } else { route.jwt_carriers.clone() },
                jwt_cookie: route.jwt_cookie.clone(),
                query_passthrough: route.query_passthrough.iter().map(ToString::to_string).collect(),
            },
            jwt_fallback: route.jwt_fallback,
            upstream_assertion: route.upstream_assertion,
            max_uses: route.max_uses,
            on_replay: route.on_replay,
            idle_timeout: route.idle_timeout,
            terms: Terms {
                longest: route.max_session,
                grace: route.expiry_grace,
                required: route.required_permissions.clone(),
                narrowed: route.renew_narrowed,
            },
            refuse_with: route.refuse_with,
            close_profile: route.close_profile,
            dropped_headers: route.drop_headers.iter().map(|name| name.replace(['_', '.'], "-")).collect(),
            origins: route.origins.iter().map(|origin| Box::from(origin.as_str())).collect(),
            issuers: route.issuers.iter().filter_map(identifier).collect(),
            required: route.required_permissions.clone(),
            max_ttl: route.max_ttl,
            bind_origin: route.bind_origin,
            bind_address: route.bind_address,
        }
    }

    /// Whether the origin is on the list, byte for byte.
    #[must_use]
    pub fn lists_origin(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|listed| listed.as_bytes() == origin)
    }

    /// Whether the upstream must not see a header of the client's, by its name in lower case with `-` for `_` and `.`.
    #[must_use]
    pub fn drops_header(&self, folded_name: &str) -> bool {
        self.dropped_headers.iter().any(|dropped| dropped == folded_name)
    }

    /// Checks an upgrade's `Origin`. Without one (native clients) a cookie is refused: only a browser sends cookies unasked.
    ///
    /// # Errors
    ///
    /// [`Rejection::Origin`] and [`Rejection::CookieWithoutOrigin`].
    pub fn check_origin(&self, origin: Option<&str>, carrier: Option<Carrier>) -> Result<(), Rejection> {
        match origin {
            Some(origin) if self.lists_origin(origin.as_bytes()) => Ok(()),
            Some(_) => Err(Rejection::Origin),
            None if carrier == Some(Carrier::Cookie) => Err(Rejection::CookieWithoutOrigin),
            None => Ok(()),
        }
    }

    /// Checks that a login counts here: its issuer, and the permissions that the route requires.
    ///
    /// # Errors
    ///
    /// [`Rejection::Issuer`] and [`Rejection::PermissionRequired`].
    pub fn check_login(&self, login: &Login) -> Result<(), Rejection> {
        if !self.issuers.iter().any(|issuer| issuer == login.principal.issuer()) {
            return Err(Rejection::Issuer);
        }
        match self.required.first_not_in(&login.permissions) {
            Some(lacking) => Err(Rejection::PermissionRequired(lacking.to_owned())),
            None => Ok(()),
        }
    }

    /// What a ticket for this login stands for.
    ///
    /// # Errors
    ///
    /// As [`check_login`](Self::check_login), and [`Rejection::PermissionNotHeld`].
    pub fn grant(&self, login: &Login, asked: Asked, now: Now) -> Result<Grant, Rejection> {
        self.check_login(login)?;
        let grant = Grant::of(login, self.path.clone(), asked.ttl.min(self.max_ttl), now.unix);
        let permissions = match asked.permissions {
            None => login.permissions.clone(),
            Some(asked) if asked.first_not_in(&login.permissions).is_some() => {
                return Err(Rejection::PermissionNotHeld);
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

    /// The longest life of a ticket.
    #[must_use]
    pub const fn longest_ttl(&self) -> Duration {
        self.max_ttl
    }

    /// The place that a ticket is minted for: what it is bound to.
    #[must_use]
    pub fn minting_place<'a>(&'a self, origin: Option<&'a str>, address: IpAddr) -> Place<'a> {
        Place {
            route: &self.path,
            origin: origin.filter(|_| self.bind_origin),
            address: self.bind_address.then_some(address),
        }
    }

    /// The place of an upgrade, for comparison.
    #[must_use]
    pub fn upgrade_place<'a>(&'a self, origin: Option<&'a str>, address: IpAddr) -> Place<'a> {
        Place { route: &self.path, origin, address: Some(address) }
    }
}
