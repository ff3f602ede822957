//! Who gets tickets, changed by operators.

use std::collections::BTreeSet;

use admitone::rollout::Percent;
use serde_json::{Value, json};

use crate::admin::Operated;
use crate::client::{Answer, Request};
use crate::tokens::{ISSUER, LEGACY_ISSUER, ticket_keys, token};
use crate::upstream::Upstream;
use crate::world::{Lines, ORIGIN, ROUTE, World};

pub(crate) const FALLBACK: &str = "jwt_fallback = \"allow\"";

/// People with their tokens.
pub(crate) struct People(Vec<(String, String)>);

impl People {
    pub(crate) fn new(count: usize) -> Self {
        let subjects = (0..count).map(|number| format!("user-{number}"));
        Self(subjects.map(|subject| (token(&subject), subject)).map(|(token, subject)| (subject, token)).collect())
    }

    /// Those whom a percentage lets have tickets.
    pub(crate) fn within(&self, percent: u64) -> BTreeSet<&str> {
        let (keys, percent) = (ticket_keys(), Percent::new(percent).expect("a percentage"));
        let subjects = self.0.iter().map(|(subject, _)| subject.as_str());
        subjects.filter(|subject| keys.standing(ISSUER, subject).is_within(percent)).collect()
    }

    /// Somebody who is none of these, with their token.
    pub(crate) fn first_not(&self, these: BTreeSet<&str>) -> (&str, &str) {
        let found = self.0.iter().find(|(subject, _)| !these.contains(subject.as_str()));
        found.map(|(subject, token)| (subject.as_str(), token.as_str())).expect("somebody")
    }

    /// Those who get a ticket when they ask for one.
    pub(crate) async fn who_mint(&self, ask: impl AsyncFn(&str) -> Answer) -> BTreeSet<&str> {
        let mut on = BTreeSet::new();
        for (subject, token) in &self.0 {
            let answer = ask(token).await;
            match answer.status {
                201 => drop(on.insert(subject.as_str())),
                _ => assert_eq!((answer.status, &*answer.problem()), (404, "tickets_disabled")),
            }
        }
        on
    }
}

impl Operated {
    /// Changes the rollout of the only route.
    pub(crate) async fn roll_out(&self, change: Value) -> Value {
        let answer = self.post("/admin/api/rollout", &change).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The rollout of the only route.
    pub(crate) async fn rollout(&self) -> Value {
        self.get("/admin/api/rollout").await.json()["routes"][0].clone()
    }
}

async fn operated(rollout: &str) -> Operated {
    let route = format!("{FALLBACK}\n[routes.rollout]\n{rollout}");
    Operated::configured(Lines { route: &route, ..Lines::default() }).await
}

pub(crate) fn by_jwt(token: &str) -> Request {
    Request::upgrade(ROUTE).origin(ORIGIN).bearer(token)
}

#[tokio::test]
async fn f25_from_0_to_100_and_back_by_operators_it_is_stable_monotone_and_counted() {
    let operated = operated("percent = 0").await;
    let people = People::new(40);
    let ask = async |token: &str| operated.world.ask_for_ticket(token, "{}").await;
    assert!(people.who_mint(ask).await.is_empty());
    let (mut before, mut tickets) = (BTreeSet::new(), 0);
    for percent in [5, 25, 60, 100] {
        let answer = operated.roll_out(json!({ "percent": percent })).await;
        assert_eq!(
            (&answer["percent"], &answer["kept"], &answer["changed"]["by"]),
            (&json!(percent), &json!(true), &json!("admin"))
        );
        let on = people.who_mint(ask).await;
        assert!(on.is_superset(&before), "raising it to {percent} % turns nobody off");
        assert_eq!(on, people.who_mint(ask).await, "asking again changes nothing");
        assert_eq!(on, people.within(percent));
        tickets += 2 * on.len();
        before = on;
    }
    assert_eq!(before.len(), 40);
    for percent in [60, 25, 5, 0] {
        operated.roll_out(json!({ "percent": percent })).await;
        let on = people.who_mint(ask).await;
        assert_eq!(on, people.within(percent), "the same people as on the way up");
        tickets += on.len();
    }
    let decided = async |decision: &str| {
        operated.metric(&format!("admitone_rollout_decisions_total{{route=\"/chat\",decision=\"{decision}\"}}")).await
    };
    assert_eq!((decided("ticket").await, decided("fallback").await), (tickets as f64, (40 * 13 - tickets) as f64));
    assert_eq!(operated.metric("admitone_rollout_percent{route=\"/chat\"}").await, 0.0);
}

#[tokio::test]
async fn who_gets_no_ticket_connects_with_the_jwt_and_tickets_that_were_minted_still_open() {
    let operated = operated("").await;
    let (ada, world) = (token("ada"), &operated.world);
    let ticket = world.ticket_for(&ada).await;
    operated.roll_out(json!({ "percent": 0 })).await;
    let answer = world.ask_for_ticket(&ada, "{}").await;
    assert_eq!((answer.status, &*answer.problem()), (404, "tickets_disabled"));
    world.opens(&ticket).await;
    let (answer, mut socket) = world.present(by_jwt(&ada)).await;
    assert_eq!(answer.status, 101);
    socket.echo("by JWT").await;
    for (method, carrier) in [("ticket", "subprotocol"), ("jwt", "authorization")] {
        let sample = format!("admitone_admissions_total{{route=\"/chat\",method=\"{method}\",carrier=\"{carrier}\"}}");
        assert_eq!(operated.metric(&sample).await, 1.0, "{method}");
    }
}

/// What a login may not do is said first: it would not get in with the JWT either.
#[tokio::test]
async fn a_mint_that_is_wrong_is_refused_for_that_even_where_tickets_are_off() {
    let operated = operated("percent = 0").await;
    let ask = async |token: &str, body: &str| operated.world.ask_for_ticket(token, body).await.status;
    assert_eq!(ask("nonsense", "{}").await, 401);
    assert_eq!(ask(&token("ada"), "{\"ttl_seconds\": 1}").await, 422);
    assert_eq!(ask(&token("ada"), "{\"permissions\": [\"admin\"]}").await, 403);
    assert_eq!(ask(&token("ada"), "{}").await, 404);
}

#[tokio::test]
async fn s12_lists_decide_about_people_whatever_the_percentage() {
    let operated = operated("percent = 0\nallow = [\"main:ada\"]").await;
    let people = People(["ada", "bob", "eve"].map(|name| (name.to_owned(), token(name))).into());
    let ask = async |token: &str| operated.world.ask_for_ticket(token, "{}").await;
    assert_eq!(people.who_mint(ask).await, BTreeSet::from(["ada"]));
    let namesake = crate::tokens::legacy_token("ada");
    assert_eq!(ask(&namesake).await.status, 404, "of another issuer");
    operated.roll_out(json!({ "percent": 100, "deny": ["ada", "bob"], "issuer": ISSUER })).await;
    assert_eq!(people.who_mint(ask).await, BTreeSet::from(["eve"]));
    let answer = operated.roll_out(json!({ "unlist": "ada", "allow": "bob", "issuer": ISSUER })).await;
    assert_eq!(people.who_mint(ask).await.len(), 3);
    assert_eq!(answer["allow"], json!([{ "issuer": ISSUER, "subject": "bob" }]));
    assert_eq!((&answer["deny"], &answer["revision"]), (&json!([]), &json!(3)));
}

#[tokio::test]
async fn a_change_that_says_too_little_or_too_much_is_refused_with_its_mend() {
    let operated = operated("percent = 10").await;
    for (body, field, detail) in [
        (json!({}), "percent", "at least one of percent, allow, deny and unlist is needed".to_owned()),
        (json!({ "percent": 101 }), "percent", "a whole number from 0 to 100 is needed".to_owned()),
        (json!({ "percent": -1 }), "percent", "a whole number from 0 to 100 is needed".to_owned()),
        (json!({ "percent": 2.5 }), "percent", "a whole number from 0 to 100 is needed".to_owned()),
        (json!({ "percent": "25" }), "percent", "a whole number from 0 to 100 is needed".to_owned()),
        (json!({ "percent": 5, "route": "/nowhere" }), "route", "no such route; there are /chat".to_owned()),
        (json!({ "allow": [] }), "allow", "a list of strings is needed".to_owned()),
        (json!({ "allow": [1] }), "allow", "a list of strings is needed".to_owned()),
        (json!({ "allow": "ada" }), "issuer", format!("needed, since there are several: {ISSUER}, {LEGACY_ISSUER}")),
        (json!({ "allow": "a b", "issuer": ISSUER }), "allow", "the subject must be 1 to 512 visible".to_owned()),
        (json!({ "allow": "a", "deny": "a", "issuer": ISSUER }), "allow", "a is named twice among".to_owned()),
        (json!({ "percent": 5, "issuer": ISSUER }), "issuer", "it counts with allow, deny or unlist".to_owned()),
        (json!({ "percentage": 5 }), "percentage", "no such field; there are route, percent".to_owned()),
    ] {
        let answer = operated.post("/admin/api/rollout", &body).await;
        assert_eq!((answer.status, &*answer.problem()), (422, "invalid_body"), "{body}");
        let fault = &answer.json()["errors"][0];
        assert_eq!(fault["field"], field, "{body}");
        assert!(fault["detail"].as_str().is_some_and(|told| told.starts_with(&detail)), "{fault}");
    }
    assert_eq!(operated.rollout().await["percent"], 10);
}

#[tokio::test]
async fn where_no_jwt_is_let_in_nobody_is_left_out() {
    let operated = Operated::new().await;
    for (change, field) in [
        (json!({ "percent": 99 }), "percent"),
        (json!({ "percent": 0 }), "percent"),
        (json!({ "deny": ["ada"], "issuer": ISSUER }), "deny"),
    ] {
        let answer = operated.post("/admin/api/rollout", &change).await;
        assert_eq!(answer.status, 422, "{change}");
        let fault = &answer.json()["errors"][0];
        assert_eq!(fault["field"], field);
        let detail = fault["detail"].as_str().expect("a detail");
        assert!(detail.contains("jwt_fallback") && detail.contains("\"warn\" or \"allow\""), "{detail}");
    }
    let answer = operated.roll_out(json!({ "percent": 100, "allow": ["ada"], "issuer": ISSUER })).await;
    assert_eq!(answer["jwt_fallback"], "deny");
}

#[tokio::test]
async fn the_rollout_is_for_operators_alone() {
    let operated = Operated::new().await;
    for start in ["GET /admin/api/rollout", "POST /admin/api/rollout"] {
        assert_eq!(operated.ask(operated.request(start)).await.status, 401, "{start}");
        assert_eq!(operated.world.ask(Request::new(start)).await.status, 404, "not on the public listener");
        let elsewhere = operated.request(start).bearer(crate::tokens::ADMIN_SECRET).origin("https://evil.example");
        assert_eq!(operated.ask(elsewhere).await.status, 403, "{start}");
    }
}

#[tokio::test]
async fn what_there_is_to_know_of_a_rollout_is_told() {
    let rollout = "percent = 25\nguard_window_seconds = 30\nguard_threshold_percent = 5\nguard_minimum = 7";
    let operated = operated(rollout).await;
    let told = operated.rollout().await;
    let node = operated.get("/admin/api/rollout").await.json()["node"].clone();
    let changed = &told["changed"];
    assert_eq!((&changed["by"], &changed["node"]), (&json!("file"), &node), "{told}");
    let mut rest = told.clone();
    rest.as_object_mut().expect("an object").remove("changed");
    assert_eq!(
        rest,
        json!({
            "route": "/chat", "percent": 25, "allow": [], "deny": [], "revision": 1, "kept": true,
            "jwt_fallback": "allow", "shadow": false,
            "guard": {
                "action": "roll_back", "window_seconds": 30, "threshold_percent": 5, "minimum": 7,
                "worked": 0, "failed": 0, "tripped": null,
            },
        })
    );
}

/// Tickets that are refused for what a client did are no failures of ours, and forged ones are not counted at all.
#[tokio::test]
async fn only_what_worked_or_failed_by_our_fault_is_counted() {
    let operated = Operated::new().await;
    let world = &operated.world;
    let ticket = world.ticket().await;
    world.opens(&ticket).await;
    world.does_not_open(&ticket).await;
    world.does_not_open(&format!("adm1_{}", "A".repeat(72))).await;
    assert_eq!(world.ask_for_ticket("nonsense", "{}").await.status, 401);
    let guard = operated.rollout().await["guard"].clone();
    assert_eq!((&guard["worked"], &guard["failed"]), (&json!(2), &json!(0)), "a mint and a redemption");
}

/// Whatever the default: a route that nobody has said anything about mints for everybody.
#[tokio::test]
async fn without_a_word_about_it_everybody_gets_tickets() {
    let upstream = Upstream::echo().await;
    let world = World::before(&upstream.url()).await;
    let people = People::new(20);
    let on = people.who_mint(async |token: &str| world.ask_for_ticket(token, "{}").await).await;
    assert_eq!(on.len(), 20);
}
