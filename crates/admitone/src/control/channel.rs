use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Listing, Wanted};
use crate::grant::SessionId;
use crate::principal::{IdentityError, Login, LoginStamp, Permissions, Principal};
use crate::revocation::journal::{Journal, News};
use crate::revocation::{Cursor, Mark};
use crate::sessions::Scope;
use crate::store::{BoxFuture, StoreUnavailable};

/// Hands orders from node to node.
pub trait Channel: Send + Sync + 'static {
    /// Hands over an order. It arrives within a second, or, at a node that hears nothing, not at all.
    fn post<'a>(&'a self, to: To<'a>, order: Order) -> BoxFuture<'a, Result<(), StoreUnavailable>>;

    /// Waits until there are orders after `cursor` that are for this node, and yields them, oldest first.
    fn orders(&self, cursor: Cursor) -> BoxFuture<'_, (Vec<Order>, Cursor)>;
}

/// Whom an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To<'a> {
    /// One node.
    Node(&'a str),
    /// Every node, the one that sends it too.
    All,
}

/// What a node is asked to do, or told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Order {
    /// Renew a session, and answer.
    Renew(Asked),
    /// What came of a renewal.
    Answer {
        /// Its number, which the node that asked gave it.
        number: u64,
        /// What came of it.
        answer: Answer,
    },
    /// Close what is open.
    Close {
        /// What, and how.
        closing: Closing,
        /// The node that has done so already.
        from: String,
        /// When it was ordered, Unix seconds: what is opened afterwards stays.
        at: u64,
    },
    /// Tell of your sessions.
    List {
        /// The question's number, for the answer.
        number: u64,
        /// Who asks.
        from: String,
        /// Which.
        wanted: Wanted,
    },
    /// The sessions of a node.
    Listed {
        /// The question's number.
        number: u64,
        /// The sessions.
        listing: Listing,
    },
}

/// Names neither people nor logins.
impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Renew(_) => "Renew",
            Self::Answer { .. } => "Answer",
            Self::Close { .. } => "Close",
            Self::List { .. } => "List",
            Self::Listed { .. } => "Listed",
        })
    }
}

/// Which sessions to close, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Which.
    pub scope: Scope,
    /// The close code's number.
    pub code: u16,
    /// Over how many milliseconds they are spread.
    pub over_ms: u64,
}

/// A renewal that one node asks another for.
#[derive(Clone, Serialize, Deserialize)]
pub struct Asked {
    /// Its number, for the answer.
    pub(super) number: u64,
    /// Who asks.
    pub(super) from: String,
    pub(super) session: SessionId,
    iss: String,
    sub: String,
    perm: Vec<String>,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    jti: Option<String>,
    exp: u64,
}

impl Asked {
    pub(super) fn new(number: u64, from: &str, session: &SessionId, login: &Login) -> Self {
        Self {
            number,
            from: from.to_owned(),
            session: session.clone(),
            iss: login.principal.issuer().to_owned(),
            sub: login.principal.subject().to_owned(),
            perm: login.permissions.iter().map(str::to_owned).collect(),
            iat: login.stamp.issued_at,
            sid: login.stamp.sid.as_deref().map(str::to_owned),
            jti: login.stamp.jti.as_deref().map(str::to_owned),
            exp: login.expires_at,
        }
    }

    /// The login, as the other node has verified it.
    pub(super) fn login(&self) -> Result<Login, IdentityError> {
        Ok(Login {
            principal: Principal::new(&self.iss, &self.sub, None)?,
            permissions: Permissions::new(self.perm.iter().map(String::as_str))?,
            stamp: LoginStamp {
                issued_at: self.iat,
                sid: self.sid.as_deref().map(Into::into),
                jti: self.jti.as_deref().map(Into::into),
            },
            expires_at: self.exp,
        })
    }
}

/// What came of a renewal on another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// It ends then now, Unix seconds.
    Renewed(u64),
    /// It is not open, or somebody else's.
    Absent,
    /// The login may do less.
    Narrowed {
        /// The session was closed for it.
        closed: bool,
    },
    /// The login was revoked.
    Revoked(Mark),
    /// The store did not answer.
    Unavailable,
}

/// Orders of a single process, which has only itself to ask.
#[derive(Default)]
pub struct MemoryChannel {
    journal: Journal<Order>,
}

impl Channel for MemoryChannel {
    fn post<'a>(&'a self, _: To<'a>, order: Order) -> BoxFuture<'a, Result<(), StoreUnavailable>> {
        self.journal.add(order);
        Box::pin(std::future::ready(Ok(())))
    }

    fn orders(&self, cursor: Cursor) -> BoxFuture<'_, (Vec<Order>, Cursor)> {
        Box::pin(async move {
            let News { entries, cursor, .. } = self.journal.follow(cursor).await;
            (entries, cursor)
        })
    }
}
