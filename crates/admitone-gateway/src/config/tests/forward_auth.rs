use super::{Folder, MINIMAL};

const TRUSTED: &str = "listen = \"127.0.0.1:8080\"\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// [`MINIMAL`] without an upstream, with a trusted proxy and lines in its route.
fn asked_about(lines: &str) -> String {
    let text = MINIMAL.replace("listen = \"127.0.0.1:8080\"\n", TRUSTED);
    text.replace("upstream = \"ws://127.0.0.1:9000/chat\"\n", lines)
}

#[test]
fn a_route_that_proxies_ask_about_needs_no_upstream() {
    let folder = Folder::new();
    let route = |text: &str| folder.parse(text).expect("a configuration").routes.remove(0);
    let without = route(&asked_about("forward_auth = true\n"));
    assert!(without.forward_auth && without.upstreams.is_empty());
    let with = route(&asked_about("forward_auth = true\nupstream = \"ws://a/b\"\n"));
    assert!(with.forward_auth && with.upstreams.len() == 1);
    assert!(!route(MINIMAL).forward_auth);
    for lines in ["", "forward_auth = false\n"] {
        let faults = folder.faults(&asked_about(lines));
        assert!(faults.len() == 1 && faults[0].contains("routes[0].upstream: it is required"), "{faults:?}");
    }
}

#[test]
fn somebody_has_to_be_trusted_to_ask() {
    let text = asked_about("forward_auth = true\n").replace("trusted_proxies = [\"127.0.0.1\"]\n", "");
    let faults = Folder::new().faults(&text);
    let expected = "a.toml:11:16: routes[0].forward_auth: no proxy is trusted to ask about it; name the proxy's address in \
                    trusted_proxies of [server]";
    assert_eq!(faults, [expected]);
}

#[test]
fn what_is_said_of_an_upstream_needs_one() {
    let folder = Folder::new();
    for line in [
        "upstream_ca_file = \"cert.pem\"",
        "bind_addresses = [\"127.0.0.1\"]",
        "drop_headers = [\"x-user\"]",
        "connect_timeout_seconds = 5",
        "upgrade_timeout_seconds = 5",
        "idle_timeout_seconds = 5",
    ] {
        let faults = folder.faults(&asked_about(&format!("forward_auth = true\n{line}\n")));
        let key = line.split(' ').next().expect("a key");
        let expected = format!("routes[0].{key}: the route has no upstream; name one with upstream, or leave this out");
        assert!(faults.len() == 1 && faults[0].ends_with(&expected), "{faults:?}");
    }
}
