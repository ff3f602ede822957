use admitone::rollout::Percent;

use super::{Folder, MINIMAL};
use crate::config::{JwtFallback, Listed, OnFailures, Route};

fn text(route: &str) -> String {
    format!("{MINIMAL}{route}\n")
}

fn faults(route: &str) -> Vec<String> {
    Folder::new().faults(&text(route))
}

fn route(lines: &str) -> Route {
    let config = Folder::new().parse(&text(lines)).unwrap_or_else(|faults| panic!("{faults}"));
    config.routes.into_iter().next().expect("a route")
}

const ALLOW: &str = "jwt_fallback = \"allow\"\n[routes.rollout]\n";

#[test]
fn a_file_may_say_nothing_and_the_guard_watches_all_the_same() {
    let route = route("");
    assert_eq!(route.jwt_fallback, JwtFallback::Deny);
    let rollout = route.rollout;
    assert_eq!((rollout.percent, rollout.allow, rollout.deny, rollout.shadow), (None, None, None, false));
    assert_eq!((rollout.guard, rollout.watch.window.as_secs()), (OnFailures::RollBack, 60));
    assert_eq!((rollout.watch.threshold.get(), rollout.watch.minimum), (10, 50));
}

#[test]
fn people_are_those_of_the_only_issuer_or_of_the_one_that_is_named() {
    let rollout =
        route(&format!("{ALLOW}percent = 0\nallow = [\"ada\", \"auth0|1:2\"]\ndeny = \"main:main:eve\"")).rollout;
    let listed = |subject: &str| Listed { issuer: "main".to_owned(), subject: subject.to_owned() };
    assert_eq!(rollout.percent, Some(Percent::NONE));
    assert_eq!(rollout.allow, Some(vec![listed("ada"), listed("auth0|1:2")]));
    assert_eq!(rollout.deny, Some(vec![listed("main:eve")]));
    let second = "[[issuers]]\nname = \"other\"\nissuer = \"https://other.example.com\"\naudience = \"admitone\"\n\
                  algorithms = \"HS256\"\nsecret_file = \"issuer.key\"\n[[routes]]";
    let several = text(&format!("{ALLOW}allow = [\"ada\", \"other:ada\"]")).replace("[[routes]]", second);
    let faults = Folder::new().faults(&several);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("routes[0].rollout.allow[0]: the route has several issuers"), "{faults:?}");
    assert!(
        faults[0].ends_with("write the issuer's name and a colon before it; they are `main`, `other`"),
        "{faults:?}"
    );
}

#[test]
fn what_would_lock_people_out_is_refused_with_its_line_and_its_mend() {
    for (line, key) in [("percent = 99", "percent"), ("percent = 0", "percent"), ("deny = [\"ada\"]", "deny")] {
        let told = faults(&format!("jwt_fallback = \"deny\"\n[routes.rollout]\n{line}"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(&format!("a.toml:15:{}: routes[0].rollout.{key}: ", key.len() + 4)), "{told:?}");
        assert!(told[0].contains("who gets no ticket could not connect at all"), "{told:?}");
        assert!(told[0].contains("set jwt_fallback to `warn` or `allow` on this route"), "{told:?}");
        assert_eq!(route(&format!("{ALLOW}{line}")).jwt_fallback, JwtFallback::Allow);
    }
    route("jwt_fallback = \"deny\"\n[routes.rollout]\npercent = 100\ndeny = []\nallow = [\"ada\"]");
    let told = faults("[routes.rollout]\nshadow = true");
    assert!(told[0].contains("routes[0].rollout.shadow: this route lets no JWT in"), "{told:?}");
}

#[test]
fn each_value_has_its_limits() {
    for (line, problem) in [
        ("percent = 101", "percent: 101 is not a whole number from 0 to 100"),
        ("percent = -1", "percent: -1 is not a whole number from 0 to 100"),
        ("percent = 2.5", "percent: a float value is not a whole number from 0 to 100"),
        ("guard_threshold_percent = 0", "guard_threshold_percent: 0 is not a whole number from 1 to 100"),
        ("guard_window_seconds = 601", "guard_window_seconds: 601 is not a whole number from 1 to 600"),
        ("guard_minimum = 0", "guard_minimum: 0 is not a whole number from 1 to 1000000"),
        ("guard = \"on\"", "guard: `on` is not a choice"),
        ("allow = [\"ada\", \"main:ada\"]", "allow[1]: `main:ada` is named twice"),
        ("allow = [\"a b\"]", "allow[0]: `a b` is no subject"),
        ("allow = [\"ada\"]\ndeny = [\"ada\"]", "deny: `ada` is on the list `allow` too"),
        ("percentage = 1", "percentage: there is no such key"),
    ] {
        let told = faults(&format!("{ALLOW}{line}"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(&format!("routes[0].rollout.{problem}")), "{problem}: {told:?}");
    }
    let many: Vec<String> = (0..1001).map(|number| format!("\"{number}\"")).collect();
    let told = faults(&format!("{ALLOW}allow = [{}]", many.join(",")));
    assert!(told[0].contains("1001 people are listed; list at most 1000"), "{told:?}");
}
