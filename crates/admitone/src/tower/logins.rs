use crate::now::Now;
use crate::principal::Login;
use crate::store::BoxFuture;

/// Why a credential is no login. The texts are for the log: they hold nothing of the credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoLogin {
    /// It is not accepted.
    #[error("{0}")]
    Refused(String),
    /// Who could tell does not answer.
    #[error("nobody can tell: {0}")]
    Unavailable(String),
}

/// Who is logged in: the application knows.
///
/// A function will do, or with the feature `authn` a [`Verifier`](crate::authn::Verifier) of JWTs; whoever asks a server or a
/// database implements it.
///
/// ```
/// use admitone::now::Now;
/// use admitone::principal::{Login, LoginStamp, Permissions, Principal};
/// use admitone::tower::NoLogin;
///
/// let logins = |token: &str, now: Now| match token {
///     "ada's session" => Ok(Login {
///         principal: Principal::new("https://app.example.com", "ada", None).expect("header text"),
///         permissions: Permissions::default(),
///         stamp: LoginStamp { issued_at: now.unix - 60, sid: Some("1".into()), jti: None },
///         expires_at: now.unix + 900,
///     }),
///     _ => Err(NoLogin::Refused("no such session".to_owned())),
/// };
/// # fn takes(_: impl admitone::tower::Logins) {}
/// # takes(logins);
/// ```
pub trait Logins: Send + Sync + 'static {
    /// The login behind a bearer token, or behind the cookie that holds one. It is compared with the marks of revocations
    /// afterwards: its [`stamp`](Login::stamp) says what a logout ends.
    fn login<'a>(&'a self, secret: &'a str, now: Now) -> BoxFuture<'a, Result<Login, NoLogin>>;
}

impl<F> Logins for F
where
    F: Fn(&str, Now) -> Result<Login, NoLogin> + Send + Sync + 'static,
{
    fn login<'a>(&'a self, secret: &'a str, now: Now) -> BoxFuture<'a, Result<Login, NoLogin>> {
        Box::pin(std::future::ready(self(secret, now)))
    }
}

#[cfg(feature = "authn")]
impl Logins for crate::authn::Verifier {
    fn login<'a>(&'a self, secret: &'a str, now: Now) -> BoxFuture<'a, Result<Login, NoLogin>> {
        let login = self.verify(secret, now.unix).map_err(|error| NoLogin::Refused(error.to_string()));
        Box::pin(std::future::ready(login))
    }
}
