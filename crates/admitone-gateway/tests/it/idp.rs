//! Somebody else's server that the gateway asks: what it answers can be changed, and what it was asked is kept.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Said {
    status: u16,
    cache_control: &'static str,
    body: String,
}

/// What a request to it was.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

#[derive(Default)]
struct Shared {
    says: Mutex<HashMap<String, Said>>,
    asked: Mutex<Vec<Asked>>,
}

pub(crate) struct Idp {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Idp {
    /// One that says 404 to everything yet.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// The URL of a path, and with an empty one its identifier as an issuer.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn says(&self, path: &str, status: u16, body: impl ToString) {
        self.says_for(path, status, "", body);
    }

    pub(crate) fn says_for(&self, path: &str, status: u16, cache_control: &'static str, body: impl ToString) {
        let said = Said { status, cache_control, body: body.to_string() };
        self.shared.says.lock().expect("no panic").insert(path.to_owned(), said);
    }

    /// What it was asked at a path.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.shared.asked.lock().expect("no panic");
        asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }

    /// Publishes keys as its discovery document says.
    pub(crate) fn publishes(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.says("/keys", 200, json!({ "keys": keys }));
        let document = json!({ "issuer": self.url(""), "jwks_uri": self.url("/keys") });
        self.says("/.well-known/openid-configuration", 200, document);
    }

    /// The lines of an issuer that is this server, with `more` in it.
    pub(crate) fn issuer(&self, more: &str) -> String {
        let (name, url) = (format!("idp-{}", self.address.port()), self.url(""));
        format!("[[issuers]]\nname = \"{name}\"\nissuer = \"{url}\"\nallowed_networks = [\"127.0.0.1\"]\n{more}\n")
    }
}

/// The lines of an issuer that signs.
pub(crate) const SIGNS: &str = "audience = \"admitone\"\nalgorithms = \"ES256\"\ndiscovery = true";

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    };
    let said = shared.says.lock().expect("no panic").get(&asked.path).cloned();
    shared.asked.lock().expect("no panic").push(asked);
    let Some(said) = said else { return StatusCode::NOT_FOUND.into_response() };
    let status = StatusCode::from_u16(said.status).expect("a status");
    let location = [("location", "http://169.254.169.254/")];
    (status, [(CACHE_CONTROL, said.cache_control)], location, said.body).into_response()
}

/// A key of an issuer.
pub(crate) struct Signer {
    kid: String,
    pair: rcgen::KeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: rcgen::KeyPair::generate().expect("a P-256 key") }
    }

    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key_raw()[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid, "x": x, "y": y })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.kid, claims)
    }

    /// With this key, under another name.
    pub(crate) fn sign_as(&self, kid: &str, claims: &Value) -> String {
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        let key = EncodingKey::from_ec_pem(self.pair.serialize_pem().as_bytes()).expect("a P-256 key");
        jsonwebtoken::encode(&header, claims, &key).expect("a token")
    }
}
