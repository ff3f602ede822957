use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Answer, Asked, Control, Order, To, Waiting};
use crate::grant::{Grant, SessionId};
use crate::now::Now;
use crate::principal::Login;
use crate::revocation::Mark;
use crate::sessions::{Narrowed, NotRenewed, Renewed};
use crate::store::{Opening, StoreUnavailable};
use crate::sync::MutexGuard;

/// How long a renewal may take in all.
const LIMIT: Duration = Duration::from_secs(1);

/// Why a session was not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// For reasons of its own.
    #[error(transparent)]
    Refused(#[from] NotRenewed),
    /// The store, or the node that holds it, did not answer in time: it may be renewed or not; to repeat it is safe.
    #[error("the store, or the node that holds the session, did not answer")]
    Unavailable,
}

impl From<StoreUnavailable> for RenewError {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

impl Control {
    /// Extends a live session, on whichever node it is, with a fresh login that was verified and
    /// [accepted](crate::admission::Admission::accept). Answers within a second.
    ///
    /// # Errors
    ///
    /// [`RenewError`].
    pub async fn renew(&self, session: &SessionId, login: &Login, now: Now) -> Result<Renewed, RenewError> {
        if !self.admission.is_owner(&login.principal, session) {
            return Err(NotRenewed::Absent.into());
        }
        let renewing = async {
            match self.renew_here(session, login, now).await {
                Err(RenewError::Refused(NotRenewed::Absent)) => self.renew_there(session, login).await,
                renewed => renewed,
            }
        };
        tokio::time::timeout(LIMIT, renewing).await.unwrap_or(Err(RenewError::Unavailable))
    }

    /// The store first: it knows the marks of all nodes, and its record lasts as long as the session.
    async fn renew_here(&self, session: &SessionId, login: &Login, now: Now) -> Result<Renewed, RenewError> {
        self.sessions.check_renewal(session, login)?;
        let admission = &self.admission;
        let life = Duration::from_secs(login.expires_at.saturating_sub(now.unix));
        let grant = Grant::of(login, "", life, now.unix);
        let opening = Opening { node: admission.node(), deadline: login.expires_at };
        match admission.store().enter(admission.subject_tag(&login.principal), &grant, session, opening, now).await? {
            Some(Mark::Session) => return Err(NotRenewed::Absent.into()),
            Some(mark) => return Err(NotRenewed::Revoked(mark).into()),
            None => {}
        }
        let renewed = self.sessions.renew(session, login, now);
        if renewed == Err(NotRenewed::Absent) {
            admission.forget(session, &login.principal).await;
        }
        Ok(renewed?)
    }

    /// Asks the node that holds it.
    async fn renew_there(&self, session: &SessionId, login: &Login) -> Result<Renewed, RenewError> {
        let node = self.admission.directory().find(session).await?;
        let node = node.filter(|node| node != self.admission.node()).ok_or(NotRenewed::Absent)?;
        let question = Question::new(self);
        let order = Order::Renew(Asked::new(question.number, self.admission.node(), session, login));
        self.channel.post(To::Node(&node), order).await?;
        match question.answered().await? {
            Answer::Renewed(expires_at) => Ok(Renewed { expires_at }),
            Answer::Absent => Err(NotRenewed::Absent.into()),
            Answer::Narrowed { closed: true } => Err(NotRenewed::Narrowed(Narrowed::Close).into()),
            Answer::Narrowed { closed: false } => Err(NotRenewed::Narrowed(Narrowed::Refuse).into()),
            Answer::Revoked(mark) => Err(NotRenewed::Revoked(mark).into()),
            Answer::Unavailable => Err(RenewError::Unavailable),
        }
    }

    /// Renews for another node, and tells it.
    pub(super) async fn answer(self: Arc<Self>, asked: Asked, now: Now) {
        let Ok(login) = asked.login() else { return };
        let answer = match self.renew_here(&asked.session, &login, now).await {
            Ok(renewed) => Answer::Renewed(renewed.expires_at),
            Err(RenewError::Refused(NotRenewed::Absent)) => Answer::Absent,
            Err(RenewError::Refused(NotRenewed::Narrowed(narrowed))) => {
                Answer::Narrowed { closed: narrowed == Narrowed::Close }
            }
            Err(RenewError::Refused(NotRenewed::Revoked(mark))) => Answer::Revoked(mark),
            Err(RenewError::Unavailable) => Answer::Unavailable,
        };
        // Nobody who asked is told that it failed; they ask again.
        let _ = self.channel.post(To::Node(&asked.from), Order::Answer { number: asked.number, answer }).await;
    }

    pub(super) fn hear(&self, number: u64, answer: Answer) {
        if let Some(waiting) = self.waiting().answers.remove(&number) {
            // They may have given up.
            let _ = waiting.send(answer);
        }
    }

    pub(super) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that another node is asked; nobody waits for the answer any more when it is dropped.
struct Question<'a> {
    control: &'a Control,
    number: u64,
    answer: oneshot::Receiver<Answer>,
}

impl<'a> Question<'a> {
    fn new(control: &'a Control) -> Self {
        let (sender, answer) = oneshot::channel();
        let mut waiting = control.waiting();
        waiting.last += 1;
        let number = waiting.last;
        waiting.answers.insert(number, sender);
        drop(waiting);
        Self { control, number, answer }
    }

    async fn answered(mut self) -> Result<Answer, RenewError> {
        (&mut self.answer).await.map_err(|_| RenewError::Unavailable)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.control.waiting().answers.remove(&self.number);
    }
}
