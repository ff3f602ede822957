use super::{Folder, MINIMAL};
use crate::config::Traces;

const ENDPOINT: &str = "endpoint = \"https://traces.example.com/v1/traces\"";

fn text(lines: &str) -> String {
    format!("{MINIMAL}[traces]\n{lines}\n")
}

fn read(lines: &str) -> Traces {
    Folder::new().parse(&text(lines)).unwrap_or_else(|faults| panic!("{faults}")).traces.expect("traces")
}

#[test]
fn without_their_section_nothing_is_traced() {
    assert!(Folder::new().parse(MINIMAL).expect("a configuration").traces.is_none());
}

#[test]
fn a_receiver_is_enough() {
    let traces = read(ENDPOINT);
    assert_eq!((traces.one_in.get(), &*traces.service, traces.headers.len()), (1, "admitone", 0));
    assert_eq!(traces.endpoint.host(), "traces.example.com");
}

#[test]
fn spans_go_unencrypted_to_this_machine_or_where_that_is_wanted() {
    for host in ["127.0.0.1:4318", "localhost:4318", "[::1]:4318"] {
        read(&format!("endpoint = \"http://{host}/v1/traces\""));
    }
    read("endpoint = \"http://collector:4318/v1/traces\"\ndanger_http = true");
    assert_eq!(
        Folder::new().faults(&text("endpoint = \"http://collector:4318/v1/traces\"")),
        ["a.toml:14:12: traces.endpoint: http can be read and changed by whoever is on the way; write https, or set \
          danger_http if the network is trusted"]
    );
}

#[test]
fn each_value_has_its_limits() {
    for (lines, key) in [
        ("", "traces.endpoint: it is required"),
        ("endpoint = \"traces.example.com\"", "traces.endpoint: it cannot be posted to"),
        ("endpoint = \"https://x/\"\nsample_one_in = 0", "traces.sample_one_in:"),
        ("endpoint = \"https://x/\"\nsample_one_in = 1000001", "traces.sample_one_in:"),
        ("endpoint = \"https://x/\"\nca_file = \"issuer.key\"", "traces.ca_file:"),
        ("endpoint = \"https://x/\"\nheaders_file = \"nowhere\"", "traces.headers_file:"),
        ("endpoint = \"https://x/\"\nprotocol = \"grpc\"", "traces.protocol: there is no such key"),
    ] {
        let faults = Folder::new().faults(&text(lines));
        assert!(faults.len() == 1 && faults[0].contains(key), "{lines}: {faults:?}");
    }
}

#[test]
fn the_receivers_headers_are_a_secret_and_each_stands_once() {
    let folder = Folder::new();
    let lines = format!("{ENDPOINT}\nheaders_file = \"traces.headers\"");
    folder.write("traces.headers", "Authorization: Bearer a-secret-key\n\nX-Tenant: chat\n");
    let traces = folder.parse(&text(&lines)).expect("sound").traces.expect("traces");
    assert_eq!(traces.headers["authorization"], "Bearer a-secret-key");
    assert_eq!(traces.headers["x-tenant"], "chat");
    assert!(!format!("{traces:?}").contains("a-secret-key"));
    for (file, fault) in [
        ("Authorization Bearer a-secret-key", "line 1 of the file is no header"),
        ("X-Tenant: chat\na secret: a-secret-key", "line 2 of the file is no header"),
        ("X-Tenant: chat\nx-tenant: a-secret-key", "`x-tenant` stands twice in the file"),
        ("Host: a-secret-key", "`host` is the gateway's to write"),
    ] {
        folder.write("traces.headers", file);
        let faults = folder.faults(&text(&lines));
        assert!(faults.len() == 1 && faults[0].contains(fault) && !faults[0].contains("a-secret-key"), "{faults:?}");
    }
}
