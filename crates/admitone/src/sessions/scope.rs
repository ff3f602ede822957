use serde::{Deserialize, Serialize};

use super::register::Live;
use crate::grant::SessionId;

/// Which sessions are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// All of them.
    Everything,
    /// Those of one route.
    Route(String),
    /// Those of one issuer's people.
    Issuer(String),
    /// Those of one person.
    Subject {
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
    },
    /// One, or with the handle of a multi-use ticket all of its connections.
    Session(SessionId),
}

impl Scope {
    pub(super) fn has_live(&self, live: &Live) -> bool {
        match self {
            Self::Everything => true,
            Self::Route(path) => **path == *live.route,
            Self::Issuer(issuer) => **issuer == *live.principal.issuer(),
            Self::Subject { issuer, subject } => {
                **issuer == *live.principal.issuer() && **subject == *live.principal.subject()
            }
            Self::Session(id) => *id == live.id || live.id.of_ticket().as_ref() == Some(id),
        }
    }
}
