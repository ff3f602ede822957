//! Admission inside a server that is written in Rust: a [`Door`] before the handler of a socket, and the endpoints that mint
//! for it. For servers on hyper and tower; with the feature `axum`, for [axum](crate::axum) as it writes things.
//!
//! It is the gateway's admission: `Origin` is compared exactly, the credential leaves the request before the handler sees it, a
//! refused credential is final, a refusal can be read by a browser, `admitone.v1` is selected where the application selects
//! nothing, a session is registered before it is compared with the marks, and errors are RFC 9457 problems. What there is of it
//! on the wire is in `spec/PROTOCOL.md`.
//!
//! The handler is given an [`Admitted`] and has one duty: to hold it as long as its socket is open, and to close the socket when
//! [`Admitted::closing`] says so.
//!
//! ```
//! # use std::convert::Infallible;
//! # use admitone::origin::WebOrigin;
//! # use admitone::route::Route;
//! # use admitone::tower::{Admit, Admitted, Logins};
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! # use hyper::body::Incoming;
//! # async fn socket(_: Request<Incoming>, _: Admitted) -> Result<Response<Full<Bytes>>, Infallible> {
//! #     Ok(Response::default())
//! # }
//! # async fn example(request: Request<Incoming>, logins: impl Logins) -> Result<(), Box<dyn std::error::Error>> {
//! let chat = Route::new("/chat", [WebOrigin::parse("https://app.example.com")?]);
//! let admit = Admit::in_memory("https://chat.example.com", [chat], logins)?;
//! let door = admit.door("/chat")?;
//!
//! // For each request to a server on plain hyper:
//! let response = match request.uri().path() {
//!     "/chat" => door.admit(request, socket).await?,
//!     _ => admit.answer(request).await.map(Full::<Bytes>::from),
//! };
//! # drop(response);
//! # Ok(()) }
//! ```

mod admitted;
mod door;
mod endpoints;
mod entering;
mod logins;
mod refusal;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::close::CloseCode;
use crate::engine::{Engine, Following};
use crate::origin::{OriginError, WebOrigin};
use crate::route::{Route, TTL_SECONDS};
use crate::ticket::keys::KeyError;

pub use admitted::Admitted;
pub use door::{Door, Guarded};
#[cfg(feature = "axum")]
pub(crate) use endpoints::PATHS;
pub use logins::{Logins, NoLogin};
pub use refusal::Refusal;

/// How long a ticket lives that nobody asked to live longer.
const DEFAULT_TTL: Duration = Duration::from_secs(60);

/// How long handlers may take to say their Close at the end of a drain.
const LAST_CLOSES: Duration = Duration::from_secs(2);

/// What is told of refusals.
type Hears = dyn Fn(&str, &Refusal) + Send + Sync;

/// Why there is no [`Admit`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The public URL is no origin.
    #[error("the public URL: {0}")]
    PublicUrl(#[from] OriginError),
    /// There is no route.
    #[error("no route: name at least one path that sockets are opened at")]
    NoRoute,
    /// A path that no request has.
    #[error("the route {0:?} is no path: write it like \"/chat\"")]
    Path(Arc<str>),
    /// Two policies for one path.
    #[error("there are two routes {0:?}: write each path once")]
    Repeated(Arc<str>),
    /// The address of a client is not known here.
    #[error(
        "the route {0:?} binds tickets to the client's address, which is not known here: set bind_address to false"
    )]
    Address(Arc<str>),
    /// A default life that no ticket may have.
    #[error("tickets cannot live {0:?} by default: 5 to 3600 seconds are allowed")]
    Ttl(Duration),
    /// No random keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Nowhere to run.
    #[error("there is no tokio runtime here: build it within one, or nobody would hear of revocations")]
    NoRuntime,
}

/// There is no such route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no route {path:?}; there are {known:?}")]
pub struct NoSuchRoute {
    path: String,
    known: Vec<Arc<str>>,
}

/// What is to be known of a node that admits, before it is one.
#[must_use]
pub struct AdmitBuilder {
    public_url: String,
    logins: Arc<dyn Logins>,
    routes: Vec<Route>,
    default_ttl: Duration,
    most_sessions: Option<u32>,
    login_cookie: Option<String>,
    service_permission: Option<String>,
    hears: Option<Arc<Hears>>,
}

impl AdmitBuilder {
    /// One more path that sockets are opened at. The first one is what a mint request means that names none.
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// How long a ticket lives that nobody asked to live longer: 60 seconds without.
    pub fn default_ttl(self, ttl: Duration) -> Self {
        Self { default_ttl: ttl, ..self }
    }

    /// How many sessions one subject may have at a time, on all nodes. Any number without.
    pub fn most_sessions_per_subject(self, most: u32) -> Self {
        Self { most_sessions: Some(most), ..self }
    }

    /// The cookie in which pages present their login to the endpoints, beside `Authorization: Bearer`. It counts for pages of
    /// listed origins on the same site only, as their browser says (`Origin`, `Sec-Fetch-Site`).
    pub fn login_cookie(self, name: &str) -> Self {
        Self { login_cookie: Some(name.to_owned()), ..self }
    }

    /// What a login has to hold to ask about other people's tickets. Without it nobody may.
    pub fn service_permission(self, permission: &str) -> Self {
        Self { service_permission: Some(permission.to_owned()), ..self }
    }

    /// Is told of every refusal, with the path of its route or endpoint: for logs and metrics. Nothing secret is in it, and
    /// nothing that a client chooses: in the place of a session's handle it has `{id}`, and where there is no endpoint it is
    /// empty.
    pub fn on_refusal(self, hears: impl Fn(&str, &Refusal) + Send + Sync + 'static) -> Self {
        Self { hears: Some(Arc::new(hears)), ..self }
    }

    /// A node by itself: everything is in this process, and a restart forgets it.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn in_memory(self) -> Result<Admit, BuildError> {
        self.on(Engine::in_memory()?)
    }

    /// A node of these parts, which it keeps up to date: nothing else has to [follow](Engine::follow).
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn on(self, engine: Engine) -> Result<Admit, BuildError> {
        let public_url = WebOrigin::parse(&self.public_url)?;
        check_routes(&self.routes)?;
        if !TTL_SECONDS.contains(&self.default_ttl.as_secs()) {
            return Err(BuildError::Ttl(self.default_ttl));
        }
        tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        Ok(Admit {
            shared: Arc::new(Shared {
                _following: engine.follow(),
                engine,
                logins: self.logins,
                routes: self.routes.into_iter().map(Arc::new).collect(),
                public_url,
                default_ttl: self.default_ttl,
                most_sessions: self.most_sessions,
                login_cookie: self.login_cookie,
                service_permission: self.service_permission,
                hears: self.hears,
                draining: AtomicBool::new(false),
            }),
        })
    }
}

fn check_routes(routes: &[Route]) -> Result<(), BuildError> {
    if routes.is_empty() {
        return Err(BuildError::NoRoute);
    }
    let mut paths = BTreeSet::new();
    for route in routes {
        let path = route.path.clone();
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte)) {
            return Err(BuildError::Path(path));
        }
        if route.bind_address {
            return Err(BuildError::Address(path));
        }
        if !paths.insert(path.clone()) {
            return Err(BuildError::Repeated(path));
        }
    }
    Ok(())
}

impl fmt::Debug for AdmitBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmitBuilder").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// A node that admits: its doors, and the endpoints that mint for them. A clone is the same node.
#[derive(Clone)]
pub struct Admit {
    shared: Arc<Shared>,
}

/// What doors and endpoints work with.
struct Shared {
    engine: Engine,
    _following: Following,
    logins: Arc<dyn Logins>,
    routes: Vec<Arc<Route>>,
    public_url: WebOrigin,
    default_ttl: Duration,
    most_sessions: Option<u32>,
    login_cookie: Option<String>,
    service_permission: Option<String>,
    hears: Option<Arc<Hears>>,
    draining: AtomicBool,
}

impl Admit {
    /// Begins one whose sockets and endpoints are reached at `public_url`, an origin, by whoever `logins` says is logged in.
    pub fn builder(public_url: &str, logins: impl Logins) -> AdmitBuilder {
        AdmitBuilder {
            public_url: public_url.to_owned(),
            logins: Arc::new(logins),
            routes: Vec::new(),
            default_ttl: DEFAULT_TTL,
            most_sessions: None,
            login_cookie: None,
            service_permission: None,
            hears: None,
        }
    }

    /// One by itself with these routes, and everything else as it usually is.
    ///
    /// # Errors
    ///
    /// [`BuildError`].
    pub fn in_memory(
        public_url: &str,
        routes: impl IntoIterator<Item = Route>,
        logins: impl Logins,
    ) -> Result<Self, BuildError> {
        let builder = Self::builder(public_url, logins);
        routes.into_iter().fold(builder, AdmitBuilder::route).in_memory()
    }

    /// What goes before the handler of a route's sockets.
    ///
    /// # Errors
    ///
    /// [`NoSuchRoute`].
    pub fn door(&self, path: &str) -> Result<Door, NoSuchRoute> {
        match self.shared.find(path) {
            Some(route) => Ok(Door::new(self.shared.clone(), route.clone())),
            None => {
                let known = self.shared.routes.iter().map(|route| route.path.clone()).collect();
                Err(NoSuchRoute { path: path.to_owned(), known })
            }
        }
    }

    /// Mints, redeems, revokes and knows what is live: for what the endpoints do not do.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Shuts down: from now on nobody is let in, and every open socket is to close with 1012, spread over a time, so that their
    /// clients do not come back all at once. It returns when the last handler has ended, or shortly after that time.
    pub async fn drain(&self, over: Duration) {
        self.shared.draining.store(true, Ordering::Relaxed);
        let sessions = &self.shared.engine.sessions;
        sessions.close_gradually(CloseCode::Draining, over).await;
        let until = tokio::time::Instant::now() + LAST_CLOSES;
        while sessions.count() > 0 && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl fmt::Debug for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admit").field("engine", &self.shared.engine).finish_non_exhaustive()
    }
}

impl Shared {
    fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| &*route.path == path)
    }

    fn check_not_draining(&self) -> Result<(), Refusal> {
        if self.draining.load(Ordering::Relaxed) { Err(Refusal::Draining) } else { Ok(()) }
    }

    fn tell(&self, path: &str, refusal: &Refusal) {
        if let Some(hears) = &self.hears {
            hears(path, refusal);
        }
    }
}
