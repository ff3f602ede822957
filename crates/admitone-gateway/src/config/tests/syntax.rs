use super::{Folder, MINIMAL, minimal_with};
use crate::config::Config;

#[test]
fn a_syntax_fault_names_its_line_and_hides_no_fault_of_another_line() {
    let text = minimal_with("[server]", "max_connections = 1 2").replace("/chat\"\nupstream", "chat\"\nupstream");
    assert_eq!(
        Folder::new().faults(&text),
        [
            "a.toml:2:19: this is not TOML: string values must be quoted, expected literal string",
            "a.toml:11:8: routes[0].path: `chat` does not start with a slash; write it like `/chat`",
        ]
    );
}

#[test]
fn what_a_broken_line_may_have_held_is_not_missed() {
    for broken in ["[server", "[[issuers]", "listen = \"127", "listen = [", "= 1", "a.b", "[server]\nlisten = "] {
        let faults = Folder::new().faults(&format!("{broken}\n"));
        assert!(faults.iter().all(|fault| fault.contains("this is not TOML")), "{broken}: {faults:?}");
    }
}

#[test]
fn a_repeated_key_is_a_fault_of_its_line() {
    let text = MINIMAL.replace("name = \"main\"\n", "name = \"main\"\nname = \"other\"\n");
    assert_eq!(Folder::new().faults(&text), ["a.toml:5:1: this is not TOML: duplicate key"]);
}

#[test]
fn an_unknown_key_is_a_fault_with_what_was_probably_meant() {
    for (header, line, expected) in [
        (
            "",
            "defaultroute = \"/chat\"",
            "a.toml:1:1: defaultroute: there is no such key; did you mean `default_route`?",
        ),
        (
            "[server]",
            "trustedproxies = []",
            "a.toml:2:1: server.trustedproxies: there is no such key; did you mean `trusted_proxies`?",
        ),
        (
            "[[routes]]",
            "bind_orgin = true",
            "a.toml:10:1: routes[0].bind_orgin: there is no such key; did you mean `bind_origin`?",
        ),
        (
            "[[issuers]]",
            "claims.mail = \"m\"",
            "a.toml:4:8: issuers[0].claims.mail: there is no such key; did you mean `email`?",
        ),
    ] {
        assert_eq!(Folder::new().faults(&minimal_with(header, line)), [expected]);
    }
    let text = format!("{MINIMAL}[log]\ncolour = true\n");
    assert_eq!(
        Folder::new().faults(&text),
        ["a.toml:14:1: log.colour: there is no such key; the keys here are `format`, `level`"]
    );
}

#[test]
fn columns_count_characters() {
    let text = minimal_with("", "\"défaut\" = 1").replace("listen = ", "\"é\" = 1 # é\nlisten = ");
    let faults = Folder::new().faults(&text);
    assert!(faults[0].starts_with("a.toml:1:1: défaut: "), "{faults:?}");
    let text = minimal_with("", "log = { \"é\" = 1, level = \"loud\" }");
    assert!(Folder::new().faults(&text)[1].starts_with("a.toml:1:26: log.level: "));
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let folder = Folder::new();
    let load = |name: &str| Config::load(&folder.0.join(name), []).expect_err("a fault").to_string();
    assert!(load("absent.toml").contains("absent.toml: there is no such file; "));
    assert!(load("").contains(": it cannot be read: "));
    folder.write("latin.toml", b"# gr\xc3\xbc\xc3\x9fe\n# \xe9t\xe9\n");
    assert!(load("latin.toml").contains("latin.toml:2:3: this is not UTF-8; "));
    folder.write("long.toml", vec![b'#'; 1024 * 1024 + 1]);
    assert!(load("long.toml").contains("long.toml: it is longer than 1024 KiB; "));
}

#[test]
fn a_file_is_loaded_and_its_folder_is_where_paths_start() {
    let folder = Folder::new();
    folder.write("a.toml", MINIMAL);
    let config = Config::load(&folder.0.join("a.toml"), []).expect("a configuration");
    assert_eq!(config.issuers[0].name, "main");
}
