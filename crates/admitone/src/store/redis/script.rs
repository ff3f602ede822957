//! The scripts: what is done in one step.

use std::sync::LazyLock;

use redis::Cmd;

/// A Lua script and the hash that a server remembers it by.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($part:expr),+;)*) => { $(
        $(#[$doc])*
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(concat!($($part),+)));
    )* };
}

scripts! {
    /// Stores a grant, unless its subject is at the cap.
    PUT = "#!lua\n", include_str!("fence.lua"), include_str!("put.lua");
    /// Looks at a grant.
    PEEK = "#!lua flags=no-writes\n", include_str!("peek.lua"), include_str!("marks.lua"),
        "return {KEYS[1], 'there', mark, number, text}\n";
    /// Takes one use of a grant. It frees memory, so it runs without any left.
    TAKE = "#!lua flags=allow-oom\n", include_str!("take.lua"), include_str!("marks.lua"), include_str!("taken.lua");
    /// Removes a grant.
    DISCARD = "#!lua flags=allow-oom\n", include_str!("discard.lua");
    /// Removes the grant of a session.
    DISCARD_SESSION = "#!lua flags=allow-oom\n", include_str!("discard_session.lua");
    /// Lets a login in.
    ENTER = "#!lua flags=allow-oom\n", include_str!("enter.lua");
    /// Reads a session's record.
    FIND = "#!lua flags=no-writes\n", include_str!("find.lua");
    /// Takes one of a subject's places. What was minted is to open while there was room for it, so it runs without any left.
    CLAIM = "#!lua flags=allow-oom\n", include_str!("claim.lua");
    /// Writes the records of live sessions again, and their places.
    LEASE = "#!lua flags=allow-oom\n", include_str!("lease.lua");
    /// Removes the records and places of sessions that are over.
    RELEASE = "#!lua flags=allow-oom\n", include_str!("release.lua");
    /// Counts a subject's places.
    COUNT = "#!lua flags=allow-oom\n", include_str!("count.lua");
    /// Says something of a node. It is for looking at only, so it does not run without memory.
    TELL = "#!lua\n", include_str!("tell.lua");
    /// Reads what all nodes say of themselves.
    WORDS = "#!lua flags=no-writes\n", include_str!("words.lua");
    /// Writes a mark. Taking something back must not fail for want of memory.
    MARK = "#!lua flags=allow-oom\n", include_str!("mark.lua");
    /// Adds to the stream.
    ANNOUNCE = "#!lua flags=allow-oom\n", include_str!("announce.lua");
    /// Adds to a stream that is kept for a while only.
    POST = "#!lua flags=allow-oom\n", include_str!("post.lua");
    /// Puts a document in the place of another one. An instant rollback must not fail for want of memory.
    REPLACE = "#!lua flags=allow-oom\n", include_str!("replace.lua");
    /// Reads what the fence compares.
    FENCE = "#!lua flags=no-writes\n", include_str!("fence.lua"), "return replid()\n";
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// The call of a server that has met the script.
    pub(crate) fn by_hash(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.hash, keys, args)
    }

    /// The call of any server.
    pub(crate) fn by_text(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, args)
    }
}

fn call(command: &str, script: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let bytes = keys.iter().map(|key| key.len()).chain(args.iter().map(|arg| arg.len())).sum::<usize>();
    // The command's name and the number of keys are two more, of a few bytes.
    let mut called = Cmd::with_capacity(3 + keys.len() + args.len(), bytes + script.len() + 16);
    called.arg(command).arg(script).arg(keys.len());
    for key in keys {
        called.arg(*key);
    }
    for arg in args {
        called.arg(*arg);
    }
    called
}
