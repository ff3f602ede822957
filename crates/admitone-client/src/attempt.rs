//! One acquisition, and the one socket it is for. The secret lives from the answer to the dial, and no longer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use crate::ahead::{Minting, mint};
use crate::connection::CredentialKind;
use crate::link::{Link, LinkEvent};
use crate::mint::MintError;
use crate::offer::Credential;
use crate::source::TicketSource;
use crate::upgrade::{DialError, Dialed};
use crate::url::Url;

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is under way. Dropped, it ends.
pub(crate) enum Work {
    Nothing,
    Acquiring(Task<Result<Acquired, MintError>>),
    Acquired(Acquired),
    Dialing(Task<Result<Dialed, DialError>>),
    Linked(Box<Link>),
}

pub(crate) struct Acquired {
    pub(crate) credential: Credential,
    pub(crate) url: Url,
    pub(crate) session_id: Option<String>,
}

/// What came of it.
pub(crate) enum Done {
    Acquired(Result<Acquired, MintError>),
    Dialed(Result<Dialed, DialError>),
    Link(LinkEvent),
}

impl Work {
    /// May be dropped and called again.
    pub(crate) async fn next(&mut self, may_read: bool) -> Done {
        match self {
            Self::Nothing | Self::Acquired(_) => std::future::pending().await,
            Self::Acquiring(task) => Done::Acquired(task.await),
            Self::Dialing(task) => Done::Dialed(task.await),
            Self::Linked(link) => Done::Link(poll_fn(|context| link.poll(context, may_read)).await),
        }
    }

    pub(crate) const fn link(&mut self) -> Option<&mut Link> {
        match self {
            Self::Linked(link) => Some(link),
            _ => None,
        }
    }

    /// Whether a message that is sent now would find room. Without a socket it is discarded at once.
    pub(crate) fn has_room(&self) -> bool {
        !matches!(self, Self::Linked(link) if !link.has_room())
    }
}

pub(crate) async fn acquire<S: TicketSource>(
    source: Arc<S>,
    kind: CredentialKind,
    ahead: Option<Minting>,
    url: Option<Url>,
) -> Result<Acquired, MintError> {
    if kind == CredentialKind::Jwt {
        let token = source.token().await?;
        let url = url.ok_or(MintError::NoUrl)?;
        return Ok(Acquired { credential: Credential::new(kind, token.expose()), url, session_id: None });
    }
    let waited = match ahead {
        Some(minting) => minting.await.ok(),
        None => None,
    };
    let minted = match waited {
        Some(minted) => minted,
        None => mint(source).await?,
    };
    let credential = Credential::new(kind, minted.expose());
    let url = url.unwrap_or_else(|| minted.websocket_url.clone());
    Ok(Acquired { credential, url, session_id: Some(minted.session_id) })
}
