//! What keys are called.
//!
//! Everything of one ticket shares a hash tag, the two hex digits of its subject's bucket, and so a slot. A mark whose
//! subject is unknown is *wide*: in a Cluster it is written under every bucket's tag, elsewhere once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::options::{Deployment, RedisOptions};
use crate::grant::SessionId;
use crate::store::TicketKey;
use crate::ticket::SubjectTag;

#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    in_slots: bool,
}

impl Names {
    pub(super) fn of(options: &RedisOptions) -> Self {
        let in_slots = matches!(options.deployment, Deployment::Cluster { .. });
        Self { prefix: options.prefix.clone(), in_slots }
    }

    /// The grant of a ticket.
    pub(super) fn grant(&self, key: TicketKey) -> String {
        with_hex(self.grants(key.subject.bucket()), &key.id.0)
    }

    /// What everything of a bucket begins with.
    pub(super) fn bucket(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "")
    }

    /// What the grants of a bucket begin with.
    pub(super) fn grants(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "t:")
    }

    /// A subject's outstanding tickets.
    pub(super) fn outstanding(&self, subject: SubjectTag) -> String {
        with_hex(self.in_bucket(subject.bucket(), "o:"), &subject.0)
    }

    /// What the session records of a bucket begin with.
    pub(super) fn records(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "s:")
    }

    /// What the places begin with that the subjects of a bucket have.
    pub(super) fn places(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "l:")
    }

    /// What the marks begin with whose subject is in a bucket.
    pub(crate) fn marks(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "m:")
    }

    /// What the wide marks begin with that a bucket's scripts read.
    pub(crate) fn wide_marks(&self, bucket: u8) -> String {
        match self.in_slots {
            true => self.marks(bucket),
            false => format!("{}:{{all}}:m:", self.prefix),
        }
    }

    /// The buckets under which a wide mark is written.
    pub(crate) fn wide_buckets(&self) -> std::ops::RangeInclusive<u8> {
        0..=if self.in_slots { u8::MAX } else { 0 }
    }

    /// The stream of revocations.
    pub(crate) fn control(&self) -> String {
        format!("{}:control", self.prefix)
    }

    /// The stream of orders to all nodes, where the control stream is.
    pub(crate) fn orders(&self) -> String {
        format!("{0}:{{{0}:control}}:orders", self.prefix)
    }

    /// The stream of orders to one node, where the control stream is.
    pub(crate) fn inbox(&self, node: &str) -> String {
        format!("{0}:{{{0}:control}}:to:{node}", self.prefix)
    }

    /// The rollouts, where the control stream is.
    pub(crate) fn rollouts(&self) -> String {
        format!("{0}:{{{0}:control}}:rollouts", self.prefix)
    }

    /// Which nodes say something of themselves.
    pub(super) fn nodes(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "nodes")
    }

    /// What the keys of their words begin with.
    pub(super) fn words(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "node:")
    }

    /// A key of a bucket that holds nothing.
    pub(super) fn nothing(&self, bucket: u8) -> String {
        self.in_bucket(bucket, "probe")
    }

    fn in_bucket(&self, bucket: u8, rest: &str) -> String {
        // Most names end in an id.
        let mut name = String::with_capacity(self.prefix.len() + 5 + rest.len() + 32);
        name.push_str(&self.prefix);
        name.push_str(":{");
        push_hex(&mut name, &[bucket]);
        name.push_str("}:");
        name.push_str(rest);
        name
    }
}

/// The end of a mark's key.
pub(crate) mod mark {
    use super::{SessionId, SubjectTag, digest, hex};

    pub(crate) fn subject(tag: SubjectTag) -> String {
        format!("u:{}", hex(&tag.0))
    }

    pub(crate) fn session(id: &SessionId) -> String {
        format!("s:{id}")
    }

    pub(crate) fn sid(issuer: &str, sid: &str) -> String {
        format!("i:{}", digest(issuer, sid))
    }

    pub(crate) fn jti(issuer: &str, jti: &str) -> String {
        format!("j:{}", digest(issuer, jti))
    }

    pub(crate) const EVERYTHING: &str = "e";
}

/// 22 characters for an issuer and something of its own.
pub(super) fn digest(issuer: &str, value: &str) -> String {
    let length = (issuer.len() as u64).to_be_bytes();
    let digest = Sha256::new().chain_update(length).chain_update(issuer).chain_update(value).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..16])
}

pub(super) fn hex(bytes: &[u8]) -> String {
    with_hex(String::with_capacity(2 * bytes.len()), bytes)
}

fn with_hex(mut text: String, bytes: &[u8]) -> String {
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
}
