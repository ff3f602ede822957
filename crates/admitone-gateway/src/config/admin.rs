//! `[admin]`: the listener for operators.

use std::fmt;
use std::net::SocketAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use super::fault::{Wrong, quoted, wrong};
use super::host::parse_authority;
use super::secret::read_key;
use super::server::parse_address;
use super::table::{Entry, Table};
use super::tls::{self, Tls};

/// Where the operators' listener is when the section does not say.
const DEFAULT_LISTEN: &str = "127.0.0.1:9901";

/// The listener for operators.
#[derive(Debug)]
pub struct Admin {
    /// The addresses to listen on: loopback ones, or any with TLS; port 0 takes a free port.
    pub listen: Vec<SocketAddr>,
    /// What its callers have to know.
    pub secret: AdminSecret,
    /// Names, with their ports, by which it is reached beside its addresses: `admin.example.com:9901`.
    pub hosts: Vec<String>,
    /// TLS on every listen address.
    pub tls: Option<Tls>,
}

impl Admin {
    /// For listeners on loopback that are there already.
    pub(crate) fn on_loopback(secret: &str) -> Self {
        Self { listen: Vec::new(), secret: AdminSecret::of(secret.as_bytes()), hosts: Vec::new(), tls: None }
    }
}

/// What the operators' listener asks for. Only its digest is kept.
#[derive(PartialEq, Eq)]
pub struct AdminSecret([u8; 32]);

impl AdminSecret {
    fn of(secret: &[u8]) -> Self {
        Self(sha256(secret))
    }

    /// Whether this is the secret. How long it takes says nothing about where they differ.
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, &sha256(presented)).is_ok()
    }
}

impl fmt::Debug for AdminSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminSecret(redacted)")
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// None where the section is absent: there is no listener then.
pub(super) fn read(table: &Table<'_>) -> Option<Admin> {
    // Read in any case, so that variables of their names are known.
    let (listen, hosts) = (table.texts("listen"), table.texts("hosts").unwrap_or_default());
    let has_secret = table.has("secret_file");
    let tls = table.section("tls", tls::read);
    let speaks_tls = !matches!(tls, tls::Reading::Absent);
    if !(table.is_present() || listen.is_some() || !hosts.is_empty() || has_secret || speaks_tls) {
        return None;
    }
    let secret = table.required_text("secret_file", "write the path of a file with at least 32 characters");
    let secret = secret.and_then(|entry| read_secret(&entry));
    let listen = match listen {
        Some(entries) => read_listen(table, &entries, speaks_tls),
        None => DEFAULT_LISTEN.parse().ok().map(|address| vec![address]),
    };
    let hosts = hosts.iter().filter_map(|entry| entry.parse(parse_host)).collect();
    let tls = if let tls::Reading::Sound(tls) = tls { Some(tls) } else { None };
    Some(Admin { listen: listen?, secret: secret?, hosts, tls })
}

fn read_secret(entry: &Entry<'_>) -> Option<AdminSecret> {
    let secret = read_key(entry)?;
    if !secret.expose().iter().all(u8::is_ascii_graphic) {
        let problem = "the file holds a byte that cannot stand in an `Authorization` header";
        entry.refuse(wrong(problem, "make one with `openssl rand -hex 32`"));
        return None;
    }
    Some(AdminSecret::of(secret.expose()))
}

fn read_listen(table: &Table<'_>, entries: &[Entry<'_>], speaks_tls: bool) -> Option<Vec<SocketAddr>> {
    if entries.is_empty() {
        table.refuse("listen", wrong("the list is empty", "write an address and port, like `127.0.0.1:9901`"));
    }
    let mut listen = Vec::new();
    for entry in entries {
        let Some(address) = entry.parse(parse_address) else { continue };
        if !address.ip().to_canonical().is_loopback() && !speaks_tls && table.is_whole() {
            let problem =
                format!("other machines reach {} without TLS: the secret would travel in clear", quoted(entry.text()));
            entry.refuse(wrong(problem, "set [admin.tls], or listen on 127.0.0.1"));
        }
        if address.port() != 0 && listen.contains(&address) {
            entry.refuse(wrong("the address is named twice", "name it once"));
        }
        listen.push(address);
    }
    (!listen.is_empty()).then_some(listen)
}

/// Exactly what browsers and other clients write into `Host`.
fn parse_host(text: &str) -> Result<String, Wrong> {
    let (host, port) = parse_authority(text)?;
    let written = port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    if written != text {
        return Err(wrong(format!("{} is not how a browser writes it", quoted(text)), format!("write `{written}`")));
    }
    Ok(written)
}
