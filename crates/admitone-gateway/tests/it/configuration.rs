//! Configurations that the binary refuses.

use serde_json::Value;

use crate::process::{admitone, write_configuration};
use crate::world::Lines;

/// What `serve` says to this configuration, which it refuses.
fn refused(configuration: &str) -> String {
    let path = write_configuration(configuration);
    let output = admitone().args(["serve", "--config"]).arg(&path).output().expect("the binary");
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(output.stdout.is_empty());
    assert!(told.contains(&*path.file_name().expect("a name").to_string_lossy()), "the file is named: {told}");
    told
}

fn sound() -> String {
    Lines::default().configuration("ws://127.0.0.1:9/")
}

#[test]
fn s1_a_listener_that_others_reach_needs_tls_or_a_proxy() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let told = refused(&sound().replace("127.0.0.1:0", address));
        assert!(told.contains("other machines reach"), "{told}");
        assert!(told.contains("[server.tls]") && told.contains("trusted_proxies"), "{told}");
    }
}

#[test]
fn each_fault_names_its_line_and_its_mend() {
    let cases = [
        (sound().replace("[server]", "[server]\nlisten_on = 1"), "listen_on", "listen"),
        (sound().replace("ws://127.0.0.1:9/", "http://127.0.0.1:9/"), "upstream: ", "ws://"),
        (sound().replace("ws://127.0.0.1:9/", "not a url"), "upstream: it does not start", "ws://127.0.0.1:9000/chat"),
        (sound().replace("issuer.pem", "absent.pem"), "public_key_file: there is no such file", "write a file's path"),
        (sound().replace("issuer.pem", "."), "directory", "name a file"),
        (sound().replace("legacy.secret", "issuer.pem").replace("\"ES256\"", "\"none\""), "none", "ES256"),
        (sound().replace("https://app.example.com", "*"), "*", "origins"),
        (sound().replace("[server]", "[server]\nreplicas = 2"), "replicas", "memory"),
        (sound().replace("[server]", "[server"), "TOML", "line"),
    ];
    for (configuration, problem, mend) in cases {
        let told = refused(&configuration);
        assert!(told.contains(problem), "{problem}: {told}");
        assert!(told.contains(mend) || mend == "line", "{mend}: {told}");
        assert!(told.contains(".toml:"), "a line: {told}");
    }
}

#[test]
fn all_faults_are_told_at_once_and_as_json_when_asked() {
    let broken = sound().replace("[server]", "[server]\nnope = 1").replace("[store]", "[store]\nkind = \"disk\"");
    let path = write_configuration(&broken);
    let output = admitone().args(["serve", "--json", "--config"]).arg(path).output().expect("the binary");
    assert_eq!(output.status.code(), Some(2));
    let faults: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a JSON list");
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn a_configuration_that_is_not_there_is_a_fault_of_the_configuration() {
    let output = admitone().args(["serve", "--config", "no/such/file.toml"]).output().expect("the binary");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("no/such/file.toml") && told.contains("no such file"), "{told}");
}

#[test]
fn the_demo_refuses_to_leave_this_machine() {
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let output = admitone().args(["demo", "--host", host, "--port", "0"]).output().expect("the binary");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("loopback"));
    }
}
