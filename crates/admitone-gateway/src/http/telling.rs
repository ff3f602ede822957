//! Every request has a name, and every refusal is told of once: to the client, in the log, the metrics and the audit stream.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Extension;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::Level;
use tracing::field::display;

use super::{App, Peer, client, endpoints};
use crate::audit::{Event, What};
use crate::rejection::{Rejection, Row};
use crate::traces::Trace;

/// Names a request, on its way through every hop.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest name of a request that is given here: 16 digits, a hyphen, and as many as a number has.
const LONGEST_NAME: usize = 37;

/// Longest name of a request that is taken over, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Makes names for requests, unlike those of any other process.
#[derive(Debug)]
pub struct RequestNames {
    process: String,
    last: AtomicU64,
}

impl RequestNames {
    /// Names that begin with what no other process has.
    #[must_use]
    pub fn of_process(unique: u64) -> Self {
        Self { process: format!("{unique:016x}"), last: AtomicU64::new(0) }
    }

    fn next(&self) -> HeaderValue {
        let mut name = String::with_capacity(LONGEST_NAME);
        // Writing to a string does not fail; digits and a hyphen are header text.
        let _ = write!(name, "{}-{}", self.process, self.last.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(name).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
    }
}

/// Whose request it is, and its name.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    id: HeaderValue,
    address: IpAddr,
    trace: Trace,
}

impl Asked {
    /// Takes a trusted proxy's name over, or gives one, and writes it into the request, whatever stood there.
    pub(super) fn name(app: &App, peer: Peer, headers: &mut HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).filter(|given| app.trusts(peer.0.ip()) && is_sound(given)).cloned();
        let id = given.unwrap_or_else(|| app.request_names.next());
        headers.insert(REQUEST_ID, id.clone());
        Self { id, address: client::address(app, peer, headers), trace: Trace::default() }
    }

    /// The same, and its trace begins, where requests are traced.
    pub(super) fn traced(app: &App, peer: Peer, method: &Method, route: &str, headers: &mut HeaderMap) -> Self {
        let asked = Self::name(app, peer, headers);
        let Some(traces) = &app.traces else { return asked };
        let trace = traces.begin(headers, app.trusts(peer.0.ip()));
        trace.is_for(method, route);
        trace.note("admitone.request_id", asked.id.to_str().unwrap_or_default());
        Self { trace, ..asked }
    }

    /// For what cannot be read as a request.
    pub(super) fn unreadable(app: &App, peer: Peer) -> Self {
        Self { id: app.request_names.next(), address: peer.0.ip().to_canonical(), trace: Trace::default() }
    }

    /// How long its steps take.
    pub(super) const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The name, as a header has it.
    pub(super) const fn id(&self) -> &HeaderValue {
        &self.id
    }
}

/// Letters, digits and what common makers of such names put between them; no ticket or token, which must not get into a log.
fn is_sound(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@".contains(byte);
    let holds = |start: &[u8]| id.windows(start.len()).any(|part| part == start);
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.iter().all(legal) && !holds(b"adm1_") && !holds(b"eyJ")
}

/// The name of a request that was given one.
pub(super) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok()
}

/// What there is to tell of a refusal, on its way in the answer.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: &'static str,
    status: u16,
    level: Level,
    cause: String,
    route: Option<Arc<str>>,
    /// The problem; a name of the request is added before its end.
    problem: Vec<u8>,
}

impl Refusal {
    pub(super) fn new(rejection: &Rejection, row: &Row, route: Option<&Arc<str>>, problem: Vec<u8>) -> Self {
        Self {
            code: row.told.code.name(),
            status: row.told.status.as_u16(),
            level: row.level,
            cause: rejection.to_string(),
            route: route.cloned(),
            problem,
        }
    }

    fn named(&self, id: &HeaderValue) -> Vec<u8> {
        let mut problem = self.problem.clone();
        if problem.pop_if(|last| *last == b'}').is_some() {
            problem.extend_from_slice(b",\"request_id\":\"");
            problem.extend_from_slice(id.as_bytes());
            problem.extend_from_slice(b"\"}");
        }
        problem
    }
}

/// What tells of the requests of a listener.
#[derive(Clone)]
pub(crate) struct Teller {
    app: Arc<App>,
    refused: What,
}

impl Teller {
    /// Of the public listener.
    pub(super) fn public(app: &Arc<App>) -> Self {
        Self { app: app.clone(), refused: What::Refused }
    }

    /// Of the operators' listener.
    pub(crate) fn of_operators(app: &Arc<App>) -> Self {
        Self { app: app.clone(), refused: What::AdminRefused }
    }

    /// Names a request to an endpoint, has it answered, and tells of its refusal.
    pub(crate) async fn answer(
        &self,
        Extension(peer): Extension<Peer>,
        path: Option<MatchedPath>,
        mut request: Request,
        next: Next,
    ) -> Response {
        let endpoint = path.as_ref().map_or("", MatchedPath::as_str);
        let method = request.method().clone();
        let asked = if self.traces(endpoint) {
            Asked::traced(&self.app, peer, &method, endpoint, request.headers_mut())
        } else {
            Asked::name(&self.app, peer, request.headers_mut())
        };
        asked.trace.travel(request.extensions_mut());
        let mut response = next.run(request).await;
        debug_assert!(is_described(path.as_ref(), &method, &response), "not described: {method} {path:?} {response:?}");
        self.tell(&asked, endpoint, &mut response);
        response
    }

    /// Probes come all the time, and operators are not whom it is about.
    fn traces(&self, endpoint: &str) -> bool {
        self.app.traces.is_some() && self.refused == What::Refused && !matches!(endpoint, "/healthz" | "/readyz")
    }

    /// Tells of a refusal that `response` may be, and names the request in it.
    pub(super) fn tell(&self, asked: &Asked, endpoint: &str, response: &mut Response) {
        response.headers_mut().insert(REQUEST_ID, asked.id.clone());
        asked.trace.answered(response.status().as_u16());
        if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            *response.body_mut() = Body::from(refusal.named(&asked.id));
            self.refused(asked, endpoint, &refusal);
        }
    }

    /// Tells of a refusal that the client hears of in another way.
    pub(super) fn refused(&self, asked: &Asked, endpoint: &str, refusal: &Refusal) {
        let route = refusal.route.as_deref().unwrap_or(endpoint);
        asked.trace.answered(refusal.status);
        asked.trace.note("admitone.code", refusal.code);
        self.app.metrics.refused(route, refusal.code);
        log(asked, route, refusal);
        // Wrong paths and methods, and requests without any credential, are no event: they come all the time.
        if refusal.level < Level::DEBUG {
            self.app.audit.tell_beside_log(&Event {
                request_id: asked.id.to_str().ok(),
                address: Some(asked.address),
                route: Some(route),
                code: Some(refusal.code),
                cause: Some(&refusal.cause),
                ..Event::new(self.refused)
            });
        }
    }
}

/// Whether a refusal is one that the endpoint's description has.
fn is_described(path: Option<&MatchedPath>, method: &Method, response: &Response) -> bool {
    let code = response.extensions().get::<Refusal>().map(|refusal| refusal.code);
    path.zip(code).is_none_or(|(path, code)| endpoints::may_refuse(path.as_str(), method, code))
}

/// One line, at the level of the refusal's row. The cause holds no secret.
fn log(asked: &Asked, route: &str, refusal: &Refusal) {
    let Refusal { code, status, cause, .. } = refusal;
    let (request_id, address) = (asked.id.to_str().ok(), display(asked.address));
    match refusal.level {
        Level::ERROR => tracing::error!(code, status, route, cause, request_id, address, "refused"),
        Level::WARN => tracing::warn!(code, status, route, cause, request_id, address, "refused"),
        Level::INFO => tracing::info!(code, status, route, cause, request_id, address, "refused"),
        _ => tracing::debug!(code, status, route, cause, request_id, address, "refused"),
    }
}

/// As [`Teller::answer`].
pub(super) async fn endpoint(
    State(teller): State<Teller>,
    peer: Extension<Peer>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    teller.answer(peer, path, request, next).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_over_are_short_and_plain() {
        for (id, sound) in [
            ("0af7651916cd43dd8448eb211c80319c", true),
            ("Root=1-67891233-abcdef012345678912345678", true),
            ("req_01:a.b/c+d@e", true),
            ("", false),
            ("a b", false),
            ("\"a\"", false),
            ("<script>", false),
            (&"a".repeat(129), false),
            ("adm1_EwdrB_OE6YSQp", false),
            ("Bearer.eyJhbGciOiJFUzI1NiJ9", false),
        ] {
            let value = HeaderValue::from_str(id).expect("header text");
            assert_eq!(is_sound(&value), sound, "{id}");
        }
    }

    #[test]
    fn every_name_is_another_one() {
        let names = RequestNames::of_process(7);
        assert_eq!([names.next(), names.next()], ["0000000000000007-0", "0000000000000007-1"]);
    }
}
