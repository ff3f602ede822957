use std::fmt;

use admitone_gateway::fetch::{Fetch, Url};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN};
use serde_json::{Value, json};

/// A running demo, and somebody whom its issuer logs in.
pub(super) struct Demo {
    pub(super) page: String,
    pub(super) gateway: String,
    route: String,
    issuer: String,
    person: String,
    fetch: Fetch,
}

impl Demo {
    /// Asks the demo's page where everything is.
    pub(super) async fn at(fetch: &Fetch, page: &str) -> Result<Self, String> {
        let page = page.trim_end_matches('/').to_owned();
        let none = |why: &dyn fmt::Display| format!("--demo: no demo's page at {page}: {why}");
        let url = Url::parse(&format!("{page}/demo.json")).map_err(|error| none(&error))?;
        let answer = fetch.get(&url, HeaderMap::new()).await.map_err(|error| none(&error))?;
        let told: Value = serde_json::from_slice(&answer.body).map_err(|_| none(&"its demo.json is no JSON"))?;
        let text = |value: &Value, name: &str| {
            let told = value.as_str().map(str::to_owned);
            told.ok_or_else(|| none(&format_args!("its demo.json has no {name}")))
        };
        Ok(Self {
            gateway: text(&told["gateway"], "gateway")?,
            route: text(&told["route"], "route")?,
            issuer: text(&told["issuer"], "issuer")?,
            person: text(&told["people"][0]["id"], "people")?,
            fetch: fetch.clone(),
            page,
        })
    }

    pub(super) fn socket(&self) -> String {
        format!("{}{}", self.gateway.replacen("http", "ws", 1), self.route)
    }

    /// Logs in.
    pub(super) async fn token(&self) -> Result<String, String> {
        let none = |why: &dyn fmt::Display| format!("--demo: its issuer at {} gives no token: {why}", self.issuer);
        let url = Url::parse(&format!("{}/login", self.issuer)).map_err(|error| none(&error))?;
        let origin = HeaderValue::from_str(&self.page).map_err(|error| none(&error))?;
        let json_type = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(ORIGIN, origin), (CONTENT_TYPE, json_type)]);
        let body = Bytes::from(json!({ "person": self.person }).to_string());
        let answer = self.fetch.post(&url, headers, body).await.map_err(|error| none(&error))?;
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        told["token"].as_str().map(str::to_owned).ok_or_else(|| none(&answer.status))
    }
}
