use admitone::problem::ProblemCode;

/// The sentence that goes with a code.
#[must_use]
pub const fn title(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::InvalidRequest => "The request breaks a rule of HTTP or WebSocket.",
        ProblemCode::AmbiguousCredential => "More than one credential was presented.",
        ProblemCode::QueryTokenNotAllowed => "This route takes no credential in the URL.",
        ProblemCode::NotLoggedIn => "Log in first.",
        ProblemCode::TicketNotAccepted => "The ticket was not accepted: mint a new one.",
        ProblemCode::OriginNotAllowed => "This origin may not connect.",
        ProblemCode::Forbidden => "This login may not do that.",
        ProblemCode::NotFound => "Nothing is here.",
        ProblemCode::TicketsDisabled => "Tickets are off for this login: use the fallback.",
        ProblemCode::MethodNotAllowed => "Not with this method.",
        ProblemCode::BodyTooLarge => "The body is too large.",
        ProblemCode::UnsupportedMediaType => "The body has to be application/json.",
        ProblemCode::InvalidBody => "The body's fields are wrong.",
        ProblemCode::HeadTooLarge => "The request's head is too large.",
        ProblemCode::UpgradeRequired => "Only WebSocket upgrades, version 13, are served here.",
        ProblemCode::OverLimit => "A limit was reached: try again later.",
        ProblemCode::UpstreamUnavailable => "The upstream is not available.",
        ProblemCode::UpstreamTimeout => "The upstream did not answer in time.",
        ProblemCode::IssuerUnavailable => "Nobody can tell at the moment who this is.",
        ProblemCode::StoreUnavailable => "The ticket store is not available.",
        ProblemCode::Overloaded => "There is no room: try again later.",
        ProblemCode::Draining => "The gateway is shutting down: try again.",
        _ => "Something went wrong here.",
    }
}
