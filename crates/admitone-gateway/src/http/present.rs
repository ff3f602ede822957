//! What requests are answered by at the moment.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use rustls::ServerConfig;

use super::App;

/// What requests are answered by at the moment. A reload replaces it; each request keeps to the end what it began with, and a
/// live socket what it was opened with.
pub struct Present(ArcSwap<Serving>);

/// What one configuration makes of a request.
pub struct Serving {
    /// What admits.
    pub app: Arc<App>,
    /// What answers.
    pub router: Router,
    /// What answers when every place is taken.
    pub when_full: Router,
    /// What answers an address that has taken all of its own.
    pub when_over: Router,
    /// TLS, where this process ends it.
    pub tls: Option<Arc<ServerConfig>>,
}

impl Serving {
    /// Everything that `app` answers.
    #[must_use]
    pub fn new(app: Arc<App>, tls: Option<Arc<ServerConfig>>) -> Arc<Self> {
        let (router, when_full, when_over) = (app.router(), app.router_when_full(), app.router_when_over());
        Arc::new(Self { app, router, when_full, when_over, tls })
    }
}

impl Present {
    /// Begins with this.
    #[must_use]
    pub fn new(serving: Arc<Serving>) -> Self {
        Self(ArcSwap::new(serving))
    }

    /// What there is now.
    #[must_use]
    pub fn load(&self) -> Arc<Serving> {
        self.0.load_full()
    }

    /// The application of now.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        self.0.load().app.clone()
    }

    /// Has the next requests answered by something else.
    pub fn replace(&self, serving: Arc<Serving>) {
        self.0.store(serving);
    }

    /// Puts what there is now in the place of what there was.
    pub(super) fn refresh(&self, serving: &mut Arc<Serving>) {
        let now = self.0.load();
        if !Arc::ptr_eq(&now, serving) {
            *serving = Arc::clone(&now);
        }
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Present").field("app", &self.0.load().app).finish_non_exhaustive()
    }
}
