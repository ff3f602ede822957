//! What pages ask of a node that admits: the endpoints of `spec/PROTOCOL.md` under `/auth`.

mod body;
mod cors;
mod login;
mod mint;
mod sessions;
mod tickets;

use std::error::Error;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Admit, Refusal, Shared};
use crate::now::Now;
use crate::principal::Login;

/// Where they are.
pub(crate) const PATHS: [&str; 6] = [
    "/auth/ticket",
    "/auth/ticket/introspect",
    "/auth/ticket/revoke",
    "/auth/logout",
    "/auth/session/{id}",
    "/auth/session/{id}/renew",
];

/// Something that can be asked.
enum Endpoint<'a> {
    Mint,
    Introspect,
    Revoke,
    Logout,
    Renew(&'a str),
    End(&'a str),
}

impl<'a> Endpoint<'a> {
    fn at(path: &'a str) -> Option<Self> {
        Some(match path {
            "/auth/ticket" => Self::Mint,
            "/auth/ticket/introspect" => Self::Introspect,
            "/auth/ticket/revoke" => Self::Revoke,
            "/auth/logout" => Self::Logout,
            _ => match path.strip_prefix("/auth/session/")?.split_once('/') {
                None => Self::End(path.strip_prefix("/auth/session/")?),
                Some((id, "renew")) => Self::Renew(id),
                Some(_) => return None,
            },
        })
    }

    const fn method(&self) -> Method {
        match self {
            Self::End(_) => Method::DELETE,
            _ => Method::POST,
        }
    }

    /// The one of [`PATHS`], which holds nothing of the request's.
    const fn path(&self) -> &'static str {
        let [mint, introspect, revoke, logout, end, renew] = PATHS;
        match self {
            Self::Mint => mint,
            Self::Introspect => introspect,
            Self::Revoke => revoke,
            Self::Logout => logout,
            Self::End(_) => end,
            Self::Renew(_) => renew,
        }
    }
}

/// A request whose login is known, and whose body is an object.
struct Asked {
    parts: Parts,
    fields: Map<String, Value>,
    login: Login,
    now: Now,
}

impl Admit {
    /// Answers a request to an endpoint: `POST /auth/ticket`, `/auth/ticket/introspect`, `/auth/ticket/revoke`, `/auth/logout`
    /// and `/auth/session/{id}/renew`, `DELETE /auth/session/{id}`; with CORS for the pages of listed origins. Any other path is
    /// 404.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Vec<u8>>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let page = cors::Page::of(&self.shared, &parts);
        if let Some(preflight) = page.preflight(&parts) {
            return preflight;
        }
        let path = parts.uri.path().to_owned();
        let endpoint = Endpoint::at(&path);
        let told = endpoint.as_ref().map_or("", Endpoint::path);
        let mut response = self.shared.answer(endpoint, parts, body).await.unwrap_or_else(|refusal| {
            self.shared.tell(told, &refusal);
            refusal.answer()
        });
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        page.may_read(&mut response);
        response
    }
}

impl Shared {
    async fn answer<B>(
        &self,
        endpoint: Option<Endpoint<'_>>,
        parts: Parts,
        body: B,
    ) -> Result<Response<Vec<u8>>, Refusal>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let endpoint = endpoint.ok_or(Refusal::Absent("nothing is at this path"))?;
        if parts.method != endpoint.method() {
            return Err(Refusal::Method);
        }
        if parts.uri.query().is_some() {
            // Even beside a good one: a token in a URL is in somebody's log already (RFC 6750 §2.3).
            return Err(Refusal::Request("this endpoint takes no query: the token goes into Authorization"));
        }
        let now = Now::read();
        let login = login::of_request(self, &parts.headers, now).await?;
        let fields = body::object(&parts.headers, body).await?;
        let asked = Asked { parts, fields, login, now };
        match endpoint {
            Endpoint::Mint => mint::mint(self, asked).await,
            Endpoint::Introspect => tickets::introspect(self, asked).await,
            Endpoint::Revoke => tickets::revoke(self, asked).await,
            Endpoint::Logout => sessions::logout(self, asked).await,
            Endpoint::Renew(id) => sessions::renew(self, id, asked).await,
            Endpoint::End(id) => sessions::end(self, id, asked).await,
        }
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Result<Response<Vec<u8>>, Refusal> {
    let body = serde_json::to_vec(body).map_err(|_| Refusal::Fault("the answer does not serialise"))?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn no_content() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
