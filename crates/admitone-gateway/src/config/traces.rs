//! `[traces]`: where it is told how long each step of a request took.

use std::num::NonZeroU32;

use http::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use zeroize::Zeroizing;

use super::fault::{Wrong, quoted, wrong};
use super::secret::{MAX_BUNDLE_BYTES, read_private, read_public};
use super::table::{Entry, Table};
use crate::fetch::{Fetch, Limits, Reach, Url};
use crate::upstream::tls_config;

/// What a request has of its own.
const OWN: [HeaderName; 10] =
    [ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT];

/// Where spans go: to a receiver of OpenTelemetry's protocol, as JSON over HTTP.
#[derive(Debug)]
pub struct Traces {
    /// The receiver's URL for traces.
    pub endpoint: Url,
    /// What asks it.
    pub fetch: Fetch,
    /// What it asks for, such as a key.
    pub headers: HeaderMap,
    /// One request in so many is traced, where nobody before the gateway has decided.
    pub one_in: NonZeroU32,
    /// The name that the spans go under.
    pub service: String,
}

/// None where the section is absent: nothing is traced.
pub(super) fn read(table: &Table<'_>) -> Option<Traces> {
    // Read in any case, so that variables of an absent section are told.
    let danger_http = table.switch("danger_http", false);
    let one_in = table.number("sample_one_in", 1..=1_000_000, 1);
    let service = table.text("service_name").map_or("admitone", |entry| entry.text()).to_owned();
    let headers = table.text("headers_file").map(|entry| read_headers(&entry));
    let tls = match table.text("ca_file") {
        None => tls_config(None).ok(),
        Some(entry) => read_public(&entry, MAX_BUNDLE_BYTES).and_then(|pem| {
            entry.parse(|_| tls_config(Some(&pem)).map_err(|error| wrong(error.to_string(), "name a PEM file")))
        }),
    };
    if !table.is_present() {
        return None;
    }
    let mend = "write the receiver's URL, such as `http://127.0.0.1:4318/v1/traces`";
    let endpoint = table.required_text("endpoint", mend)?.parse(|text| parse_endpoint(text, danger_http))?;
    let headers = match headers {
        Some(read) => read?,
        None => HeaderMap::new(),
    };
    let reach = Reach { danger_http, ..Reach::anywhere() };
    let one_in = u32::try_from(one_in).ok().and_then(NonZeroU32::new)?;
    Some(Traces { endpoint, fetch: Fetch::new(tls?, reach, Limits::default()), headers, one_in, service })
}

fn parse_endpoint(text: &str, danger_http: bool) -> Result<Url, Wrong> {
    let mend = "write a URL such as `http://127.0.0.1:4318/v1/traces`";
    let url = Url::parse(text).map_err(|error| wrong(format!("it cannot be posted to: {error}"), mend))?;
    let stays_here =
        url.host() == "localhost" || url.host().parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if !url.is_https() && !stays_here && !danger_http {
        let problem = "http can be read and changed by whoever is on the way";
        return Err(wrong(problem, "write https, or set danger_http if the network is trusted"));
    }
    Ok(url)
}

/// One header on each line, as `Name: value`.
fn read_headers(entry: &Entry<'_>) -> Option<HeaderMap> {
    let bytes = read_private(entry)?;
    entry.parse(|_| {
        let mend = "write one header on each line, as `Authorization: Bearer …`";
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("the file is not UTF-8", mend))?;
        let mut headers = HeaderMap::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            // Not the line: it is a secret.
            let broken = || wrong(format!("line {number} of the file is no header"), mend);
            let (name, value) = line.split_once(':').ok_or_else(broken)?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| broken())?;
            if OWN.contains(&name) {
                return Err(wrong(format!("{} is the gateway's to write", quoted(name.as_str())), "leave it out"));
            }
            let value = Zeroizing::new(value.trim().to_owned());
            let mut value = HeaderValue::from_str(&value).map_err(|_| broken())?;
            value.set_sensitive(true);
            if headers.insert(name.clone(), value).is_some() {
                return Err(wrong(format!("{} stands twice in the file", quoted(name.as_str())), "write it once"));
            }
        }
        Ok(headers)
    })
}
