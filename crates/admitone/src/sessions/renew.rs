use super::register::{Authority, Live};
use super::{Narrowed, Sessions};
use crate::close::CloseCode;
use crate::grant::SessionId;
use crate::now::Now;
use crate::principal::Login;
use crate::revocation::Mark;

/// A session that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// When it ends now if it is not renewed again, Unix seconds. Its grace is not counted.
    pub expires_at: u64,
}

/// Why a session was not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRenewed {
    /// It is not open, or somebody else's.
    #[error("no open session of this login's")]
    Absent,
    /// The login may do less than the session was admitted with.
    #[error("the login may do less than the session was admitted with")]
    Narrowed(Narrowed),
    /// The login was revoked.
    #[error("the login was revoked ({})", .0.name())]
    Revoked(Mark),
}

impl Sessions {
    /// Has a live session of this node go on with a fresh login of the same principal. It never ends sooner for it, and never
    /// lasts longer than its terms allow.
    ///
    /// A revocation that races it wins: what covers either login closes the session, now or when it is heard of.
    ///
    /// # Errors
    ///
    /// [`NotRenewed`]; the session is as it was then, or is closed because it was revoked or its terms say so.
    pub fn renew(&self, id: &SessionId, login: &Login, now: Now) -> Result<Renewed, NotRenewed> {
        let live = self.register.find(id).ok_or(NotRenewed::Absent)?;
        live.check(login)?;
        let mut authority = live.authority();
        if live.is_closing() || live.deadline(&authority) <= now.instant {
            return Err(NotRenewed::Absent);
        }
        let mirror = self.revocations.mirror();
        if mirror.covering(&live.principal, &authority.login, Some(id)).is_some() {
            live.close(CloseCode::Revoked);
            return Err(NotRenewed::Absent);
        }
        if let Some(mark) = mirror.covering(&login.principal, &login.stamp, None) {
            return Err(NotRenewed::Revoked(mark));
        }
        let fresh = Authority::new(login.stamp.held_since(now.unix), login.expires_at, now);
        if fresh.ends > authority.ends {
            *authority = fresh;
            live.renewed();
        }
        Ok(Renewed { expires_at: live.expires_at(&authority) })
    }

    /// Whether a session is open here that this login could renew.
    pub(crate) fn check_renewal(&self, id: &SessionId, login: &Login) -> Result<(), NotRenewed> {
        self.register.find(id).ok_or(NotRenewed::Absent)?.check(login)
    }
}

impl Live {
    /// Whether the login is the owner's and may do all that the session may.
    fn check(&self, login: &Login) -> Result<(), NotRenewed> {
        if !self.principal.is(&login.principal) {
            return Err(NotRenewed::Absent);
        }
        let all = [&self.permissions, &self.terms.required];
        if all.into_iter().all(|held| held.first_not_in(&login.permissions).is_none()) {
            return Ok(());
        }
        if self.terms.narrowed == Narrowed::Close {
            self.close(CloseCode::Forbidden);
        }
        Err(NotRenewed::Narrowed(self.terms.narrowed))
    }
}
