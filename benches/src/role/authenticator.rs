//! What a team writes for nginx' `auth_request`: a POST that trades a JWT for a ticket in a map, and a GET that takes it.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::floor;
use crate::Failure;
use crate::token::{AUDIENCE, ISSUER, SECRET};

/// Before a ticket in a list of subprotocols.
const MARKER: &str = "admitone.ticket.";

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

struct Authenticator {
    key: DecodingKey,
    validation: Validation,
    /// Whose a ticket is, and from when.
    tickets: Mutex<HashMap<String, (String, Instant)>>,
}

/// Serves on one worker; prints where.
pub(super) fn run() -> Result<(), Failure> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    validation.iss = Some(HashSet::from([ISSUER.to_owned()]));
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let authenticator = Arc::new(Authenticator { key, validation, tickets: Mutex::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        tokio::spawn(accept(listener, authenticator)).await?
    })
}

async fn accept(listener: TcpListener, authenticator: Arc<Authenticator>) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let authenticator = authenticator.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(authenticator.clone(), request));
            // How a connection ends is its client's affair.
            let _ = floor::http().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(own: Arc<Authenticator>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    // A request that ends early ends the connection all the same.
    let _ = body.collect().await;
    Ok(match parts.method {
        Method::POST => own.mint(&parts.headers),
        _ => own.take(&parts.headers),
    })
}

impl Authenticator {
    fn mint(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let claims = bearer.and_then(|token| jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok());
        let Some(claims) = claims else { return with_status(StatusCode::UNAUTHORIZED, "") };
        let mut random = [0; 36];
        if aws_lc_rs::rand::fill(&mut random).is_err() {
            return with_status(StatusCode::INTERNAL_SERVER_ERROR, "");
        }
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let ticket = format!("adm1_{digits}");
        let answer = format!("{{\"ticket\":\"{ticket}\",\"expires_in\":60}}");
        let tickets = self.tickets.lock();
        tickets.unwrap_or_else(|fault| fault.into_inner()).insert(ticket, (claims.claims.sub, Instant::now()));
        let mut response = with_status(StatusCode::CREATED, answer);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn take(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let offered = headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let ticket = offered.split(", ").find_map(|one| one.strip_prefix(MARKER)).unwrap_or_default();
        let taken = self.tickets.lock().unwrap_or_else(|fault| fault.into_inner()).remove(ticket);
        match taken.filter(|(_, minted)| minted.elapsed().as_secs() < 60) {
            Some((subject, _)) => {
                let mut response = with_status(StatusCode::NO_CONTENT, "");
                if let Ok(subject) = HeaderValue::try_from(subject) {
                    response.headers_mut().insert("x-subject", subject);
                }
                response
            }
            None => with_status(StatusCode::UNAUTHORIZED, ""),
        }
    }
}

fn with_status(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
