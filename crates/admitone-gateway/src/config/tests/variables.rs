use super::{Folder, MINIMAL, lines};

fn faults(variables: &[(&str, &str)]) -> Vec<String> {
    lines(&Folder::new().parse_with(MINIMAL, variables).expect_err("a faulty configuration"))
}

#[test]
fn variables_override_values_also_in_absent_sections() {
    let variables = [
        ("ADMITONE_SERVER__LISTEN", "127.0.0.1:1, [::1]:2"),
        ("ADMITONE_SERVER__DRAIN_SECONDS", "7"),
        ("ADMITONE_LOG__LEVEL", "debug"),
        ("ADMITONE_DEFAULT_ROUTE", "/chat"),
        ("PATH", "/bin"),
        ("ADMITONE_PORT", "tcp://10.0.0.1:80"),
    ];
    let config = Folder::new().parse_with(MINIMAL, &variables).expect("a configuration");
    let listen: Vec<_> = config.server.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:1", "[::1]:2"]);
    assert_eq!(config.server.drain.as_secs(), 7);
    assert_eq!(config.log.level, crate::config::LogLevel::Debug);
}

#[test]
fn a_fault_of_a_variable_names_the_variable() {
    for (name, value, expected) in [
        (
            "ADMITONE_LOG__LEVEL",
            "loud",
            "log.level: `loud` is not a choice; the choices are `error`, `warn`, `info`, `debug`, `trace`",
        ),
        ("ADMITONE_LOG__LEVEL", "", "log.level: it is empty; write a value, or leave it out"),
        (
            "ADMITONE_SERVER__DRAIN_SECONDS",
            "ten",
            "server.drain_seconds: `ten` is not a whole number from 0 to 300; write a whole number from 0 to 300",
        ),
        ("ADMITONE_DEFAULT_ROUTE", "/char", "default_route: no route has the path `/char`; the routes are `/chat`"),
        ("ADMITONE_SERVER__LISEN", "x", "it overrides no known key; did you mean `ADMITONE_SERVER__LISTEN`?"),
    ] {
        assert_eq!(faults(&[(name, value)]), [format!("{name}: {expected}")]);
    }
}

#[test]
fn a_variable_reaches_no_table_and_nothing_inside_a_list_of_tables() {
    for name in
        ["ADMITONE_ROUTES__0__PATH", "ADMITONE_SERVER", "ADMITONE_TICKETS__KEYS", "ADMITONE_ISSUERS__CLAIMS__EMAIL"]
    {
        let faults = faults(&[(name, "x")]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&format!("{name}: it overrides no known key; ")), "{faults:?}");
    }
}

#[test]
fn a_fault_in_the_file_is_gone_where_a_variable_overrides_it() {
    let text = MINIMAL.replace("127.0.0.1:8080", "nowhere");
    let folder = Folder::new();
    assert!(folder.parse_with(&text, &[]).is_err());
    assert!(folder.parse_with(&text, &[("ADMITONE_SERVER__LISTEN", "127.0.0.1:8080")]).is_ok());
}
