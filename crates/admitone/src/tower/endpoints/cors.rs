//! Which pages may read the answers (WHATWG Fetch, CORS): those of listed origins.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, Response};

use super::no_content;
use crate::tower::Shared;

/// The page behind a request.
pub(super) struct Page {
    /// Its origin, where that is on a route's list.
    listed: Option<HeaderValue>,
    /// Logins are in a cookie too.
    with_cookies: bool,
}

impl Page {
    pub(super) fn of(shared: &Shared, parts: &Parts) -> Self {
        let origin = parts.headers.get(ORIGIN);
        let listed = origin.filter(|origin| shared.routes.iter().any(|route| route.lists_origin(origin.as_bytes())));
        Self { listed: listed.cloned(), with_cookies: shared.login_cookie.is_some() }
    }

    /// The answer to a preflight, if the request is one.
    pub(super) fn preflight(&self, parts: &Parts) -> Option<Response<Vec<u8>>> {
        if parts.method != Method::OPTIONS || !parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = no_content();
        self.may_read(&mut response);
        if self.listed.is_some() {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, DELETE"));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
        Some(response)
    }

    pub(super) fn may_read(&self, response: &mut Response<Vec<u8>>) {
        let headers = response.headers_mut();
        headers.append(VARY, HeaderValue::from_static("origin"));
        let Some(listed) = &self.listed else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, listed.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after, admitone-ticket"));
        if self.with_cookies {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}
