//! `[[issuers]]`: whose tokens are logins.

use admitone::authn::{Algorithm, ClaimNames, JwtIssuer, KeyError, TokenKind, VerifyingKey};

use super::fault::{Wrong, quoted, wrong};
use super::secret::{self, MAX_FILE_BYTES, read_public};
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
    let key = read_key(table);
    let leeway_seconds = table.number("leeway_seconds", 0..=120, 30);
    let claims = table.section("claims", read_claims);
    Some(JwtIssuer {
        name: name?,
        issuer: issuer?,
        audiences: audiences?,
        key: key?,
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

const ALGORITHMS: [(&str, Algorithm); 2] = [("ES256", Algorithm::Es256), ("HS256", Algorithm::Hs256)];

const PEM_MEND: &str = "name the PEM file with the issuer's public key, or write the PEM itself as public_key";

fn read_key(table: &Table<'_>) -> Option<VerifyingKey> {
    let algorithm = table.required_text("algorithm", "write `ES256` or `HS256`: tokens of any other are refused");
    let algorithm = algorithm.and_then(|entry| entry.choice(&ALGORITHMS));
    let (file, inline, secret) = (table.text("public_key_file"), table.text("public_key"), table.text("secret_file"));
    let stray = |entry: &Option<Entry<'_>>, of: &str, mend: &str| {
        if let Some(entry) = entry {
            entry.refuse(wrong(format!("{of} has no such key"), mend));
        }
    };
    match algorithm? {
        Algorithm::Hs256 => {
            stray(&file, "HS256", "leave it out, or write algorithm = \"ES256\"");
            stray(&inline, "HS256", "leave it out, or write algorithm = \"ES256\"");
            if !table.has("secret_file") {
                table.refuse_absence("secret_file", "name the file with the secret that the issuer signs with");
            }
            read_secret(&secret?)
        }
        Algorithm::Es256 => {
            stray(&secret, "ES256", "leave it out: ES256 needs the issuer's public key only");
            if !table.has("public_key_file") && !table.has("public_key") {
                table.refuse_absence("public_key_file", PEM_MEND);
            }
            read_public_key(file, inline)
        }
        _ => None,
    }
}

fn read_public_key(file: Option<Entry<'_>>, inline: Option<Entry<'_>>) -> Option<VerifyingKey> {
    match (file, inline) {
        (Some(_), Some(inline)) => {
            inline.refuse(wrong("public_key_file is set too", "keep one of the two"));
            None
        }
        (Some(file), None) => {
            let pem = read_public(&file, MAX_FILE_BYTES)?;
            file.parse(|_| parse_public_key(&pem))
        }
        (None, inline) => inline?.parse(|text| parse_public_key(text.as_bytes())),
    }
}

fn read_secret(entry: &Entry<'_>) -> Option<VerifyingKey> {
    let secret = secret::read_key(entry)?;
    entry.parse(|_| {
        if is_public_key(secret.expose()) {
            let problem = "the file holds a public key: anybody who has it could sign tokens that HS256 accepts";
            return Err(wrong(problem, "name the shared secret's file, or write algorithm = \"ES256\""));
        }
        VerifyingKey::hs256(secret.expose()).map_err(complaint)
    })
}

/// Whether bytes are a public key in one of the forms that the library does not know for a document: OpenSSH's or DER.
fn is_public_key(bytes: &[u8]) -> bool {
    const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let head = &bytes[..bytes.len().min(64)];
    let names = |oid: &[u8]| head.windows(oid.len()).any(|window| window == oid);
    let is_der = head.starts_with(&[0x30]) && (names(EC_PUBLIC_KEY) || names(RSA_ENCRYPTION));
    is_der || bytes.starts_with(b"ssh-") || bytes.starts_with(b"ecdsa-sha2-")
}

fn parse_public_key(pem: &[u8]) -> Result<VerifyingKey, Wrong> {
    let pem = std::str::from_utf8(pem).map_err(|_| complaint(KeyError::NotPublicKeyPem))?;
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong(
            "it is a certificate, not a key",
            "take the key out: `openssl x509 -pubkey -noout -in FILE`",
        ));
    }
    VerifyingKey::es256_pem(pem).map_err(complaint)
}

fn complaint(error: KeyError) -> Wrong {
    let text = error.to_string();
    let (problem, mend) = text.split_once("; ").unwrap_or((&text, PEM_MEND));
    match error {
        KeyError::SecretIsDocument => wrong(
            "the file holds a PEM or JSON document, such as a public key that anybody has",
            "name the bare secret's file",
        ),
        _ => wrong(problem, mend),
    }
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
