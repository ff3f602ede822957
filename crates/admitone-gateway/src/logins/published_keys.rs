//! An issuer's published keys: fetched when they are due, and when a token names one that is not known.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use admitone::authn::refresh::{Missed, Next, Refresh};
use admitone::authn::{IssuerKeys, JwtIssuer, KeySet, KeySource, discovery};
use http::{HeaderMap, StatusCode};
use tokio::sync::{Notify, watch};

use super::Unavailable;
use crate::config::Published;
use crate::fetch::{self, Fetch, Url};

/// Longer than any: two questions, each with the longest time that may be configured.
const LONGEST_FETCH: Duration = Duration::from_secs(60);

/// Where an issuer publishes its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysAt {
    /// At this URL.
    Url(Url),
    /// Where the issuer's discovery document says; the document is at this URL.
    Discovered(Url),
}

/// How an issuer's published keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysState<'k> {
    /// What the configuration calls the issuer.
    pub issuer: &'k str,
    /// Whether there are any that count.
    pub do_count: bool,
    /// How often fetching them has failed since it last succeeded.
    pub failures: u32,
}

/// What keeps one issuer's keys up to date.
#[derive(Debug)]
pub(super) struct PublishedKeys {
    name: String,
    issuer: String,
    at: KeysAt,
    keys: IssuerKeys,
    fetch: Fetch,
    refresh: Mutex<Refresh>,
    wanted: Notify,
    /// Changes when a fetch has ended.
    ended: watch::Sender<()>,
}

impl PublishedKeys {
    pub(super) fn new(tokens: &JwtIssuer, published: Published) -> Self {
        Self {
            name: tokens.name.clone(),
            issuer: tokens.issuer.clone(),
            at: published.at,
            keys: tokens.keys.clone(),
            fetch: published.fetch,
            refresh: Mutex::new(Refresh::new(published.limits, Instant::now())),
            wanted: Notify::new(),
            ended: watch::Sender::new(()),
        }
    }

    /// What the configuration calls the issuer.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether there are keys that count.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.refresh().is_usable(now)
    }

    pub(super) fn state(&self, now: Instant) -> KeysState<'_> {
        let refresh = self.refresh();
        KeysState { issuer: &self.name, do_count: refresh.is_usable(now), failures: refresh.failures() }
    }

    /// Keeps the keys up to date, for ever. Only one may run.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let next = self.refresh().poll(Instant::now());
            match next {
                Next::Fetch => self.refetch().await,
                Next::Wait(due) => self.wait(due).await,
                Next::Fetching => self.wanted.notified().await,
            }
        }
    }

    /// After a token named a key that is not known: waits for newer keys, where that is worth it.
    pub(super) async fn newer(&self) {
        let mut ended = self.ended.subscribe();
        let missed = self.refresh().missed(Instant::now());
        if missed == Missed::Await {
            self.wanted.notify_one();
            // Its sender is in here too; whoever fetches may have been replaced by a reload.
            let _ = tokio::time::timeout(LONGEST_FETCH, ended.changed()).await;
        }
    }

    /// Waits for the end of the first fetch.
    pub(super) async fn settled(&self) {
        let mut ended = self.ended.subscribe();
        let has_ended = {
            let refresh = self.refresh();
            refresh.usable_until().is_some() || refresh.failures() > 0
        };
        if !has_ended {
            let _ = tokio::time::timeout(LONGEST_FETCH, ended.changed()).await;
        }
    }

    async fn wait(&self, due: Instant) {
        let over = self.refresh().usable_until().filter(|over| *over > Instant::now());
        let until = over.map_or(due, |over| over.min(due));
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = self.wanted.notified() => {}
        }
        if !self.is_usable(Instant::now()) && !self.keys.current().is_empty() {
            self.keys.replace(KeySet::empty());
            tracing::error!(
                issuer = self.name,
                "the issuer's keys are too old to count: its tokens are refused until newer ones come"
            );
        }
    }

    async fn refetch(&self) {
        match self.published().await {
            Ok((keys, max_age)) => {
                tracing::info!(issuer = self.name, keys = keys.len(), "issuer's keys fetched");
                self.keys.replace(keys);
                self.refresh().fetched(max_age, Instant::now());
            }
            Err(cause) => {
                self.refresh().failed(Instant::now());
                tracing::warn!(issuer = self.name, %cause, "issuer's keys not fetched: the last good ones stay");
            }
        }
        self.ended.send_replace(());
    }

    /// The published keys, and for how long their publisher says that they stay the same.
    async fn published(&self) -> Result<(KeySet, Option<Duration>), Unavailable> {
        let url = match &self.at {
            KeysAt::Url(url) => url.clone(),
            KeysAt::Discovered(document) => self.discovered(document).await?,
        };
        let answer = self.get(&url).await?;
        let keys = KeySet::from_jwks(&answer.body, KeySource::Published);
        let keys = keys.map_err(|error| Unavailable::Keys(error.to_string().into()))?;
        Ok((keys, fetch::max_age(&answer.headers)))
    }

    async fn discovered(&self, document: &Url) -> Result<Url, Unavailable> {
        let answer = self.get(document).await?;
        let published = discovery::jwks_uri(&answer.body, &self.issuer)?;
        Url::parse(&published).map_err(Unavailable::KeysUrl)
    }

    async fn get(&self, url: &Url) -> Result<fetch::Answer, Unavailable> {
        let answer = self.fetch.get(url, HeaderMap::new()).await?;
        if answer.status == StatusCode::OK { Ok(answer) } else { Err(Unavailable::Status(answer.status)) }
    }

    fn refresh(&self) -> MutexGuard<'_, Refresh> {
        // Nothing that could panic runs while it is held.
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
