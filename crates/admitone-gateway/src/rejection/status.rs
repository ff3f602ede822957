use admitone::problem::ProblemCode as P;
use http::StatusCode as S;

/// The status that goes with a code on the public listener.
#[must_use]
pub const fn status(code: P) -> S {
    match code {
        P::InvalidRequest | P::AmbiguousCredential | P::QueryTokenNotAllowed => S::BAD_REQUEST,
        P::NotLoggedIn | P::TicketNotAccepted => S::UNAUTHORIZED,
        P::OriginNotAllowed | P::Forbidden => S::FORBIDDEN,
        P::NotFound | P::TicketsDisabled => S::NOT_FOUND,
        P::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
        P::BodyTooLarge => S::PAYLOAD_TOO_LARGE,
        P::UnsupportedMediaType => S::UNSUPPORTED_MEDIA_TYPE,
        P::InvalidBody => S::UNPROCESSABLE_ENTITY,
        P::UpgradeRequired => S::UPGRADE_REQUIRED,
        P::OverLimit => S::TOO_MANY_REQUESTS,
        P::HeadTooLarge => S::REQUEST_HEADER_FIELDS_TOO_LARGE,
        P::UpstreamUnavailable => S::BAD_GATEWAY,
        P::IssuerUnavailable | P::StoreUnavailable | P::Overloaded | P::Draining => S::SERVICE_UNAVAILABLE,
        P::UpstreamTimeout => S::GATEWAY_TIMEOUT,
        _ => S::INTERNAL_SERVER_ERROR,
    }
}
