use super::{Folder, MINIMAL, minimal_with};

const QUERY: &str = "ticket_carriers = [\"query\"]";

fn with(top: &str, route: &str) -> String {
    format!("{top}\n{}", minimal_with("[[routes]]", route))
}

#[test]
fn they_are_off_unless_they_are_turned_on() {
    for text in [MINIMAL.to_owned(), with("aliases = { ttl_seconds = 30 }", QUERY)] {
        assert!(Folder::new().parse(&text).expect("a configuration").aliases.is_none(), "{text}");
    }
    for (line, seconds) in [("enabled = true", 300), ("enabled = true, ttl_seconds = 30", 30)] {
        let config = Folder::new().parse(&with(&format!("aliases = {{ {line} }}"), QUERY)).expect("a configuration");
        assert_eq!(config.aliases.expect("aliases").ttl.as_secs(), seconds);
    }
}

#[test]
fn a_life_out_of_their_range_is_a_fault() {
    for seconds in [29, 3601] {
        let text = with(&format!("aliases = {{ enabled = true, ttl_seconds = {seconds} }}"), QUERY);
        let problem = format!("a.toml:1:43: aliases.ttl_seconds: {seconds} is not a whole number from 30 to 3600");
        assert!(Folder::new().faults(&text)[0].starts_with(&problem), "{:?}", Folder::new().faults(&text));
    }
}

#[test]
fn their_route_has_to_be_known_and_to_take_tickets_from_the_query() {
    let on = "aliases = { enabled = true }";
    let faults = Folder::new().faults(&with(on, "max_uses = 1"));
    assert_eq!(
        faults,
        [
            "a.toml:1:23: aliases.enabled: their websocket_url carries the ticket in the query, and `/chat` takes none there; \
          add `query` to that route's ticket_carriers"
        ]
    );
    let second = "[[routes]]\npath = \"/other\"\nupstream = \"ws://127.0.0.1:9/\"\norigins = []\n";
    let faults = Folder::new().faults(&format!("{}{second}", with(on, QUERY)));
    assert_eq!(
        faults,
        [
            "a.toml:1:23: aliases.enabled: their requests name no route, and there are several; set default_route to the one \
          that they are for"
        ]
    );
    let sound = format!("default_route = \"/chat\"\n{}{second}", with(on, QUERY));
    assert!(Folder::new().parse(&sound).is_ok());
    let faults = Folder::new().faults(&format!("default_route = \"/nowhere\"\n{}{second}", with(on, QUERY)));
    assert_eq!(faults.len(), 1, "the wrong route alone: {faults:?}");
}
