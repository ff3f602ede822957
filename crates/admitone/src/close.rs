//! Close codes: what a Close frame of ours says, and what a client does about it.
//!
//! Our closes carry the reason `admitone:<name>` and live in two bands that leave the applications' own codes alone:
//! 4800–4899 mint again and reconnect, 4900–4999 do not. Two registered codes keep their meaning (RFC 6455 §7.4.1 and its
//! IANA registry): 1012 for a drain and 1013 for overload.

/// What precedes the name in the reason of every Close of ours.
pub const REASON_PREFIX: &str = "admitone:";

/// What a client does after a Close of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Mint a new ticket and connect again, after a jittered pause.
    MintAgain,
    /// Do not reconnect: the person has to act first.
    Stop,
}

macro_rules! close_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $next:ident;)*) => {
        /// A Close that AdmitOne sends: one row of the table in `spec/PROTOCOL.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CloseCode { $($(#[$doc])* $variant,)* }

        impl CloseCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number in the Close frame.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The name that follows [`REASON_PREFIX`]; also the problem code of a refusal.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The whole reason in the Close frame, at most 123 bytes (RFC 6455 §5.5).
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$variant => concat!("admitone:", $name),)* }
            }

            /// What a client does about it.
            #[must_use]
            pub const fn next(self) -> Next {
                match self { $(Self::$variant => Next::$next,)* }
            }
        }
    };
}

close_codes! {
    /// The session reached its deadline.
    SessionExpired = 4800, "session_expired", MintAgain;
    /// The ticket is forged, expired, bound elsewhere, spent or revoked; the log has which.
    TicketNotAccepted = 4801, "ticket_not_accepted", MintAgain;
    /// The upstream could not be reached, refused the upgrade, or ended without a Close.
    UpstreamUnavailable = 4802, "upstream_unavailable", MintAgain;
    /// A limit was reached.
    OverLimit = 4803, "over_limit", MintAgain;
    /// The ticket store did not answer.
    StoreUnavailable = 4804, "store_unavailable", MintAgain;
    /// The login, session or ticket was revoked.
    Revoked = 4900, "revoked", Stop;
    /// No credential, or a login that is not accepted.
    NotLoggedIn = 4901, "not_logged_in", Stop;
    /// The principal may not do this.
    Forbidden = 4902, "forbidden", Stop;
    /// The node is shutting down.
    Draining = 1012, "draining", MintAgain;
    /// The node has no room.
    Overloaded = 1013, "overloaded", MintAgain;
}

/// A server's Close frame (RFC 6455 §5.5.1), with a reason of at most 123 bytes.
#[must_use]
pub fn frame(code: u16, reason: &str) -> Vec<u8> {
    // A control frame's payload is at most 125 bytes.
    let length = 2 + reason.len() as u8;
    [&[0x88, length][..], &code.to_be_bytes(), reason.as_bytes()].concat()
}

/// What a client makes of a Close frame that it received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// AdmitOne closed the socket.
    Ours {
        /// The name in the reason, known or not.
        name: String,
        /// What to do about it.
        next: Next,
    },
    /// The upstream closed it: the code means what the application says it means.
    Upstream,
}

/// Reads a received Close: a known name decides, an unknown one goes by the code's band.
#[must_use]
pub fn read(code: u16, reason: &str) -> Reading {
    let Some(name) = reason.strip_prefix(REASON_PREFIX).filter(|name| is_name(name)) else {
        return Reading::Upstream;
    };
    let known = CloseCode::ALL.iter().find(|known| known.name() == name);
    let next = known.map_or_else(|| next_by_band(code), |known| known.next());
    Reading::Ours { name: name.to_owned(), next }
}

fn next_by_band(code: u16) -> Next {
    match code {
        4800..=4899 | 1012 | 1013 => Next::MintAgain,
        _ => Next::Stop,
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_fits_a_control_frame() {
        for code in CloseCode::ALL {
            assert!(code.reason().len() <= 123, "{code:?}");
            let frame = frame(code.code(), code.reason());
            assert_eq!((frame[0], usize::from(frame[1])), (0x88, frame.len() - 2), "{code:?}");
        }
    }
}
