/// What becomes of a JWT on the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtFallback {
    /// It is refused.
    Deny,
    /// It is accepted, and each use is logged.
    Warn,
    /// It is accepted.
    Allow,
}

impl JwtFallback {
    /// The word in the configuration and in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
            Self::Allow => "allow",
        }
    }
}

pub(super) const FALLBACKS: [(&str, JwtFallback); 3] = [
    (JwtFallback::Deny.name(), JwtFallback::Deny),
    (JwtFallback::Warn.name(), JwtFallback::Warn),
    (JwtFallback::Allow.name(), JwtFallback::Allow),
];
