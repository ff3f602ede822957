//! How others are asked over the network: where to, how far, and as whom.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::fault::{Wrong, quoted, wrong};
use super::host::Network;
use super::secret::{MAX_BUNDLE_BYTES, read_password, read_public};
use super::table::{Entry, Table};
use crate::fetch::{Fetch, Limits, Reach, Url};
use crate::upstream::tls_config;

/// How an issuer's URLs are reached.
#[derive(Debug)]
pub(super) struct Remote {
    tls: Arc<ClientConfig>,
    reach: Reach,
    timeout: Duration,
}

impl Remote {
    /// Reads the keys of an issuer that has URLs. `None` where one of them is wrong.
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let networks = table.texts("allowed_networks").unwrap_or_default();
        let written = networks.len();
        let allowed_networks: Vec<Network> = networks.iter().filter_map(|entry| entry.parse(parse_network)).collect();
        let danger_http = table.switch("danger_http", false);
        if danger_http {
            let risk = "whoever is on the way can answer in the issuer's place";
            table.warn("danger_http", wrong(risk, "use https wherever it leaves this machine"));
        }
        let timeout = table.seconds("timeout_seconds", 1..=30, 5);
        let tls = match table.text("ca_file") {
            None => tls_config(None).ok(),
            Some(entry) => {
                let pem = read_public(&entry, MAX_BUNDLE_BYTES)?;
                entry.parse(|_| tls_config(Some(&pem)).map_err(|error| wrong(error.to_string(), "name a PEM file")))
            }
        };
        let is_sound = allowed_networks.len() == written;
        Some(Self { tls: tls?, reach: Reach { allowed_networks, danger_http }, timeout }).filter(|_| is_sound)
    }

    /// What asks there.
    pub(super) fn fetch(&self) -> Fetch {
        Fetch::new(self.tls.clone(), self.reach.clone(), Limits { time: self.timeout, ..Limits::default() })
    }

    /// A URL that may be asked, as far as it can be told before its name is resolved.
    pub(super) fn parse_url(&self, text: &str) -> Result<Url, Wrong> {
        let mend = "write a URL like `https://id.example.com/keys`";
        let url = Url::parse(text).map_err(|error| wrong(format!("it cannot be fetched: {error}"), mend))?;
        let address =
            if url.host() == "localhost" { Some(IpAddr::from([127, 0, 0, 1])) } else { url.host().parse().ok() };
        if let Some(address) = address.filter(|address| !self.reach.allows(*address)) {
            let problem = format!("{} is not a public address", quoted(url.host()));
            return Err(wrong(problem, format!("set allowed_networks = [\"{address}\"] if it is meant")));
        }
        let stays_here = address.is_some_and(|address| self.reach.allows_http(address));
        if !url.is_https() && !stays_here && !self.reach.danger_http {
            let problem = "http can be read and answered by whoever is on the way";
            return Err(wrong(problem, "write https, or set danger_http if the network is trusted"));
        }
        Ok(url)
    }
}

fn parse_network(text: &str) -> Result<Network, Wrong> {
    if text.ends_with("/0") {
        return Err(wrong(format!("{} allows every address", quoted(text)), "name the networks that are meant"));
    }
    Network::parse(text)
}

/// Reads as whom an authorization server is asked: `Authorization` with a client's id and secret (RFC 6749 §2.3.1), or
/// without an id with the secret as a bearer token.
pub(super) fn read_client(table: &Table<'_>) -> Option<HeaderValue> {
    let has_id = table.has("client_id");
    let (id, entry) = (table.text("client_id"), table.text("secret_file"));
    if !table.has("secret_file") {
        table.refuse_absence("secret_file", "name the file with the client's secret, or with a bearer token");
    }
    let entry = entry?;
    let secret = read_password(&entry)?;
    match id {
        Some(id) => {
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let pair = Zeroizing::new(format!("{}:{}", encoded(id.text()), encoded(&secret)));
            header(&entry, "Basic", &STANDARD.encode(pair.as_bytes()))
        }
        None if has_id => None,
        None => header(&entry, "Bearer", &secret),
    }
}

fn header(entry: &Entry<'_>, scheme: &str, credentials: &str) -> Option<HeaderValue> {
    let text = Zeroizing::new(format!("{scheme} {credentials}"));
    let mut value = entry.parse(|_| {
        HeaderValue::from_str(&text).map_err(|_| wrong("the file holds what no header can", "is it the right file?"))
    })?;
    value.set_sensitive(true);
    Some(value)
}
