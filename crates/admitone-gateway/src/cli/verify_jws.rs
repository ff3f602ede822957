use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::Path;
use std::process::ExitCode;

use admitone::authn::{Algorithm, JwkError, JwsError, KeySet, KeySource, jws};

use super::fail;

/// Longest input that is read, in bytes: more than any key set or token that is accepted.
const MAX_INPUT_BYTES: u64 = 1024 * 1024;

/// Why a JWS is rejected.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("the keys: {0}")]
    Keys(#[from] JwkError),
    #[error(transparent)]
    Token(#[from] JwsError),
}

pub(super) fn run(jwk: &Path, token: Option<&Path>, json: bool) -> ExitCode {
    let keys = match read(File::open(jwk)) {
        Ok(keys) => keys,
        Err(error) => return fail(2, &format!("cannot read {}: {error}", jwk.display())),
    };
    let token = match token {
        Some(path) => read(File::open(path)).map_err(|error| format!("cannot read {}: {error}", path.display())),
        None => read(Ok(stdin())).map_err(|error| format!("cannot read the token from standard input: {error}")),
    };
    match token {
        Ok(token) => report(verify(&keys, without_line_break(&token)), json),
        Err(message) => fail(2, &message),
    }
}

fn verify(keys: &[u8], token: &[u8]) -> Result<(), Rejected> {
    let keys = KeySet::from_jwks(keys, KeySource::Operator)?;
    jws::verify(token, &keys, Algorithm::ALL)?;
    Ok(())
}

fn report(outcome: Result<(), Rejected>, json: bool) -> ExitCode {
    let reason = outcome.err().map(|rejected| rejected.to_string());
    let result = if reason.is_none() { "accept" } else { "reject" };
    if let Some(reason) = &reason {
        eprintln!("{reason}");
    }
    match json {
        true => println!("{}", serde_json::json!({ "result": result, "reason": reason })),
        false => println!("{result}"),
    }
    ExitCode::from(u8::from(reason.is_some()))
}

fn read(source: io::Result<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source?.take(MAX_INPUT_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Files and pipes end in a line break that is not the token's.
fn without_line_break(text: &[u8]) -> &[u8] {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    line.strip_suffix(b"\r").unwrap_or(line)
}
