use std::net::IpAddr;
use std::time::SystemTime;

use admitone::principal::{LoginStamp, Principal};
use serde::Serialize;
use tracing::field::display;

use super::timestamp::Timestamp;

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum What { $($(#[$doc])* $variant,)* }

        impl What {
            /// All of them, in the order of the guide.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in audit lines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The same in words, for the log.
            const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

events! {
    /// A login was traded for a ticket.
    Minted = "ticket_minted", "ticket minted";
    /// A credential was redeemed, and its connection is live.
    Opened = "session_opened", "session opened";
    /// A proxy was told to let a request pass: its credential was redeemed, and there is no session.
    Verified = "request_verified", "a proxy lets a request pass";
    /// A connection ended.
    Ended = "session_ended", "session ended";
    /// A live connection's deadline was extended.
    Renewed = "session_renewed", "session renewed";
    /// A request was refused.
    Refused = "refused", "refused";
    /// A genuine ticket was presented that is spent or revoked.
    Replayed = "ticket_replayed", "a genuine ticket was presented that is spent or revoked";
    /// A ticket, session or login was taken back.
    Revoked = "revoked", "revoked";
    /// A person signed out.
    LoggedOut = "logged_out", "logged out";
    /// Connections were closed by an operator, without taking anything back.
    Closed = "closed", "closed by an operator";
    /// Who gets tickets on a route was changed.
    RolloutChanged = "rollout_changed", "who gets tickets was changed";
    /// Too many tickets failed by a fault of ours.
    GuardTripped = "guard_tripped", "too many tickets failed by a fault of ours";
    /// The shutdown began.
    Draining = "draining", "draining";
    /// An operator ordered the shutdown.
    AdminDrain = "drain_ordered", "an operator ordered the shutdown";
    /// Somebody signed in on the operators' listener.
    AdminLogin = "admin_login", "an operator signed in";
    /// Somebody was refused on the operators' listener.
    AdminRefused = "admin_refused", "refused on the operators' listener";
    /// Lines before this one are missing.
    Lost = "lines_lost", "audit lines were lost";
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// An event and what is known of it: what is `None` is left out of its line.
        #[derive(Clone, Debug)]
        pub struct Event<'a> {
            /// What happened.
            pub what: What,
            /// The client's address.
            pub address: Option<IpAddr>,
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        impl<'a> Event<'a> {
            /// An event of which nothing else is known.
            #[must_use]
            pub const fn new(what: What) -> Self {
                Self { what, address: None, $($name: None,)* }
            }

            /// As a line of the log.
            pub(super) fn log(&self) {
                let (event, words, address) = (self.what.name(), self.what.words(), self.address.map(display));
                match self.what {
                    What::Replayed | What::AdminRefused | What::Lost | What::GuardTripped => {
                        tracing::warn!(event, address, $($name = self.$name,)* "{words}");
                    }
                    _ => tracing::info!(event, address, $($name = self.$name,)* "{words}"),
                }
            }

            /// As a line of JSON, without its end.
            pub(super) fn json(&self, node: &str, now: SystemTime) -> String {
                let mut line = Line::new(self.what, node, now);
                line.add("address", self.address.map(|address| address.to_string()));
                $(line.add(stringify!($name), self.$name);)*
                line.end()
            }
        }
    };
}

fields! {
    /// The request that it happened in.
    request_id: &'a str,
    /// The route's path.
    route: &'a str,
    /// The connection's public handle.
    session_id: &'a str,
    /// Whose login.
    issuer: &'a str,
    /// Whose login.
    subject: &'a str,
    /// Which login session at the issuer.
    sid: &'a str,
    /// Which token.
    jti: &'a str,
    /// By which method the connection was admitted.
    method: &'a str,
    /// Where the credential was.
    carrier: &'a str,
    /// The version of HTTP that the connection came by.
    http: &'a str,
    /// The problem's code.
    code: &'a str,
    /// Why, in words of the code.
    cause: &'a str,
    /// Which kind of mark a revocation left.
    mark: &'a str,
    /// What becomes of the connection whose ticket was replayed.
    on_replay: &'a str,
    /// Who did it: `subject`, `issuer`, `admin`, `file`.
    by: &'a str,
    /// What was changed, in words.
    change: &'a str,
    /// How many of a hundred people get tickets.
    percent: u8,
    /// How many did before.
    percent_before: u8,
    /// Logins up to then are over, Unix seconds.
    until: u64,
    /// When the ticket, or the login of a session, ends, Unix seconds.
    expires_at: u64,
    /// How long the connection lasted.
    duration_ms: u64,
    /// Bytes that were relayed to the client.
    bytes_to_client: u64,
    /// Bytes that were relayed to the upstream.
    bytes_to_upstream: u64,
    /// How many sessions, failed tickets, or lines.
    count: u64,
}

impl<'a> Event<'a> {
    /// Of this person.
    #[must_use]
    pub fn of(self, principal: &'a Principal) -> Self {
        Self { issuer: Some(principal.issuer()), subject: Some(principal.subject()), ..self }
    }

    /// By this login.
    #[must_use]
    pub fn by_login(self, stamp: &'a LoginStamp) -> Self {
        Self { sid: stamp.sid.as_deref(), jti: stamp.jti.as_deref(), ..self }
    }
}

/// A JSON object under way.
struct Line(String);

impl Line {
    fn new(what: What, node: &str, now: SystemTime) -> Self {
        let mut line = Self(format!("{{\"time\":\"{}\"", Timestamp(now)));
        line.add("event", Some(what.name()));
        line.add("node", Some(node));
        line
    }

    fn add(&mut self, name: &str, value: Option<impl Serialize>) {
        // Strings and numbers always serialise.
        let Some(Ok(value)) = value.map(|value| serde_json::to_string(&value)) else { return };
        self.0.extend([",\"", name, "\":", &value]);
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn the_guide_has_every_event() {
        let guide = include_str!("../../../../docs/observing.md");
        let (_, audit) = guide.split_once("\n## Audit\n").expect("its section");
        let rows = audit.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        let documented: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
        let told: BTreeSet<&str> = What::ALL.iter().map(|what| what.name()).collect();
        assert_eq!(documented, told);
    }

    #[test]
    fn a_line_has_what_is_known_and_cannot_be_broken() {
        let event = Event { cause: Some("a \"b\"\n\u{1b}"), count: Some(3), ..Event::new(What::Lost) };
        let line = event.json("n1", UNIX_EPOCH);
        let start = r#"{"time":"1970-01-01T00:00:00.000Z","event":"lines_lost","node":"n1","#;
        assert_eq!(line, format!(r#"{start}"cause":"a \"b\"\n\u001b","count":3}}"#));
    }
}
