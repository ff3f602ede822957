//! Files named by the configuration: secrets, keys and certificates, read once when it is loaded.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};

use zeroize::Zeroizing;

use super::fault::{Wrong, wrong};
use super::table::Entry;

/// Longest secret, key or certificate file, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Longest file of certificate authorities, in bytes: distributions ship bundles of a quarter of a megabyte.
pub(super) const MAX_BUNDLE_BYTES: u64 = 1024 * 1024;

/// Fewest bytes of a key for HMAC-SHA-256: as many as its output (RFC 7518 §3.2).
pub(super) const MIN_KEY_BYTES: usize = 32;

/// A secret: overwritten when dropped, and never shown.
#[derive(PartialEq, Eq)]
pub(super) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes themselves.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Reads an HMAC key: the file's bytes without one final line break, at least 32 of them.
pub(super) fn read_key(entry: &Entry<'_>) -> Option<Secret> {
    let mut bytes = read_private(entry)?;
    let kept = without_line_break(&bytes);
    if kept < MIN_KEY_BYTES {
        let problem = format!("the file holds {kept} bytes; a key has at least {MIN_KEY_BYTES}");
        entry.refuse(wrong(problem, "make one with `openssl rand -hex 32`"));
        return None;
    }
    bytes.truncate(kept);
    Some(Secret(bytes))
}

/// Reads a password: the file's text without one final line break.
pub(super) fn read_password(entry: &Entry<'_>) -> Option<Zeroizing<String>> {
    let bytes = read_private(entry)?;
    let kept = &bytes[..without_line_break(&bytes)];
    entry.parse(|_| match std::str::from_utf8(kept) {
        Ok("") => Err(wrong("the file holds an empty line", "is it the right file?")),
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(wrong("the file is not UTF-8", "is it the right file?")),
    })
}

/// Reads a file that only the gateway should be able to read; a warning says so where everybody can.
pub(super) fn read_private(entry: &Entry<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = read_public(entry, MAX_FILE_BYTES)?;
    if is_world_readable(entry) {
        entry.warn(wrong("every user of this machine can read the file", "take that away: `chmod o-r`"));
    }
    Some(bytes)
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read_public(entry: &Entry<'_>, limit: u64) -> Option<Zeroizing<Vec<u8>>> {
    entry.parse(|_| read_at_most(entry, limit))
}

fn read_at_most(entry: &Entry<'_>, limit: u64) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    let path = entry.path();
    let unreadable = |error: io::Error| unreadable(entry, error.kind());
    let metadata = fs::metadata(&path).map_err(unreadable)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return Err(wrong(format!("it names {found}"), "name a file"));
    }
    // Room for the whole file at once: a buffer that grows would leave copies of a secret behind.
    let room = usize::try_from(metadata.len().min(limit)).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(wrong(format!("the file is longer than {} KiB", limit / 1024), "is it the right file?"));
    }
    if bytes.is_empty() {
        return Err(wrong("the file is empty", "is it the right file?"));
    }
    Ok(bytes)
}

/// The path is left out: people write secrets where the names of their files belong.
fn unreadable(entry: &Entry<'_>, kind: io::ErrorKind) -> Wrong {
    let looked_in = match entry.text().starts_with('/') {
        true => String::new(),
        false => format!("; relative paths start at {}", entry.path_start()),
    };
    match kind {
        io::ErrorKind::NotFound => wrong("there is no such file", format!("write a file's path{looked_in}")),
        io::ErrorKind::PermissionDenied => {
            wrong("the file may not be read", "let the gateway's user read it, and nobody else")
        }
        kind => wrong(format!("the file cannot be read: {kind}"), format!("write a file's path{looked_in}")),
    }
}

#[cfg(unix)]
fn is_world_readable(entry: &Entry<'_>) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(entry.path()).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_world_readable(_: &Entry<'_>) -> bool {
    false
}

fn without_line_break(bytes: &[u8]) -> usize {
    let Some(line) = bytes.strip_suffix(b"\n") else { return bytes.len() };
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret(Zeroizing::new(b"hunter2".to_vec()))), "Secret(redacted)");
    }
}
