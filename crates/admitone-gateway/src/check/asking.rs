use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use serde_json::Value;

use super::{Target, Trouble, diagnosis};
use crate::fetch::{Answer, Url};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One check's requests, as the login that it has.
pub(super) struct Asking<'t> {
    pub(super) target: &'t Target,
    pub(super) token: &'t str,
    /// What the names of requests begin with, which differs for each process.
    processes: Mutex<BTreeSet<String>>,
    /// The kind of store that a gateway said it has.
    store: Mutex<Option<String>>,
}

impl<'t> Asking<'t> {
    pub(super) fn new(target: &'t Target, token: &'t str) -> Self {
        Self { target, token, processes: Mutex::default(), store: Mutex::default() }
    }

    /// How many processes have answered.
    pub(super) fn gateways(&self) -> usize {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn store_is(&self, kind: &str) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(kind.to_owned());
    }

    pub(super) fn has_memory_store(&self) -> bool {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some("memory")
    }

    pub(super) async fn health(&self, path: &str) -> Result<Answer, Trouble> {
        let url = url(&self.target.health, path)?;
        let answer = self.target.fetch.get(&url, HeaderMap::new()).await;
        answer.map(|answer| self.noted(answer)).map_err(|error| diagnosis::unreached(&error))
    }

    /// Posts JSON, as the page of this origin.
    pub(super) async fn post(&self, path: &str, body: &Value, origin: Option<&str>) -> Result<Answer, Trouble> {
        let url = url(&self.target.gateway, path)?;
        let mut headers = self.headers(origin)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.target.fetch.post(&url, headers, Bytes::from(body.to_string())).await;
        answer.map(|answer| self.noted(answer)).map_err(|error| diagnosis::unreached(&error))
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, Trouble> {
        let url = url(&self.target.gateway, path)?;
        let headers = self.headers(self.target.origin.as_deref())?;
        let answer = self.target.fetch.delete(&url, headers).await;
        answer.map(|answer| self.noted(answer)).map_err(|error| diagnosis::unreached(&error))
    }

    fn headers(&self, origin: Option<&str>) -> Result<HeaderMap, Trouble> {
        let mut headers = HeaderMap::new();
        let mut bearer = header(&format!("Bearer {}", self.token), "the token")?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        if let Some(origin) = origin {
            headers.insert(ORIGIN, header(origin, "--origin")?);
        }
        Ok(headers)
    }

    fn noted(&self, answer: Answer) -> Answer {
        self.note(&answer.headers);
        answer
    }

    /// Remembers which process an answer came from, where its name is one that a gateway gave.
    pub(super) fn note(&self, headers: &HeaderMap) {
        let name = headers.get(REQUEST_ID).and_then(|name| name.to_str().ok()).and_then(|name| name.split_once('-'));
        let Some((process, number)) = name else { return };
        let is_ours = process.len() == 16 && process.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_ours && number.bytes().all(|byte| byte.is_ascii_digit()) {
            self.processes.lock().unwrap_or_else(PoisonError::into_inner).insert(process.to_owned());
        }
    }
}

/// A path of an origin.
pub(super) fn url(origin: &Url, path: &str) -> Result<Url, Trouble> {
    Url::parse(&format!("{}{path}", origin.as_str().trim_end_matches('/')))
        .map_err(|error| Trouble::new(format!("{path}: {error}"), "it is no URL", "look at the arguments"))
}

pub(super) fn header(text: &str, what: &str) -> Result<HeaderValue, Trouble> {
    let unwritable = |_| {
        let found = format!("{what} holds what no header can");
        Trouble::new(found, "a line break, or what is not ASCII", "look into the file, or at the argument")
    };
    HeaderValue::from_str(text).map_err(unwritable)
}
