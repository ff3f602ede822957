//! An issuer's signed tokens: which of them are logins.

use std::time::Duration;

use admitone::authn::refresh::RefreshLimits;
use admitone::authn::{JwtIssuer, TokenKind};

use super::{Of, Published, keys, parse_identifier};
use crate::config::fault::{quoted, wrong};
use crate::config::table::Table;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Access,
    Id,
}

/// Reads what makes signed tokens logins; `Some(None)` for an issuer that is only asked, and `None` for faults.
pub(super) fn read(table: &Table<'_>, of: &Of) -> Option<Option<(JwtIssuer, Option<Published>)>> {
    let is_asked = table.is_written("introspection") || table.is_written("callback");
    let kept = table.seconds("keys_kept_seconds", 0..=24 * 3600, 3600);
    if is_asked && keys::written(table).is_empty() {
        return refuse_what_is_about_tokens(table).then_some(None);
    }
    let kind = table.choice("token_kind", &[("access", Kind::Access), ("id", Kind::Id)], Kind::Access);
    let token_kind = read_token_kind(table, kind);
    let audiences = read_audiences(table, token_kind.as_ref());
    let algorithms = keys::read_algorithms(table);
    let keys = keys::read(table, algorithms.as_deref(), of)?;
    let published = match keys.published {
        None => None,
        Some(at) => Some(Published { at, fetch: of.remote.as_ref()?.fetch(), limits: limits(kept) }),
    };
    let tokens = JwtIssuer {
        name: of.name.clone(),
        issuer: of.issuer.clone(),
        audiences: audiences?,
        algorithms: algorithms?,
        keys: keys.keys,
        token_kind: token_kind?,
        leeway_seconds: of.leeway_seconds,
        claims: of.claims.clone(),
    };
    Some(Some((tokens, published)))
}

fn limits(kept: Duration) -> RefreshLimits {
    RefreshLimits { kept, ..RefreshLimits::default() }
}

/// Whether nothing is written that would have no effect.
fn refuse_what_is_about_tokens(table: &Table<'_>) -> bool {
    let mut is_sound = true;
    for key in ["algorithms", "token_kind", "client_id", "require_at_jwt", "keys_kept_seconds"] {
        if table.has(key) {
            let mend = "leave it out, or say where the keys of its tokens are, with discovery = true for instance";
            table.refuse(key, wrong("it is about signed tokens, and this issuer has no keys", mend));
            is_sound = false;
        }
    }
    is_sound
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
