//! Who is behind a connection.

use std::fmt;
use std::sync::Arc;

/// Longest subject and issuer accepted, in bytes: both travel in one header line each.
pub const MAX_IDENTIFIER_BYTES: usize = 512;

/// Longest permission accepted, in bytes.
pub const MAX_PERMISSION_BYTES: usize = 128;

/// Why an identity cannot be used: it could not be written into an upstream's header unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The subject is empty, too long, or not visible ASCII.
    #[error("the subject must be 1 to 512 visible ASCII characters")]
    Subject,
    /// The issuer is empty, too long, or not visible ASCII.
    #[error("the issuer must be 1 to 512 visible ASCII characters")]
    Issuer,
    /// The tenant is empty, too long, or not visible ASCII.
    #[error("the tenant must be 1 to 512 visible ASCII characters")]
    Tenant,
    /// A permission is empty, too long, or has a character that is not an RFC 6749 §3.3 scope character.
    #[error("a permission must be 1 to 128 visible ASCII characters other than quote and backslash")]
    Permission,
}

/// An authenticated person or program: issuer and subject together are the identity.
///
/// Two issuers may use the same subject for different people, so a subject alone is never compared.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// Issuer, subject, e-mail and tenant, one after the other: a store holds many of these, and each allocation is a cache miss.
    text: Arc<str>,
    issuer_ends: u16,
    subject_ends: u16,
    email_ends: u16,
}

impl Principal {
    /// Makes a principal whose parts can stand in a header line.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] when issuer or subject is empty, longer than 512 bytes or not visible ASCII. An e-mail that is not
    /// printable ASCII is left out instead: it is an attribute, not the identity.
    pub fn new(issuer: &str, subject: &str, email: Option<&str>) -> Result<Self, IdentityError> {
        if !is_identifier(subject) {
            return Err(IdentityError::Subject);
        }
        if !is_identifier(issuer) {
            return Err(IdentityError::Issuer);
        }
        let email = email.filter(|email| is_identifier(email)).unwrap_or_default();
        Ok(Self::holding(issuer, subject, email, ""))
    }

    /// The same principal as a member of a tenant.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Tenant`] when it is empty, longer than 512 bytes or not visible ASCII: unlike an e-mail it may decide
    /// what somebody gets to see, so it is never left out.
    pub fn with_tenant(self, tenant: &str) -> Result<Self, IdentityError> {
        if !is_identifier(tenant) {
            return Err(IdentityError::Tenant);
        }
        Ok(Self::holding(self.issuer(), self.subject(), self.email().unwrap_or_default(), tenant))
    }

    /// Each part has at most [`MAX_IDENTIFIER_BYTES`]; what is absent is empty.
    fn holding(issuer: &str, subject: &str, email: &str, tenant: &str) -> Self {
        let text: Arc<str> = Arc::from([issuer, subject, email, tenant].concat());
        let issuer_ends = issuer.len() as u16;
        let subject_ends = issuer_ends + subject.len() as u16;
        Self { text, issuer_ends, subject_ends, email_ends: subject_ends + email.len() as u16 }
    }

    /// The issuer's identifier (`iss`).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.text[..usize::from(self.issuer_ends)]
    }

    /// The subject (`sub`).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.text[usize::from(self.issuer_ends)..usize::from(self.subject_ends)]
    }

    /// The e-mail address, when the login has one that is printable ASCII.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        let email = &self.text[usize::from(self.subject_ends)..usize::from(self.email_ends)];
        (!email.is_empty()).then_some(email)
    }

    /// The tenant, when the login says one: an attribute, not part of the identity.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        let tenant = &self.text[usize::from(self.email_ends)..];
        (!tenant.is_empty()).then_some(tenant)
    }

    /// Whether both are the same person: the same issuer and subject, whatever their attributes.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.issuer() == other.issuer() && self.subject() == other.subject()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("email", &self.email())
            .field("tenant", &self.tenant())
            .finish()
    }
}

fn is_identifier(text: &str) -> bool {
    (1..=MAX_IDENTIFIER_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a principal may do, sorted and without repetition.
///
/// Written as in the `scope` of RFC 6749, with single spaces: one allocation, and none for nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Permissions(Option<Arc<str>>);

impl Permissions {
    /// Makes a set of permissions.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Permission`] when one could not stand in a space-separated header (RFC 6749 §3.3).
    pub fn new<I>(permissions: I) -> Result<Self, IdentityError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let permissions: Vec<I::Item> = permissions.into_iter().collect();
        let mut sorted: Vec<&str> = permissions.iter().map(AsRef::as_ref).collect();
        if !sorted.iter().copied().all(is_permission) {
            return Err(IdentityError::Permission);
        }
        sorted.sort_unstable();
        sorted.dedup();
        Ok(Self((!sorted.is_empty()).then(|| Arc::from(sorted.join(" ")))))
    }

    /// The permissions, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|text| text.split(' '))
    }

    /// Whether `permission` is among them.
    #[must_use]
    pub fn has(&self, permission: &str) -> bool {
        self.iter().any(|held| held == permission)
    }

    /// The first of `self` that `other` does not have.
    #[must_use]
    pub fn first_not_in(&self, other: &Self) -> Option<&str> {
        self.iter().find(|permission| !other.has(permission))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Permissions {
    /// Separated by single spaces, as in the `scope` of RFC 6749.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or_default())
    }
}

fn is_permission(text: &str) -> bool {
    (1..=MAX_PERMISSION_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// By which method a principal was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// A ticket.
    Ticket,
    /// A JWT, by fallback.
    Jwt,
}

impl Method {
    /// The word in headers, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Jwt => "jwt",
        }
    }
}

/// What revocations are compared with: the parts of a login that say which login it was, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginStamp {
    /// When the login happened (`iat`), Unix seconds; 0 when the token does not say.
    pub issued_at: u64,
    /// The login session at the issuer (`sid`).
    pub sid: Option<Arc<str>>,
    /// The token's own identifier (`jti`).
    pub jti: Option<Arc<str>>,
}

impl LoginStamp {
    /// The same as what came of it at `now` (Unix seconds) holds it: with no `iat` after that, so that a revocation of everything
    /// until a later moment covers it whatever the issuer's clock said.
    #[must_use]
    pub(crate) fn held_since(&self, now: u64) -> Self {
        Self { issued_at: self.issued_at.min(now), ..self.clone() }
    }
}

/// A verified token or cookie: a principal, what it may do, and until when.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who.
    pub principal: Principal,
    /// All that the login may do.
    pub permissions: Permissions,
    /// Which login it was.
    pub stamp: LoginStamp,
    /// When it ends here (`exp` and the leeway granted to its issuer's clock), Unix seconds.
    pub expires_at: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_that_could_split_a_header_is_refused() {
        for subject in ["", "a b", "a\r\nb", "a\0", "é", &"x".repeat(513)] {
            assert_eq!(Principal::new("https://issuer", subject, None), Err(IdentityError::Subject), "{subject:?}");
        }
        assert!(Principal::new("https://issuer", &"x".repeat(512), None).is_ok());
    }

    #[test]
    fn an_email_that_could_not_stand_in_a_header_is_left_out() {
        let principal = Principal::new("https://issuer", "ada", Some("adá@example.com")).expect("a principal");
        assert_eq!(principal.email(), None);
    }

    #[test]
    fn a_tenant_that_could_not_stand_in_a_header_is_refused() {
        let principal = || Principal::new("https://issuer", "ada", None).expect("a principal");
        for tenant in ["", "a b", "a\r\nb", "é"] {
            assert_eq!(principal().with_tenant(tenant), Err(IdentityError::Tenant), "{tenant:?}");
        }
        let member = principal().with_tenant("acme").expect("a tenant");
        assert_eq!((member.tenant(), principal().tenant()), (Some("acme"), None));
        assert!(member.is(&principal()), "the same person");
    }

    #[test]
    fn s12_the_same_subject_of_two_issuers_is_two_people() {
        let one = Principal::new("https://one", "ada", None).expect("a principal");
        let two = Principal::new("https://two", "ada", None).expect("a principal");
        assert!(!one.is(&two));
        assert!(one.is(&Principal::new("https://one", "ada", Some("ada@example.com")).expect("a principal")));
    }

    #[test]
    fn permissions_are_a_set() {
        let held = Permissions::new(["b", "a", "b"]).expect("permissions");
        assert_eq!(held.to_string(), "a b");
        assert_eq!(Permissions::new(["a", "c"]).expect("permissions").first_not_in(&held), Some("c"));
        assert_eq!(Permissions::new(["a"]).expect("permissions").first_not_in(&held), None);
        assert_eq!(Permissions::new(["a b"]), Err(IdentityError::Permission));
    }
}
