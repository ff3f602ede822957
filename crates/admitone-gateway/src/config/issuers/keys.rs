//! What an issuer's tokens are signed with: the algorithms, and the keys from one of several places.

use admitone::authn::{Algorithm, IssuerKeys, KeyError, KeySet, KeySource, VerifyingKey, discovery};

use super::Of;
use crate::config::fault::{Wrong, wrong};
use crate::config::secret::{MAX_FILE_BYTES, read_key, read_private, read_public};
use crate::config::table::{Entry, Table};
use crate::logins::KeysAt;

const PEM_MEND: &str = "name the PEM file with the issuer's public key, or write the PEM itself as public_key";

/// Reads `algorithms`: at least one, each once, and HMAC only with HMAC.
pub(super) fn read_algorithms(table: &Table<'_>) -> Option<Vec<Algorithm>> {
    if !table.has("algorithms") {
        let mend = "name those that the issuer signs with, like \"ES256\": tokens of any other are refused";
        table.refuse_absence("algorithms", mend);
    }
    let names: Vec<(&'static str, Algorithm)> =
        Algorithm::ALL.iter().map(|algorithm| (algorithm.name(), *algorithm)).collect();
    let algorithms = table.choices("algorithms", &names, &[]);
    let shared = algorithms.iter().filter(|algorithm| algorithm.is_shared_secret()).count();
    if ![0, algorithms.len()].contains(&shared) {
        let problem = "shared secrets and public keys are mixed: a token could choose between the two";
        table.refuse("algorithms", wrong(problem, "name only algorithms that begin with HS, or none of them"));
        return None;
    }
    Some(algorithms).filter(|algorithms| !algorithms.is_empty())
}

/// Files and texts that an issuer's keys can be in.
const HELD: [&str; 4] = ["public_key_file", "public_key", "secret_file", "jwks_file"];

/// An issuer's keys: those of a file, or a handle that published ones are put into.
pub(super) struct Keys {
    pub(super) keys: IssuerKeys,
    pub(super) published: Option<KeysAt>,
}

/// The places of keys that are written, of which there can be one.
pub(super) fn written(table: &Table<'_>) -> Vec<&'static str> {
    let mut written: Vec<&'static str> = HELD.into_iter().filter(|key| table.is_written(key)).collect();
    written.extend(table.is_written("jwks_url").then_some("jwks_url"));
    written.extend(table.switch("discovery", false).then_some("discovery"));
    written
}

/// Reads the keys from the one place that is written.
pub(super) fn read(table: &Table<'_>, algorithms: Option<&[Algorithm]>, of: &Of) -> Option<Keys> {
    let held = HELD.map(|key| table.text(key));
    if let [first, second, ..] = written(table)[..] {
        table.refuse(second, wrong(format!("{first} is set too"), "keep one of the two"));
        return None;
    }
    let place = match (table.text("jwks_url"), table.switch("discovery", false)) {
        (Some(entry), _) => {
            let remote = of.remote.as_ref()?;
            Some(KeysAt::Url(entry.parse(|text| remote.parse_url(text))?))
        }
        (None, true) => Some(discovered(table, of)?),
        (None, false) => None,
    };
    let Some(place) = place else {
        let keys = read_held(table, algorithms, held)?;
        return Some(Keys { keys, published: None });
    };
    if algorithms?.iter().any(|algorithm| algorithm.is_shared_secret()) {
        let problem = "an issuer publishes public keys only, and these algorithms need a shared secret";
        table.refuse("algorithms", wrong(problem, "name the algorithms that the issuer signs with, like \"RS256\""));
        return None;
    }
    Some(Keys { keys: IssuerKeys::new(KeySet::empty()), published: Some(place) })
}

fn discovered(table: &Table<'_>, of: &Of) -> Option<KeysAt> {
    match of.remote.as_ref()?.parse_url(&discovery::document_url(&of.issuer)) {
        Ok(url) => Some(KeysAt::Discovered(url)),
        Err(wrong) => {
            table.refuse("discovery", wrong);
            None
        }
    }
}

fn read_held<'d>(
    table: &Table<'d>,
    algorithms: Option<&[Algorithm]>,
    [file, inline, secret, jwks]: [Option<Entry<'d>>; 4],
) -> Option<IssuerKeys> {
    let algorithms = algorithms?;
    let is_shared = algorithms.iter().any(|algorithm| algorithm.is_shared_secret());
    if !HELD.into_iter().any(|key| table.is_written(key)) {
        match is_shared {
            true => table.refuse_absence("secret_file", "name the file with the secret that the issuer signs with"),
            false => table.refuse_absence("public_key_file", PEM_MEND),
        }
    }
    let key = match (file, inline, secret) {
        (Some(file), ..) => {
            let pem = read_public(&file, MAX_FILE_BYTES)?;
            file.parse(|_| parse_public_key(&pem, algorithms))?
        }
        (_, Some(inline), _) => inline.parse(|text| parse_public_key(text.as_bytes(), algorithms))?,
        (.., Some(secret)) => {
            let bytes = read_key(&secret)?;
            secret.parse(|_| VerifyingKey::from_secret(bytes.expose(), algorithms).map_err(complaint))?
        }
        (None, None, None) => return read_jwks(&jwks?, algorithms, is_shared),
    };
    Some(key.into())
}

fn read_jwks(entry: &Entry<'_>, algorithms: &[Algorithm], is_shared: bool) -> Option<IssuerKeys> {
    let json = if is_shared { read_private(entry)? } else { read_public(entry, MAX_FILE_BYTES)? };
    entry.parse(|_| {
        let keys = KeySet::from_jwks(&json, KeySource::Operator).map_err(|error| {
            wrong(error.to_string(), "name a file with the issuer's JWK set, as its jwks_uri gives it")
        })?;
        let serves = |key: &VerifyingKey| key.algorithms().any(|algorithm| algorithms.contains(&algorithm));
        if !keys.iter().any(serves) {
            return Err(wrong(
                "none of its keys is for one of the algorithms",
                "name the algorithms that its keys are for",
            ));
        }
        Ok(IssuerKeys::new(keys))
    })
}

fn parse_public_key(pem: &[u8], algorithms: &[Algorithm]) -> Result<VerifyingKey, Wrong> {
    let pem = std::str::from_utf8(pem).map_err(|_| complaint(KeyError::NotPublicKeyPem))?;
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong(
            "it is a certificate, not a key",
            "take the key out: `openssl x509 -pubkey -noout -in FILE`",
        ));
    }
    VerifyingKey::from_pem(pem, algorithms).map_err(complaint)
}

fn complaint(error: KeyError) -> Wrong {
    let text = error.to_string();
    let (problem, mend) = text.split_once("; ").unwrap_or((&text, PEM_MEND));
    match error {
        KeyError::SecretIsDocument => wrong(
            "the file holds a key or a document, such as a public key that anybody has",
            "name the bare secret's file",
        ),
        _ => wrong(problem, mend),
    }
}
