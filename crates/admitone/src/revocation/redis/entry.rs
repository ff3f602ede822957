use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::grant::SessionId;
use crate::now::Now;
use crate::revocation::Revocation;

/// The stream's field that holds a revocation. Entries with other fields are for others.
pub(super) const FIELD: &str = "revoke";

/// A revocation as it is in the stream.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    /// Until when it matters, Unix seconds.
    kept: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
enum What {
    Session { id: String },
    Subject { iss: String, sub: String, until: u64 },
    Sid { iss: String, sid: String },
    Jti { iss: String, jti: String },
    Everything { until: u64 },
}

impl Entry {
    pub(super) fn of(revocation: &Revocation, kept: u64) -> Self {
        let text = |text: &Arc<str>| text.as_ref().to_owned();
        let what = match revocation {
            Revocation::Session(id) => What::Session { id: id.as_str().to_owned() },
            Revocation::Subject { issuer, subject, until } => {
                What::Subject { iss: text(issuer), sub: text(subject), until: *until }
            }
            Revocation::Sid { issuer, sid } => What::Sid { iss: text(issuer), sid: text(sid) },
            Revocation::Jti { issuer, jti } => What::Jti { iss: text(issuer), jti: text(jti) },
            Revocation::Everything { until } => What::Everything { until: *until },
        };
        Self { kept, what }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How long it still matters.
    pub(super) fn life(&self, now: Now) -> Duration {
        Duration::from_secs(self.kept.saturating_sub(now.unix))
    }

    pub(super) fn revocation(self) -> Option<Revocation> {
        Some(match self.what {
            What::Session { id } => Revocation::Session(SessionId::parse(&id).ok()?),
            What::Subject { iss, sub, until } => Revocation::Subject { issuer: iss.into(), subject: sub.into(), until },
            What::Sid { iss, sid } => Revocation::Sid { issuer: iss.into(), sid: sid.into() },
            What::Jti { iss, jti } => Revocation::Jti { issuer: iss.into(), jti: jti.into() },
            What::Everything { until } => Revocation::Everything { until },
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
