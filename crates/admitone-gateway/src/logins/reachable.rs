/// How many issuers can say who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// All.
    All,
    /// Not those whose published keys have not come.
    Some,
    /// None.
    None,
}

impl Reachable {
    /// The word in `/readyz`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "ok",
            Self::Some => "partial",
            Self::None => "unavailable",
        }
    }
}
