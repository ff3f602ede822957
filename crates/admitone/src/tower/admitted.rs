use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use http::Extensions;

use crate::close::CloseCode;
use crate::grant::{Grant, SessionId};
use crate::principal::{Method, Permissions, Principal};
use crate::sessions::Session;

/// Who was admitted to a socket, for as long as it is open.
///
/// Hold it until the socket has ended: it *is* the session. When it is dropped, the session is over, and nobody could close the
/// socket any more. A handler that answers with a socket and has let go of it is answered 500 in its place.
///
/// It resolves [`closing`](Self::closing) once: the handler sends that Close and ends.
#[must_use = "dropped, the session is over"]
pub struct Admitted {
    session: Arc<Session>,
    grant: Grant,
    method: Method,
}

impl Admitted {
    pub(super) fn new(session: Session, grant: Grant, method: Method) -> Self {
        Self { session: Arc::new(session), grant, method }
    }

    /// Takes it out of a request that has come through a [`Door`](super::Door) as a layer; once.
    #[must_use]
    pub fn take(extensions: &mut Extensions) -> Option<Self> {
        extensions.get::<Slot>()?.empty()
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.grant.principal
    }

    /// What the connection may do.
    #[must_use]
    pub fn permissions(&self) -> &Permissions {
        &self.grant.permissions
    }

    /// The JSON that the ticket was minted with.
    #[must_use]
    pub fn metadata(&self) -> Option<&str> {
        self.grant.metadata.as_deref()
    }

    /// The connection's public handle.
    #[must_use]
    pub fn session_id(&self) -> &SessionId {
        self.session.id()
    }

    /// By which method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Waits until the socket has to be closed: its login has ended or was revoked, the session was ended, or the server is
    /// shutting down, whichever is first. Send a Close with that [code](CloseCode::code) and [reason](CloseCode::reason).
    pub async fn closing(&self) -> CloseCode {
        self.session.closing().await
    }

    /// Runs `work` until it ends, or until the socket has to be closed.
    ///
    /// # Errors
    ///
    /// The code to close with; `work` was dropped then.
    pub async fn until_closing<T>(&self, work: impl Future<Output = T>) -> Result<T, CloseCode> {
        let (mut closing, mut work) = (pin!(self.closing()), pin!(work));
        std::future::poll_fn(|context| match closing.as_mut().poll(context) {
            Poll::Ready(code) => Poll::Ready(Err(code)),
            Poll::Pending => work.as_mut().poll(context).map(Ok),
        })
        .await
    }

    pub(super) fn watch(&self) -> Watch {
        Watch(Arc::downgrade(&self.session))
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("session", self.session.id())
            .field("principal", self.principal())
            .finish_non_exhaustive()
    }
}

/// Where a request that came through a layer has it. Nothing that a client sends gets there.
#[derive(Clone)]
pub(super) struct Slot(Arc<Mutex<Option<Admitted>>>);

impl Slot {
    pub(super) fn holding(admitted: Admitted) -> Self {
        Self(Arc::new(Mutex::new(Some(admitted))))
    }

    pub(super) fn empty(&self) -> Option<Admitted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells whether somebody still holds a session.
pub(super) struct Watch(Weak<Session>);

impl Watch {
    pub(super) fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }
}
