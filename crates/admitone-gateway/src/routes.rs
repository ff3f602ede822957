//! Paths and their policies.

use std::ops::Deref;
use std::sync::Arc;

use admitone::carrier::Policy;
use admitone::rollout::{People, Person, Said, Watch};
pub use admitone::route::Asked;
use admitone::sessions::Terms;

use crate::config::{self, JwtFallback, Listed, OnFailures, OnReplay};
use crate::relay::Bounds;

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

/// A path with its policy, and what its upstream is to get. It is a route of the library's, and read as one.
#[derive(Debug)]
pub struct Route {
    policy: admitone::route::Route,
    /// What becomes of a JWT on the upgrade.
    pub jwt_fallback: JwtFallback,
    /// What its configuration says of who gets tickets, and what watches over that.
    pub rollout: RolloutTerms,
    /// Whether trusted proxies may ask about its requests.
    pub forward_auth: bool,
    /// Whether the upstream is told who was admitted in a signed assertion too.
    pub upstream_assertion: bool,
    /// Whether it streams events as well.
    pub event_streams: bool,
    /// What becomes of the first connection when its ticket is presented again.
    pub on_replay: OnReplay,
    /// What may pass through a socket.
    pub bounds: Bounds,
    dropped_headers: Vec<String>,
}

impl Route {
    fn new(route: &config::Route, identifier: impl Fn(&String) -> Option<String>) -> Self {
        let rollout = RolloutTerms::new(&route.rollout, &identifier);
        let policy = admitone::route::Route {
            path: Arc::from(route.path.as_str()),
            origins: route.origins.clone(),
            issuers: Some(route.issuers.iter().filter_map(identifier).collect()),
            required: route.required_permissions.clone(),
            carriers: Policy {
                ticket: route.ticket_carriers.clone(),
                jwt: if route.jwt_fallback == JwtFallback::Deny { Vec::new() } else { route.jwt_carriers.clone() },
                jwt_cookie: route.jwt_cookie.clone(),
                query_passthrough: route.query_passthrough.iter().map(ToString::to_string).collect(),
            },
            max_ttl: route.max_ttl,
            max_uses: route.max_uses,
            bind_origin: route.bind_origin,
            bind_address: route.bind_address,
            terms: Terms {
                longest: route.max_session,
                grace: route.expiry_grace,
                required: route.required_permissions.clone(),
                narrowed: route.renew_narrowed,
            },
            refuse_with: route.refuse_with,
            close_profile: route.close_profile,
        };
        Self {
            policy,
            jwt_fallback: route.jwt_fallback,
            rollout,
            forward_auth: route.forward_auth,
            upstream_assertion: route.upstream_assertion,
            event_streams: route.event_streams,
            on_replay: route.on_replay,
            bounds: Bounds { idle: route.idle_timeout, frame: route.max_frame },
            dropped_headers: route.drop_headers.iter().map(|name| name.replace(['_', '.'], "-")).collect(),
        }
    }

    /// Whether somebody may be left without tickets here: they fall back to their JWT.
    #[must_use]
    pub fn may_leave_out(&self) -> bool {
        self.jwt_fallback != JwtFallback::Deny
    }

    /// What the guard does when too many tickets fail. It rolls back only where there is something to fall back to, and a rollout:
    /// where nobody has ever written or set one (`is_known`), it alarms.
    #[must_use]
    pub fn on_failures(&self, is_known: bool) -> OnFailures {
        match self.rollout.guard {
            OnFailures::RollBack if !self.may_leave_out() => OnFailures::Alarm,
            OnFailures::RollBack if !self.rollout.is_written && !is_known => OnFailures::Alarm,
            guard => guard,
        }
    }

    /// Whether the upstream must not see a header of the client's, by its name in lower case with `-` for `_` and `.`.
    #[must_use]
    pub fn drops_header(&self, folded_name: &str) -> bool {
        self.dropped_headers.iter().any(|dropped| dropped == folded_name)
    }
}

impl Deref for Route {
    type Target = admitone::route::Route;

    fn deref(&self) -> &Self::Target {
        &self.policy
    }
}

/// What a route's configuration says of its rollout.
#[derive(Clone, Debug)]
pub struct RolloutTerms {
    /// Who gets tickets, where it says so.
    pub said: Said,
    /// Whether each JWT on the upgrade has a ticket rehearsed.
    pub shadow: bool,
    /// What becomes of the rollout when too many tickets fail.
    pub guard: OnFailures,
    /// When too many have.
    pub watch: Watch,
    /// Whether the configuration has a rollout at all.
    is_written: bool,
}

impl RolloutTerms {
    fn new(rollout: &config::Rollout, identifier: impl Fn(&String) -> Option<String>) -> Self {
        let people = |listed: &Vec<Listed>| -> People {
            let person = |listed: &Listed| Some(Person::new(&identifier(&listed.issuer)?, &listed.subject));
            listed.iter().filter_map(person).collect::<Vec<_>>().into()
        };
        Self {
            said: Said {
                percent: rollout.percent,
                allow: rollout.allow.as_ref().map(people),
                deny: rollout.deny.as_ref().map(people),
            },
            shadow: rollout.shadow,
            guard: rollout.guard,
            watch: rollout.watch,
            is_written: rollout.is_written,
        }
    }
}
