mod aliases;
mod arbitrary;
mod asked;
mod example;
mod files;
mod forward_auth;
mod operators;
mod rollout;
mod starting;
mod store;
mod syntax;
mod traces;
mod values;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Config, Faults};

const MINIMAL: &str = r#"[server]
listen = "127.0.0.1:8080"
[[issuers]]
name = "main"
issuer = "https://id.example.com"
audience = "admitone"
algorithms = "HS256"
secret_file = "issuer.key"
[[routes]]
path = "/chat"
upstream = "ws://127.0.0.1:9000/chat"
origins = ["https://app.example.com"]
"#;

const SECRET: &str = "0123456789abcdef-a-secret-of-the-issuer";

/// A folder of its own with the secret of [`MINIMAL`], gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("admitone-config-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder can be made");
        let folder = Self(path);
        folder.write("issuer.key", SECRET);
        folder
    }

    /// Writes a file that only its owner can read.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.write_with_mode(name, content, 0o600);
    }

    fn write_with_mode(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode can be set");
    }

    fn parse(&self, text: &str) -> Result<Config, Faults> {
        self.parse_with(text, &[])
    }

    fn parse_with(&self, text: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::parse(text, "a.toml", &self.0, variables)
    }

    /// The faults of a text, one a line, without the closing line.
    fn faults(&self, text: &str) -> Vec<String> {
        lines(&self.parse(text).expect_err("a faulty configuration"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

fn lines(faults: &Faults) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// [`MINIMAL`] with `line` below `header`, in the place of a line of the same key; an empty header is the file's top.
fn minimal_with(header: &str, line: &str) -> String {
    let key = line.split('=').next().expect("a key").trim();
    let mut text = String::new();
    let mut inside = header.is_empty();
    if inside {
        text.push_str(&format!("{line}\n"));
    }
    for existing in MINIMAL.lines() {
        if existing.starts_with('[') {
            inside = existing == header;
            text.push_str(&format!("{existing}\n"));
            if inside {
                text.push_str(&format!("{line}\n"));
            }
        } else if !(inside && existing.split('=').next().is_some_and(|found| found.trim() == key)) {
            text.push_str(&format!("{existing}\n"));
        }
    }
    text
}

#[test]
fn the_least_configuration_has_defaults_for_all_the_rest() {
    let config = Folder::new().parse(MINIMAL).expect("a configuration");
    assert_eq!(config.default_route.expect("the only route").as_str(), "/chat");
    assert!(config.warnings.is_empty());
    assert!(config.tickets.keys.is_none());
    assert_eq!(config.tickets.ttl.as_secs(), 60);
    assert_eq!((config.store.max_tickets, config.store.max_tickets_per_subject), (1_000_000, 20));
    let bound = "127.0.0.1:41234".parse().expect("an address");
    assert_eq!(config.server.public_url_on(bound).as_str(), "http://127.0.0.1:41234");
    let [route] = &*config.routes else { panic!("one route") };
    assert_eq!(route.issuers, ["main"]);
    assert!(
        route.bind_origin && !route.bind_address && !route.jwt_carriers.contains(&admitone::carrier::Carrier::Query)
    );
    assert_eq!(route.upstreams[0].to_string(), "ws://127.0.0.1:9000/chat");
}

#[test]
fn faults_are_told_all_at_once_and_in_the_order_of_lines() {
    let text = "lisen = 1\n[server]\nlisten = \"0.0.0.0:80\"\nreplicas = 2\n[log]\nlevel = \"loud\"\n";
    let faults = Folder::new().parse(text).expect_err("a faulty configuration");
    let places: Vec<_> = faults.iter().map(|fault| (fault.place.to_string(), fault.key.clone())).collect();
    let expected = [
        ("a.toml:1:1", "issuers"),
        ("a.toml:1:1", "routes"),
        ("a.toml:1:1", "lisen"),
        ("a.toml:2:1", "server.public_url"),
        ("a.toml:3:10", "server.listen"),
        ("a.toml:4:12", "server.replicas"),
        ("a.toml:6:9", "log.level"),
    ];
    assert_eq!(places, expected.map(|(place, key)| (place.to_owned(), key.to_owned())));
    assert!(faults.to_string().ends_with("\n7 faults; nothing was started."), "{faults}");
}

#[test]
fn one_fault_is_not_plural_and_serialises_as_a_list() {
    let faults = Folder::new().parse(&minimal_with("[server]", "drain_seconds = 301")).expect_err("a fault");
    assert_eq!(
        faults.to_string(),
        "a.toml:2:17: server.drain_seconds: 301 is not a whole number from 0 to 300; write a whole number from 0 to \
         300\n1 fault; nothing was started."
    );
    assert_eq!(
        serde_json::to_value(&faults).expect("JSON"),
        serde_json::json!([{
            "file": "a.toml", "line": 2, "column": 17, "key": "server.drain_seconds",
            "problem": "301 is not a whole number from 0 to 300", "mend": "write a whole number from 0 to 300",
        }])
    );
}
