//! Asking a running gateway's operators' listener.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use admitone_gateway::fetch::{Answer, Fetch, FetchError, Limits, Reach, Url, UrlError};
use admitone_gateway::upstream::{TlsConfigError, tls_config};
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::fail;

/// Which gateway, and by what right.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub(crate) struct Operator {
    /// Where its operators' listener is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9901")]
    admin: String,
    /// The file that its admin.secret_file names
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// PEM: the authorities that sign its certificate, if not those that browsers know
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the gateway's answer as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why nothing was done, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperatorError {
    #[error("--admin: {0}")]
    Url(#[from] UrlError),
    #[error("cannot read {0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("--secret-file: the file holds what no header can")]
    Secret,
    #[error("--ca-file: {0}")]
    Authorities(#[from] TlsConfigError),
    #[error("{0} (is [admin] in its configuration, and --admin its address?)")]
    NotReached(FetchError),
    #[error("{0}")]
    Refused(String),
    #[error("the answer is not an operators' listener's")]
    Nonsense,
}

impl OperatorError {
    /// Tells it, with its exit status.
    pub(super) fn tell(&self) -> ExitCode {
        let status = match self {
            Self::Refused(_) => 1,
            Self::Url(_) | Self::File(..) | Self::Secret | Self::Authorities(_) => 2,
            Self::NotReached(_) | Self::Nonsense => 3,
        };
        fail(status, &self.to_string())
    }
}

/// A gateway that can be asked.
pub(super) struct Gateway {
    fetch: Fetch,
    base: String,
    authorization: HeaderValue,
}

impl Operator {
    pub(super) fn gateway(&self) -> Result<Gateway, OperatorError> {
        let base = self.admin.trim_end_matches('/').to_owned();
        Url::parse(&base)?;
        let secret = read(&self.secret_file)?;
        let authorization = HeaderValue::from_str(&format!("Bearer {}", secret.trim_end_matches(['\r', '\n'])));
        let mut authorization = authorization.map_err(|_| OperatorError::Secret)?;
        authorization.set_sensitive(true);
        let authorities = self.ca_file.as_deref().map(read).transpose()?;
        let tls = tls_config(authorities.as_deref().map(str::as_bytes))?;
        Ok(Gateway { fetch: Fetch::new(tls, Reach::anywhere(), Limits::default()), base, authorization })
    }
}

fn read(path: &Path) -> Result<String, OperatorError> {
    std::fs::read_to_string(path).map_err(|error| OperatorError::File(path.to_owned(), error))
}

impl Gateway {
    pub(super) async fn get(&self, path: &str) -> Result<Value, OperatorError> {
        let answer = self.fetch.get(&self.url(path)?, self.headers()).await;
        read_answer(&answer.map_err(OperatorError::NotReached)?)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, OperatorError> {
        let mut headers = self.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.fetch.post(&self.url(path)?, headers, Bytes::from(body.to_string())).await;
        read_answer(&answer.map_err(OperatorError::NotReached)?)
    }

    fn url(&self, path: &str) -> Result<Url, OperatorError> {
        Ok(Url::parse(&format!("{}{path}", self.base))?)
    }

    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone())])
    }
}

fn read_answer(answer: &Answer) -> Result<Value, OperatorError> {
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| OperatorError::Nonsense)?;
    if answer.status.is_success() {
        return Ok(body);
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    let mut told = format!("{} ({}, {})", text("title"), answer.status.as_u16(), text("code"));
    if !text("detail").is_empty() {
        told = format!("{told}: {}", text("detail"));
    }
    for fault in body["errors"].as_array().into_iter().flatten() {
        let part = |name: &str| fault[name].as_str().unwrap_or_default();
        told = format!("{told}\n  {}: {}", part("field"), part("detail"));
    }
    Err(OperatorError::Refused(told))
}
