//! `[[issuers]]`: whose tokens are logins.

mod keys;

use admitone::authn::{ClaimNames, JwtIssuer, TokenKind};

use super::fault::{Wrong, quoted, wrong};
use super::table::{Entry, Table};

/// Longest issuer identifier, audience, client id and claim name, in bytes.
const MAX_IDENTIFIER_BYTES: usize = 512;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Id,
}

/// What has been read so far: names and identifiers of issuers that are wrong in another way count too.
#[derive(Default)]
pub(super) struct Issuers {
    pub(super) sound: Vec<JwtIssuer>,
    pub(super) names: Vec<String>,
    identifiers: Vec<String>,
}

pub(super) fn read(root: &Table<'_>) -> Issuers {
    if !root.is_written("issuers") {
        root.refuse_absence("issuers", "add an [[issuers]] section for whoever signs your tokens");
    }
    let mut issuers = Issuers::default();
    root.tables("issuers", |table| {
        let issuer = read_issuer(table, &mut issuers);
        issuers.sound.extend(issuer);
        Some(())
    });
    issuers
}

fn read_issuer(table: &Table<'_>, others: &mut Issuers) -> Option<JwtIssuer> {
    let name = table.required_text("name", "write a short name, like `main`").and_then(|entry| {
        let name = entry.parse(parse_name)?;
        claim(&entry, name, &mut others.names)
    });
    let issuer = table.required_text("issuer", "write the exact `iss` of its tokens").and_then(|entry| {
        let identifier = entry.parse(parse_identifier)?;
        claim(&entry, identifier, &mut others.identifiers)
    });
    let kind = table.choice("token_kind", &[("access", Kind::Access), ("id", Kind::Id)], Kind::Access);
    let token_kind = read_token_kind(table, kind);
    let audiences = read_audiences(table, token_kind.as_ref());
    let algorithms = keys::read_algorithms(table);
    let keys = keys::read(table, algorithms.as_deref());
    let leeway_seconds = table.number("leeway_seconds", 0..=120, 30);
    let claims = table.section("claims", read_claims);
    Some(JwtIssuer {
        name: name?,
        issuer: issuer?,
        audiences: audiences?,
        algorithms: algorithms?,
        keys: keys?,
        token_kind: token_kind?,
        leeway_seconds,
        claims,
    })
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

fn read_token_kind(table: &Table<'_>, kind: Kind) -> Option<TokenKind> {
    let (has_client, has_typ) = (table.has("client_id"), table.has("require_at_jwt"));
    let require_at_jwt = table.switch("require_at_jwt", true);
    match kind {
        Kind::Access => {
            if has_client {
                let mend = "write token_kind = \"id\", or leave it out";
                table.refuse("client_id", wrong("only ID tokens are made for a client id", mend));
            }
            Some(TokenKind::Access { require_at_jwt })
        }
        Kind::Id => {
            if has_typ {
                table.refuse("require_at_jwt", wrong("ID tokens are never of type at+jwt", "leave it out"));
            }
            let client = table.required_text("client_id", "write the client that the ID tokens are made for")?;
            client.parse(parse_identifier).map(|client_id| TokenKind::Id { client_id: client_id.to_owned() })
        }
    }
}

/// ID tokens are for their client; without further audiences, for nobody else.
fn read_audiences(table: &Table<'_>, kind: Option<&TokenKind>) -> Option<Vec<String>> {
    let mend = "write the `aud` that its tokens have for this gateway, so that tokens for others are refused";
    let Some(entries) = table.texts("audience") else {
        if let Some(TokenKind::Id { client_id }) = kind {
            return Some(vec![client_id.clone()]);
        }
        if !table.has("audience") && kind.is_some() {
            table.refuse_absence("audience", mend);
        }
        return None;
    };
    if entries.is_empty() {
        table.refuse("audience", wrong("the list is empty", mend));
    }
    let audiences: Vec<String> =
        entries.iter().filter_map(|entry| entry.parse(parse_identifier)).map(str::to_owned).collect();
    if let Some(TokenKind::Id { client_id }) = kind
        && !audiences.contains(client_id)
    {
        let mend = format!("add {} or leave the audience out", quoted(client_id));
        table.refuse("audience", wrong("the client_id is missing: every ID token is for its client", mend));
    }
    Some(audiences)
}

fn read_claims(table: &Table<'_>) -> ClaimNames {
    let named = |key| table.text(key).and_then(|entry| entry.parse(parse_identifier)).map(str::to_owned);
    let default = ClaimNames::default();
    ClaimNames {
        email: named("email").unwrap_or(default.email),
        permissions: named("permissions").unwrap_or(default.permissions),
        session: named("session").unwrap_or(default.session),
    }
}
