use admitone::authn::discovery::DiscoveryError;
use http::StatusCode;

use crate::fetch::{FetchError, UrlError};

/// Why a source of logins cannot say who somebody is. It says nothing about the credential, and nothing of it is in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// It cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answers with an error of its own.
    #[error("answered with {0}")]
    Status(StatusCode),
    /// The discovery document cannot be used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The discovery document names no URL of keys.
    #[error("the discovery document's `jwks_uri` is no URL: {0}")]
    KeysUrl(UrlError),
    /// The published keys are not acceptable.
    #[error("the published keys are refused: {0}")]
    Keys(Box<str>),
    /// No keys have come yet, or the last ones are too old.
    #[error("there are no keys that count")]
    NoKeys,
    /// The answer says nothing.
    #[error("{0}")]
    Answer(Box<str>),
    /// Too many questions at once.
    #[error("{0} questions are under way already")]
    Busy(usize),
    /// The question ended by a fault of ours.
    #[error("the question ended without an answer")]
    Ended,
}
