use super::{Folder, MINIMAL};
use crate::config::Audit;

const SECRET: &str = "an-operators-secret-of-40-characters-----";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("admin.secret", format!("{SECRET}\n"));
    folder
}

fn faults(section: &str) -> Vec<String> {
    folder().faults(&format!("{MINIMAL}{section}\n"))
}

#[test]
fn without_its_section_there_is_no_operators_listener() {
    assert!(folder().parse(MINIMAL).expect("a configuration").admin.is_none());
}

#[test]
fn the_operators_listener_needs_a_secret_and_is_on_loopback_by_default() {
    let config = folder().parse(&format!("{MINIMAL}[admin]\nsecret_file = \"admin.secret\"\n")).expect("sound");
    let admin = config.admin.expect("a listener");
    assert_eq!(admin.listen, ["127.0.0.1:9901".parse().expect("an address")]);
    assert!(admin.secret.is(SECRET.as_bytes()) && !admin.secret.is(b"another"));
    assert!(!format!("{admin:?}").contains("operators-secret"));
    assert_eq!(
        faults("[admin]\nlisten = \"127.0.0.1:0\""),
        ["a.toml:13:1: admin.secret_file: it is required; write the path of a file with at least 32 characters"]
    );
}

#[test]
fn a_variable_alone_turns_it_on() {
    let variables = [("ADMITONE_ADMIN__SECRET_FILE", "admin.secret")];
    assert!(folder().parse_with(MINIMAL, &variables).expect("sound").admin.is_some());
}

#[test]
fn other_machines_reach_operators_by_tls_only() {
    let section = "[admin]\nsecret_file = \"admin.secret\"\nlisten = \"0.0.0.0:9901\"";
    assert_eq!(
        faults(section),
        [
            "a.toml:15:10: admin.listen: other machines reach `0.0.0.0:9901` without TLS: the secret would travel in clear; set [admin.tls], \
          or listen on 127.0.0.1"
        ]
    );
    let folder = folder();
    let pair = rcgen::generate_simple_self_signed(["admin.example.com".to_owned()]).expect("a certificate");
    folder.write("cert.pem", pair.cert.pem());
    folder.write("key.pem", pair.signing_key.serialize_pem());
    let tls = "[admin.tls]\ncert_file = \"cert.pem\"\nkey_file = \"key.pem\"\n";
    let config = folder.parse(&format!("{MINIMAL}{section}\n{tls}")).expect("sound");
    assert!(config.admin.is_some_and(|admin| admin.tls.is_some()));
}

#[test]
fn a_secret_that_no_header_could_hold_and_a_host_that_no_browser_writes_are_faults() {
    let folder = folder();
    folder.write("spaced.secret", "a secret with spaces, long enough for anybody");
    let told =
        folder.faults(&format!("{MINIMAL}[admin]\nsecret_file = \"spaced.secret\"\nhosts = [\"ADMIN.example\"]\n"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("admin.secret_file: the file holds a byte that cannot stand in an `Authorization` header")
    );
    assert!(told[1].contains("admin.hosts[0]: `ADMIN.example` is not how a browser writes it; write `admin.example`"));
}

#[test]
fn audit_lines_go_to_the_log_unless_told_otherwise() {
    let parse = |section: &str| folder().parse(&format!("{MINIMAL}{section}\n")).expect("sound").audit;
    assert_eq!(parse(""), Audit::Log);
    assert_eq!(parse("[audit]\nto = \"stdout\""), Audit::Stdout);
    let Audit::File(path) = parse("[audit]\nto = \"file\"\npath = \"audit.log\"") else { panic!("a file") };
    assert!(path.ends_with("audit.log") && path.is_absolute());
    assert_eq!(
        faults("[audit]\nto = \"file\""),
        ["a.toml:13:1: audit.path: it is required; write the path of the file that lines are added to"]
    );
    assert_eq!(
        faults("[audit]\npath = \"audit.log\""),
        ["a.toml:14:8: audit.path: it counts with to = \"file\" only; set to = \"file\", or leave it out"]
    );
}
