use super::{Folder, MINIMAL, minimal_with};

/// A line of a section and the one fault that it makes, from the column on.
type Case = (&'static str, &'static str);

fn each_is_one_fault(header: &str, line_number: usize, cases: &[Case]) {
    let folder = Folder::new();
    for (line, expected) in cases {
        let faults = folder.faults(&minimal_with(header, line));
        assert_eq!(faults, [format!("a.toml:{line_number}:{expected}")], "{line}");
    }
}

fn each_is_accepted(header: &str, lines: &[&str]) {
    let folder = Folder::new();
    for line in lines {
        let parsed = folder.parse(&minimal_with(header, line));
        assert!(parsed.is_ok(), "{line}: {}", parsed.expect_err("a fault"));
    }
}

#[test]
fn server_values_are_checked() {
    each_is_one_fault(
        "[server]",
        2,
        &[
            (
                "listen = \"localhost:80\"",
                "10: server.listen: `localhost:80` is not an IP address and port; write `127.0.0.1:80`",
            ),
            (
                "listen = \":80\"",
                "10: server.listen: `:80` is not an IP address and port; write `0.0.0.0:80` for every address of this machine",
            ),
            ("listen = []", "10: server.listen: the list is empty; write an address and port, like `127.0.0.1:8080`"),
            ("listen = 8080", "10: server.listen: it is an integer; write a list of strings"),
            ("listen = [\"[::1]:1\", \"[::1]:1\"]", "22: server.listen[1]: the address is named twice; name it once"),
            ("listen = [\"[::1]:1\", 2]", "22: server.listen[1]: it is an integer; write a string"),
            (
                "public_url = \"https://a.example/\"",
                "14: server.public_url: an origin ends after its host and port: no slash, path or query; write `https://a.example`",
            ),
            (
                "trusted_proxies = [\"10.0.0.1/8\"]",
                "20: server.trusted_proxies[0]: `10.0.0.1/8` is an address within a network, not a network; write `10.0.0.0/8` or `10.0.0.1`",
            ),
            (
                "trusted_proxies = \"0.0.0.0/0\"",
                "19: server.trusted_proxies: `0.0.0.0/0` lets every client say which address it comes from; name only the proxies in front of the gateway",
            ),
            (
                "replicas = 2",
                "12: server.replicas: 2 gateways with store.kind = \"memory\" cannot see each other's tickets: each would refuse what the others minted, and a revocation would reach only one; set store.kind = \"redis\", or run one gateway: write 1, or leave it out",
            ),
            (
                "max_connections = 0",
                "19: server.max_connections: 0 is not a whole number from 1 to 1000000; write a whole number from 1 to 1000000",
            ),
            (
                "header_timeout_seconds = 1.5",
                "26: server.header_timeout_seconds: a float value is not a whole number from 1 to 60; write a whole number from 1 to 60",
            ),
            (
                "drain_seconds = -1",
                "17: server.drain_seconds: -1 is not a whole number from 0 to 300; write a whole number from 0 to 300",
            ),
            ("tls = true", "7: server.tls: it is a boolean; write a table"),
        ],
    );
    each_is_accepted(
        "[server]",
        &["listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]", "drain_seconds = 0x10", "trusted_proxies = []"],
    );
}

#[test]
fn an_exposed_address_needs_tls_in_front() {
    let exposed =
        MINIMAL.replace("listen = \"127.0.0.1:8080\"", "listen = \"0.0.0.0:80\"\npublic_url = \"https://a.example\"");
    let folder = Folder::new();
    assert_eq!(
        folder.faults(&exposed),
        [
            "a.toml:2:10: server.listen: other machines reach `0.0.0.0:80` without TLS: tickets and tokens would travel in clear; \
          set [server.tls], or set trusted_proxies to the proxies that end TLS in front of the gateway, or listen on 127.0.0.1"
        ]
    );
    let behind = exposed.replace("[server]\n", "[server]\ntrusted_proxies = \"10.0.0.0/8\"\n");
    let config = folder.parse(&behind).expect("a configuration");
    let trusts = |address: &str| {
        let address = address.parse().expect("an address");
        config.server.trusted_proxies.iter().any(|network| network.contains(address))
    };
    assert!(trusts("10.1.2.3") && !trusts("11.1.2.3"));
    let unnamed = behind.replace("public_url = \"https://a.example\"\n", "");
    assert_eq!(
        folder.faults(&unnamed),
        ["a.toml:1:1: server.public_url: it is required; write the origin that clients reach the gateway by, like \
          `https://gateway.example.com`"]
    );
    let plain = folder.parse(&behind.replace("https://a.example", "http://a.example")).expect("a configuration");
    assert_eq!(plain.warnings.len(), 1);
    assert_eq!(plain.warnings[0].key, "server.public_url");
}

#[test]
fn issuer_values_are_checked() {
    each_is_one_fault(
        "[[issuers]]",
        4,
        &[
            ("name = \"Main\"", "8: issuers[0].name: `Main` is not a name; write 1 to 32 of a-z, 0-9 and -"),
            (
                "issuer = \"a b\"",
                "10: issuers[0].issuer: `a b` cannot be in a token; write 1 to 512 visible ASCII characters, without spaces",
            ),
            (
                "audience = []",
                "12: issuers[0].audience: the list is empty; write the `aud` that its tokens have for this gateway, so that tokens for others are refused",
            ),
            (
                "algorithms = \"hs256\"",
                "14: issuers[0].algorithms: `hs256` is not a choice; the choices are `HS256`, `HS384`, `HS512`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA`",
            ),
            (
                "algorithms = [\"HS256\", \"HS256\"]",
                "24: issuers[0].algorithms[1]: `HS256` is named twice; name it once",
            ),
            (
                "algorithms = [\"ES256\", \"HS256\"]",
                "14: issuers[0].algorithms: shared secrets and public keys are mixed: a token could choose between the two; name only algorithms that begin with HS, or none of them",
            ),
            (
                "client_id = \"web\"",
                "13: issuers[0].client_id: only ID tokens are made for a client id; write token_kind = \"id\", or leave it out",
            ),
            (
                "leeway_seconds = 121",
                "18: issuers[0].leeway_seconds: 121 is not a whole number from 0 to 120; write a whole number from 0 to 120",
            ),
            (
                "require_at_jwt = \"yes\"",
                "18: issuers[0].require_at_jwt: it is neither `true` nor `false`; write `true` or `false`, without quotes",
            ),
            ("claims = { email = \"\" }", "20: issuers[0].claims.email: it is empty; write a value, or leave it out"),
        ],
    );
}

#[test]
fn an_id_token_is_for_its_client() {
    let folder = Folder::new();
    let id = |lines: &str| MINIMAL.replace("audience = \"admitone\"\n", &format!("token_kind = \"id\"\n{lines}"));
    let config = folder.parse(&id("client_id = \"web\"\n")).expect("a configuration");
    assert_eq!(config.issuers[0].tokens.as_ref().expect("tokens").audiences, ["web"]);
    assert_eq!(
        folder.faults(&id("")),
        ["a.toml:3:1: issuers[0].client_id: it is required; write the client that the ID tokens are made for"]
    );
    assert_eq!(
        folder.faults(&id("client_id = \"web\"\naudience = \"admitone\"\nrequire_at_jwt = false\n")),
        [
            "a.toml:8:12: issuers[0].audience: the client_id is missing: every ID token is for its client; add `web` or leave the audience out",
            "a.toml:9:18: issuers[0].require_at_jwt: ID tokens are never of type at+jwt; leave it out",
        ]
    );
}

#[test]
fn names_identifiers_and_paths_are_taken_once() {
    let issuers_and_routes = MINIMAL.split_once("[[issuers]]").expect("issuers").1;
    let text = format!("{MINIMAL}[[issuers]]{issuers_and_routes}");
    assert_eq!(
        Folder::new().faults(&text),
        [
            "a.toml:14:8: issuers[1].name: another issuer has `main`; write one that no other has",
            "a.toml:15:10: issuers[1].issuer: another issuer has `https://id.example.com`; write one that no other has",
            "a.toml:20:8: routes[1].path: another route has the path `/chat`; write each path once",
        ]
    );
}

#[test]
fn route_values_are_checked() {
    each_is_one_fault(
        "[[routes]]",
        10,
        &[
            (
                "path = \"/auth/x\"",
                "8: routes[0].path: `/auth/x` is under /auth, which the gateway answers itself; choose one that is not under `/.well-known`, `/admin`, `/api/auth`, `/api/v1/auth`, `/api/websocket/ticket`, `/api/websocket/tickets`, `/auth`, `/healthz`, `/openapi.json`, `/readyz`, `/websocket/ticket`, `/websocket/tickets`",
            ),
            (
                "upstream = \"http://a\"",
                "12: routes[0].upstream: an upstream is a socket server; write ws:// instead of http://",
            ),
            (
                "origins = [\"*\"]",
                "12: routes[0].origins[0]: `*` is not an origin to trust; any site could open sockets in a visitor's name: write each of your origins",
            ),
            (
                "origins = \"null\"",
                "11: routes[0].origins: `null` is not an origin to trust; sandboxed frames and local files of anybody send it: write each of your origins",
            ),
            (
                "origins = [\"http://a.example\"]",
                "12: routes[0].origins[0]: whoever is on the way to a visitor can change the page at `http://a.example`; write it with https, or set danger_http_origins = true on this route",
            ),
            (
                "origins = [\"https://a\", \"https://a\"]",
                "25: routes[0].origins[1]: `https://a` is named twice; name it once",
            ),
            ("issuers = [\"mian\"]", "12: routes[0].issuers[0]: no issuer is named `mian`; the issuers are `main`"),
            ("issuers = [\"man\"]", "12: routes[0].issuers[0]: no issuer is named `man`; did you mean `main`?"),
            (
                "issuers = []",
                "11: routes[0].issuers: the list is empty: nobody could log in; name an issuer, or leave it out for all",
            ),
            (
                "ticket_carriers = []",
                "19: routes[0].ticket_carriers: the list is empty; name at least one of `subprotocol`, `authorization`, `cookie`, `query`",
            ),
            (
                "ticket_carriers = [\"query\", \"query\"]",
                "29: routes[0].ticket_carriers[1]: `query` is named twice; name it once",
            ),
            (
                "jwt_fallback = \"alow\"",
                "16: routes[0].jwt_fallback: `alow` is not a choice; did you mean `allow`? the choices are `deny`, `warn`, `allow`",
            ),
            (
                "jwt_carriers = [\"query\"]",
                "16: routes[0].jwt_carriers: a token in a URL ends up in histories and logs; leave `query` out; danger_query_token = true adds it",
            ),
            (
                "jwt_cookie = \"session\"",
                "14: routes[0].jwt_cookie: jwt_carriers does not have `cookie`; add it there, or leave this out",
            ),
            (
                "query_passthrough = [\"code\"]",
                "22: routes[0].query_passthrough[0]: `code` is not a choice; the choices are `token`, `jwt`, `auth_token`, `access_token`",
            ),
            (
                "max_ttl_seconds = 4",
                "19: routes[0].max_ttl_seconds: 4 is not a whole number from 5 to 3600; write a whole number from 5 to 3600",
            ),
            (
                "required_permissions = [\"a b\"]",
                "25: routes[0].required_permissions[0]: `a b` is not a permission; a permission must be 1 to 128 visible ASCII characters other than quote and backslash",
            ),
            ("close_profile = 1008", "17: routes[0].close_profile: it is an integer; write a string"),
        ],
    );
    each_is_accepted(
        "[[routes]]",
        &[
            "origins = []",
            "origins = [\"http://localhost:3000\", \"http://127.0.0.1\"]",
            "origins = [\"http://a.example\"]\ndanger_http_origins = true",
            "jwt_carriers = [\"cookie\"]\njwt_cookie = \"session\"",
            "query_passthrough = [\"token\"]",
            "path = \"/websocket\"",
        ],
    );
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    each_is_one_fault(
        "[[routes]]",
        10,
        &[(
            "query_passthrough = [\"token\"]\ndanger_query_token = true",
            "21: routes[0].query_passthrough: danger_query_token takes these names out of the query; keep one of the two",
        )],
    );
    let cookie = "jwt_carriers = [\"cookie\"]";
    assert_eq!(
        Folder::new().faults(&minimal_with("[[routes]]", cookie)),
        ["a.toml:9:1: routes[0].jwt_cookie: it is required; jwt_carriers has `cookie`: write the cookie's name"]
    );
    let ticket_cookie = "jwt_carriers = [\"cookie\"]\njwt_cookie = \"__Host-admitone-ticket\"";
    assert_eq!(
        Folder::new().faults(&minimal_with("[[routes]]", ticket_cookie)),
        ["a.toml:11:14: routes[0].jwt_cookie: that cookie holds tickets; name the cookie that holds the JWT"]
    );
}

#[test]
fn a_token_in_the_query_is_a_carrier_only_when_it_is_asked_for() {
    let text = minimal_with("[[routes]]", "danger_query_token = true");
    let config = Folder::new().parse(&text).expect("a configuration");
    assert!(config.routes[0].jwt_carriers.contains(&admitone::carrier::Carrier::Query));
}

#[test]
fn store_values_are_checked() {
    let folder = Folder::new();
    for (line, expected) in [
        ("kind = \"disk\"", "14:8: store.kind: `disk` is not a choice; the choices are `memory`, `redis`"),
        (
            "max_tickets_per_subject = 1000001",
            "14:27: store.max_tickets_per_subject: 1000001 is not a whole number from 1 to 1000000; write a whole number from 1 to 1000000",
        ),
    ] {
        assert_eq!(folder.faults(&format!("{MINIMAL}[store]\n{line}\n")), [format!("a.toml:{expected}")]);
    }
    let text = format!("{MINIMAL}[store]\nmax_tickets = 10\n");
    assert_eq!(folder.parse(&text).expect("a configuration").store.max_tickets_per_subject, 10);
    assert_eq!(
        folder.faults(&format!("{text}max_tickets_per_subject = 11\n")),
        [
            "a.toml:15:27: store.max_tickets_per_subject: it is more than max_tickets, which is 10; write at most that many"
        ]
    );
}

#[test]
fn among_several_routes_there_is_no_default_by_itself() {
    let second = "[[routes]]\npath = \"/other\"\nupstream = \"ws://127.0.0.1:9000\"\norigins = []\n";
    let folder = Folder::new();
    assert!(folder.parse(&format!("{MINIMAL}{second}")).expect("a configuration").default_route.is_none());
    let named = folder.parse(&format!("default_route = \"/other\"\n{MINIMAL}{second}")).expect("a configuration");
    assert_eq!(named.default_route.expect("a default").as_str(), "/other");
    assert_eq!(
        folder.faults(&format!("default_route = \"/no\"\n{MINIMAL}{second}")),
        ["a.toml:1:17: default_route: no route has the path `/no`; the routes are `/chat`, `/other`"]
    );
}

#[test]
fn upstreams_and_the_addresses_to_dial_from_are_checked() {
    let mend = "write an address of this machine, like `10.0.0.5`";
    let folder = Folder::new();
    let fault = |line: &str| {
        let faults = folder.faults(&minimal_with("[[routes]]", line));
        assert_eq!(faults.len(), 1, "{line}: {faults:?}");
        faults[0].split_once("routes[0].").expect("a key").1.to_owned()
    };
    for (line, expected) in [
        ("bind_addresses = [\"eth0\"]", format!("bind_addresses[0]: `eth0` is not an IP address; {mend}")),
        ("bind_addresses = \"0.0.0.0\"", format!("bind_addresses: `0.0.0.0` is not one machine's address; {mend}")),
        ("bind_addresses = [\"::1\", \"::1\"]", "bind_addresses[1]: `::1` is named twice; name it once".to_owned()),
        (
            "drop_headers = \"x user\"",
            "drop_headers: `x user` is not a header's name; write it like `x-user`".to_owned(),
        ),
        (
            "drop_headers = \"Sec-WebSocket-Key\"",
            "drop_headers: the upgrade needs `Sec-WebSocket-Key`; leave it out".to_owned(),
        ),
        (
            "drop_headers = [\"x-user\", \"X-User\"]",
            "drop_headers[1]: `X-User` is named twice; name it once".to_owned(),
        ),
    ] {
        assert_eq!(fault(line), expected);
    }
    let several = |urls: &str| MINIMAL.replace("\"ws://127.0.0.1:9000/chat\"", urls);
    for (urls, expected) in [
        ("[]", "upstream: the list is empty; write the server's socket URL, like `ws://127.0.0.1:9000/chat`"),
        ("[\"ws://a\", \"ws://a:80/\"]", "upstream[1]: `ws://a:80/` is named twice; name it once"),
        ("[\"ws://a\", \"http://b\"]", "upstream[1]: an upstream is a socket server; write ws:// instead of http://"),
    ] {
        let faults = folder.faults(&several(urls));
        assert_eq!((faults.len(), faults[0].ends_with(expected)), (1, true), "{faults:?}");
    }
    let config = folder.parse(&several("[\"ws://a\", \"ws://b/other\"]")).expect("a configuration");
    let upstreams: Vec<_> = config.routes[0].upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(upstreams, ["ws://a/", "ws://b/other"]);
}

#[test]
fn limits_are_checked_and_zero_is_none() {
    let folder = Folder::new();
    let faults =
        folder.faults(&format!("{MINIMAL}[limits]\ndials_per_ticket = -1\nmints_per_minute_per_subject = \"60\"\n"));
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].ends_with(
        "limits.dials_per_ticket: -1 is not a whole number from 0 to 1000000; write a whole number from 0 to 1000000"
    ));
    let config = folder.parse(&format!("{MINIMAL}[limits]\ndials_per_ticket = 0\n")).expect("a configuration");
    assert_eq!(config.limits.dials_per_ticket, None);
    let per_minute = config.limits.mints_per_minute_per_subject.map(std::num::NonZeroU32::get);
    assert_eq!(per_minute, Some(60));
}
