//! What a proxy says of the request that it asks about.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_VERSION};
use http::request::Parts;
use http::{Method, Uri};

use super::verify::PATH;

pub(super) const ORIGINAL_URI: &str = "X-Original-URI";
pub(super) const FORWARDED_URI: &str = "X-Forwarded-Uri";
pub(super) const FORWARDED_METHOD: &str = "X-Forwarded-Method";
pub(super) const FORWARDED_FOR: &str = "X-Forwarded-For";
const BEHIND_PATH: &str = "the path behind /auth/verify";

/// Why a proxy's question cannot be answered. `Display` says how to mend the proxy; [`told`](Self::told) is for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardedError {
    /// It says of no request that it asks about it.
    #[error(
        "the proxy sends neither X-Original-URI nor X-Forwarded-Uri, nor the path behind /auth/verify: nginx needs \
         `proxy_set_header X-Original-URI $request_uri`, Envoy `path_prefix: /auth/verify`"
    )]
    NoUri,
    /// It says of two requests that it asks about them.
    #[error(
        "{0} and {1} name two requests: have the proxy remove the one that it does not set, or a client chooses it"
    )]
    TwoUris(&'static str, &'static str),
    /// What it says is the target of no request.
    #[error("{0} is no path with a query as a request has it: have the proxy send the client's target as it came")]
    NotATarget(&'static str),
    /// A header that says one thing stands twice.
    #[error("{0} stands twice: have the proxy set it in the place of the client's, not beside it")]
    Twice(&'static str),
    /// Nobody knows whose request it is.
    #[error(
        "the proxy does not send X-Forwarded-For, without which every client counts as the proxy: nginx needs \
         `proxy_set_header X-Forwarded-For $remote_addr`, Envoy `use_remote_address: true` and the header among allowed_headers"
    )]
    NoAddress,
    /// The request that it asks about is no upgrade, or cannot be told to be one.
    #[error(
        "no Sec-WebSocket-Version 13: the request is no upgrade, or the proxy does not pass the header on (Envoy: \
         allowed_headers)"
    )]
    NotAnUpgrade,
}

impl ForwardedError {
    /// The same without how to mend it, which is the proxy's operator's business.
    pub(crate) fn told(self) -> Cow<'static, str> {
        match self {
            Self::NoUri => {
                "the proxy did not send X-Original-URI or X-Forwarded-Uri, nor a path behind /auth/verify".into()
            }
            Self::TwoUris(one, other) => format!("{one} and {other} differ").into(),
            Self::NotATarget(name) => format!("{name} is not the target of a request").into(),
            Self::Twice(name) => format!("{name} stands twice").into(),
            Self::NoAddress => "the proxy did not send X-Forwarded-For".into(),
            Self::NotAnUpgrade => "there is no Sec-WebSocket-Version: 13".into(),
        }
    }
}

/// The request that a proxy asks about, as far as the question's own headers do not have it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// Path and query, as the client sent them.
    pub(super) target: Uri,
    pub(super) method: Method,
    /// To WebSocket, of the version that there is.
    pub(super) is_upgrade: bool,
    /// The target came as the question's own path, as Envoy sends it.
    pub(super) is_path: bool,
}

impl Forwarded {
    /// # Errors
    ///
    /// [`ForwardedError`]: what is missing, said twice or no target names no request.
    pub(super) fn read(parts: &Parts) -> Result<Self, ForwardedError> {
        let headers = &parts.headers;
        let behind = behind_path(&parts.uri);
        let named = [
            (BEHIND_PATH, behind.as_deref()),
            (ORIGINAL_URI, text(headers, ORIGINAL_URI)?),
            (FORWARDED_URI, text(headers, FORWARDED_URI)?),
        ];
        let mut named = named.into_iter().filter_map(|(name, target)| target.map(|target| (name, target)));
        let (name, target) = named.next().ok_or(ForwardedError::NoUri)?;
        if let Some((other, _)) = named.find(|(_, other)| *other != target) {
            return Err(ForwardedError::TwoUris(name, other));
        }
        let target = parse(target).ok_or(ForwardedError::NotATarget(name))?;
        let method = match only(headers, FORWARDED_METHOD)? {
            None => parts.method.clone(),
            Some(method) => {
                Method::from_bytes(method.as_bytes()).map_err(|_| ForwardedError::NotATarget(FORWARDED_METHOD))?
            }
        };
        if !headers.contains_key(FORWARDED_FOR) {
            return Err(ForwardedError::NoAddress);
        }
        let is_upgrade = only(headers, SEC_WEBSOCKET_VERSION.as_str())?.is_some_and(|version| version == "13");
        Ok(Self { target, method, is_upgrade, is_path: behind.is_some() })
    }
}

/// The target that a question's own path ends with. A question without one may have a query all the same: of a proxy that
/// repeats the client's.
fn behind_path(uri: &Uri) -> Option<Cow<'_, str>> {
    let path = uri.path().strip_prefix(PATH).filter(|path| !path.is_empty())?;
    Some(uri.query().map_or(path.into(), |query| format!("{path}?{query}").into()))
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, ForwardedError> {
    let line = only(headers, name)?;
    line.map(|line| line.to_str().map_err(|_| ForwardedError::NotATarget(name))).transpose()
}

fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a HeaderValue>, ForwardedError> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    if lines.next().is_some() { Err(ForwardedError::Twice(name)) } else { Ok(first) }
}

/// Origin-form (RFC 9112 §3.2.1), in visible ASCII.
fn parse(target: &str) -> Option<Uri> {
    let legal = target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    legal.then(|| target.parse().ok()).flatten().filter(|uri: &Uri| uri.authority().is_none())
}

#[cfg(test)]
mod tests;
