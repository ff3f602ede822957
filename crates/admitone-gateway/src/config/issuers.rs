//! `[[issuers]]`: whose tokens are logins.

mod asked;
mod keys;
mod tokens;

use admitone::authn::refresh::RefreshLimits;
use admitone::authn::{ClaimNames, JwtIssuer};

use super::fault::{Wrong, quoted, wrong};
use super::remote::Remote;
use super::table::{Entry, Table};
use crate::fetch::Fetch;
use crate::logins::{KeysAt, Source};

pub use asked::{AskedApplication, AskedServer};

/// Longest issuer identifier, audience, client id and claim name, in bytes.
const MAX_IDENTIFIER_BYTES: usize = 512;

/// Somebody whose word about who somebody is counts, and how it is had.
#[derive(Debug)]
pub struct Issuer {
    /// What the configuration calls it.
    pub name: String,
    /// Its identifier, the issuer of its logins.
    pub issuer: String,
    /// Its signed tokens, if they count.
    pub tokens: Option<JwtIssuer>,
    /// Where those tokens' keys are published, when they are not in the configuration.
    pub published: Option<Published>,
    /// The server that is asked about its opaque tokens.
    pub introspection: Option<AskedServer>,
    /// The application that is asked about its sessions.
    pub callback: Option<AskedApplication>,
}

/// Keys that are fetched.
#[derive(Debug)]
pub struct Published {
    /// From where.
    pub at: KeysAt,
    /// How.
    pub fetch: Fetch,
    /// How often, and how long they count.
    pub limits: RefreshLimits,
}

/// What has been read so far: names and identifiers of issuers that are wrong in another way count too.
#[derive(Default)]
pub(super) struct Issuers {
    pub(super) sound: Vec<Issuer>,
    pub(super) names: Vec<String>,
    identifiers: Vec<String>,
    /// Whether none is wrong.
    pub(super) are_whole: bool,
}

pub(super) fn read(root: &Table<'_>) -> Issuers {
    if !root.is_written("issuers") {
        root.refuse_absence("issuers", "add an [[issuers]] section for whoever signs your tokens");
    }
    let mut issuers = Issuers { are_whole: true, ..Issuers::default() };
    root.tables("issuers", |table| {
        let issuer = read_issuer(table, &mut issuers).filter(|issuer| check_asked(table, issuer, &issuers.sound));
        issuers.are_whole &= issuer.is_some();
        issuers.sound.extend(issuer);
        Some(())
    });
    issuers
}

fn read_issuer(table: &Table<'_>, others: &mut Issuers) -> Option<Issuer> {
    let name = table.required_text("name", "write a short name, like `main`").and_then(|entry| {
        let name = entry.parse(parse_name)?;
        claim(&entry, name, &mut others.names)
    });
    let issuer = table.required_text("issuer", "write the exact `iss` of its tokens").and_then(|entry| {
        let identifier = entry.parse(parse_identifier)?;
        claim(&entry, identifier, &mut others.identifiers)
    });
    let is_named = name.is_some() && issuer.is_some();
    let of = Of {
        name: name.unwrap_or_default(),
        issuer: issuer.unwrap_or_default(),
        remote: Remote::read(table),
        leeway_seconds: table.number("leeway_seconds", 0..=120, 30),
        claims: table.section("claims", |section| read_claims(section, table.is_written("callback"))),
    };
    let introspection = asked::read_server(table, &of);
    let callback = asked::read_application(table, &of);
    let signed = tokens::read(table, &of);
    let (tokens, published) = signed?.unzip();
    let issuer = Issuer {
        tokens,
        published: published.flatten(),
        introspection: introspection?,
        callback: callback?,
        name: of.name,
        issuer: of.issuer,
    };
    Some(issuer).filter(|_| is_named)
}

/// Whether a credential that has to be asked about belongs to this issuer alone: it does not say whose it is itself.
fn check_asked(table: &Table<'_>, issuer: &Issuer, others: &[Issuer]) -> bool {
    if issuer.introspection.is_some()
        && let Some(other) = others.iter().find(|other| other.introspection.is_some())
    {
        let problem = format!("{} has it too, and an opaque token does not say whose it is", quoted(&other.name));
        table.refuse("introspection", wrong(problem, "keep one of the two"));
        return false;
    }
    let carrier = |issuer: &Issuer| issuer.callback.as_ref().map(|callback| callback.carrier.clone());
    if let Some(own) = carrier(issuer)
        && let Some(other) = others.iter().find(|other| carrier(other) == Some(own.clone()))
    {
        let problem = format!("{} takes its sessions from the same place", quoted(&other.name));
        table.refuse("callback", wrong(problem, "name another cookie or header"));
        return false;
    }
    true
}

/// What an issuer's parts have in common.
struct Of {
    name: String,
    issuer: String,
    /// `None` where a key about it is wrong.
    remote: Option<Remote>,
    leeway_seconds: u64,
    claims: ClaimNames,
}

const SOURCES: [(&str, Source); 3] = [
    (Source::Jwt.name(), Source::Jwt),
    (Source::Introspection.name(), Source::Introspection),
    (Source::Callback.name(), Source::Callback),
];

/// Reads `[authn]`: the sources of logins in the order in which a request is looked through for their credentials.
pub(super) fn read_chain(table: &Table<'_>, issuers: &Issuers) -> Option<Vec<Source>> {
    let has = |source| issuers.sound.iter().any(|issuer| issuer.has(source));
    let chain = table.choices("chain", &SOURCES, &Source::ALL);
    if !table.has("chain") {
        return Some(chain.into_iter().filter(|source| has(*source)).collect());
    }
    let mut is_sound = !chain.is_empty();
    for (name, source) in SOURCES {
        let is_named = chain.contains(&source);
        if is_named == has(source) || !issuers.are_whole {
            continue;
        }
        is_sound = false;
        table.refuse(
            "chain",
            match is_named {
                true => wrong(format!("no issuer has logins by `{name}`"), "leave it out"),
                false => wrong(format!("an issuer has logins by `{name}`, and they would never count"), "name it too"),
            },
        );
    }
    is_sound.then_some(chain)
}

impl Issuer {
    fn has(&self, source: Source) -> bool {
        match source {
            Source::Jwt => self.tokens.is_some(),
            Source::Introspection => self.introspection.is_some(),
            Source::Callback => self.callback.is_some(),
        }
    }
}

/// Takes a name that no other issuer has.
fn claim(entry: &Entry<'_>, name: &str, taken: &mut Vec<String>) -> Option<String> {
    if taken.iter().any(|other| other == name) {
        entry.refuse(wrong(format!("another issuer has {}", quoted(name)), "write one that no other has"));
        return None;
    }
    taken.push(name.to_owned());
    Some(name.to_owned())
}

fn parse_name(text: &str) -> Result<&str, Wrong> {
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=32).contains(&text.len()) && text.bytes().all(legal) {
        return Ok(text);
    }
    Err(wrong(format!("{} is not a name", quoted(text)), "write 1 to 32 of a-z, 0-9 and -"))
}

fn parse_identifier(text: &str) -> Result<&str, Wrong> {
    if (1..=MAX_IDENTIFIER_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    let mend = format!("write 1 to {MAX_IDENTIFIER_BYTES} visible ASCII characters, without spaces");
    Err(wrong(format!("{} cannot be in a token", quoted(text)), mend))
}

fn read_claims(table: &Table<'_>, of_application: bool) -> ClaimNames {
    let named = |key| table.text(key).and_then(|entry| entry.parse(parse_identifier)).map(str::to_owned);
    let default = ClaimNames::default();
    let permissions = if of_application { "permissions".to_owned() } else { default.permissions };
    ClaimNames {
        subject: named("subject").unwrap_or(default.subject),
        email: named("email").unwrap_or(default.email),
        permissions: named("permissions").unwrap_or(permissions),
        session: named("session").unwrap_or(default.session),
        tenant: named("tenant"),
    }
}
