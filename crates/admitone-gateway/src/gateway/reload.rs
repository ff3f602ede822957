//! A configuration that is read again while the gateway runs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admitone::now::Now;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::{StartError, rollouts, wiring};
use crate::config::{self, Config, Faults, Outline, Tls};
use crate::http::present::{Present, Serving};
use crate::logins::{Logins, Reachable};
use crate::routes::Routes;

/// How often the files are looked at. What they hold counts, whatever their names lead to by now; a change counts when it is
/// the same twice, so that nobody's half-written file is read.
const LOOK: Duration = Duration::from_secs(1);

/// How long the keys of new issuers are waited for.
const KEYS: Duration = Duration::from_secs(2);

/// A configuration's file, and the hangups that ask for it to be read again.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    hangups: Option<Signal>,
}

impl Watched {
    /// Hangups are heard from now on: until then, one would end the process.
    pub(super) fn new(path: &Path) -> Self {
        let hangups = signal(SignalKind::hangup());
        let hangups = hangups.inspect_err(|error| tracing::warn!(%error, "cannot listen for hangups")).ok();
        Self { path: path.to_owned(), hangups }
    }
}

/// Reads a gateway's configuration again when it changes, or on SIGHUP.
pub(super) struct Reloading {
    path: PathBuf,
    present: Arc<Present>,
    /// Of what the gateway was started with.
    outline: Outline,
    /// Of what counts.
    present_outline: Outline,
    /// Keeps the issuers' published keys up to date.
    keys: AbortHandle,
    /// What was read last, well or badly.
    read: Option<u64>,
    hangups: Option<Signal>,
}

/// A configuration, and what it is compared by.
type Reading = (Result<Config, Faults>, Outline);

impl Reloading {
    /// Of a gateway that was started with what is in the file. `keys` is what keeps the issuers' keys up to date.
    pub(super) fn new(Watched { path, hangups }: Watched, present: Arc<Present>, keys: AbortHandle) -> Self {
        let (outline, present_outline) = (outline(&path), outline(&path));
        let read = fingerprint(&path, &outline);
        Self { path, present, outline, present_outline, keys, read, hangups }
    }

    /// Looks, and listens, for as long as it runs.
    pub(super) async fn run(mut self) {
        let mut hangups = self.hangups.take();
        let mut seen = self.read;
        loop {
            tokio::select! {
                () = hangup(&mut hangups) => self.reload().await,
                () = tokio::time::sleep(LOOK) => {
                    let now = self.look().await;
                    if now != self.read && now == seen {
                        self.reload().await;
                    }
                    seen = now;
                }
            }
        }
    }

    async fn look(&self) -> Option<u64> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || fingerprint(&path, &outline(&path))).await.ok().flatten()
    }

    /// All of the new configuration counts, or nothing of it.
    async fn reload(&mut self) {
        self.read = self.look().await;
        let path = self.path.clone();
        let reading = tokio::task::spawn_blocking(move || -> Reading {
            (Config::load(&path, config::environment()), outline(&path))
        });
        let Ok((config, outline)) = reading.await else { return };
        let serving = self.present.load();
        let is_accepted = match config {
            Ok(config) => self.accept(config, outline).await,
            Err(faults) => {
                for fault in &faults {
                    tracing::error!(%fault, "the configuration is refused; the one before stays");
                }
                false
            }
        };
        serving.app.metrics.reloaded(is_accepted);
    }

    /// Begins to, and gives the keys a moment to come before anybody needs them.
    async fn follow_keys(&mut self, logins: &Arc<Logins>) {
        let following = logins.clone();
        let keys = tokio::spawn(async move { following.follow_keys().await }).abort_handle();
        std::mem::replace(&mut self.keys, keys).abort();
        let until = Instant::now() + KEYS;
        while logins.reachable(Now::read()) != Reachable::All && Instant::now() < until {
            tokio::time::sleep(KEYS / 100).await;
        }
    }

    async fn accept(&mut self, config: Config, outline: Outline) -> bool {
        for warning in &config.warnings {
            tracing::warn!(%warning, "configuration");
        }
        let tls = config.server.tls.as_ref().map(Tls::offering_http_2);
        let the_same = outline.has_issuers_of(&self.present_outline);
        let before = self.present.app();
        let news = rollouts::news(&before, &Routes::new(&config)).map_err(StartError::from);
        match news.and_then(|news| Ok((wiring::rewire(&before, config, the_same)?, news))) {
            Ok((app, news)) => {
                if !the_same {
                    self.follow_keys(&app.logins).await;
                }
                let app = Arc::new(app);
                self.present.replace(Serving::new(app.clone(), tls));
                for (route, said) in news {
                    rollouts::count(&app.rollouts, &route, said, &app.audit).await;
                }
                for key in self.outline.differences(&outline) {
                    tracing::warn!(key, "this key takes effect at the next start only: it has changed since this one");
                }
                self.present_outline = outline;
                tracing::info!(file = %self.path.display(), "configuration reloaded");
                true
            }
            Err(error) => {
                tracing::error!(%error, "the configuration is refused; the one before stays");
                false
            }
        }
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        self.keys.abort();
    }
}

/// Waits for a SIGHUP.
async fn hangup(hangups: &mut Option<Signal>) {
    if let Some(hangups) = hangups
        && hangups.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

fn outline(path: &Path) -> Outline {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Outline::of(&text, path.parent().unwrap_or(Path::new("")), config::environment())
}

/// What the file and those that it names hold; `None` while the file itself cannot be read.
fn fingerprint(path: &Path, outline: &Outline) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    std::fs::read(path).ok()?.hash(&mut hasher);
    for file in outline.files() {
        std::fs::read(file).ok().hash(&mut hasher);
    }
    Some(hasher.finish())
}
