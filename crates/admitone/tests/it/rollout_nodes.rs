//! What a node knows of the rules, and what it tells the store.

use std::sync::Arc;

use admitone::rollout::{By, ChangeError, Edit, People, Person, Said, Settings as _};
use tokio::time::timeout;

use crate::rollout::{EDIT, WATCH, at, fail, is_on, percent, principal, set, share, two};
use crate::world::{ISSUER, ROUTE, keys, now, seconds};

#[tokio::test]
async fn a_node_asks_for_a_standing_only_where_it_decides() {
    let (_, node, _) = two();
    let (ada, keys) = (principal(ISSUER, "ada"), keys());
    let counts = || node.are_on_for(ROUTE, &ada, || keys.standing(ISSUER, "ada"));
    let is_on_for_all = || node.are_on_for(ROUTE, &ada, || panic!("nobody's standing decides"));
    assert!(is_on_for_all(), "without a rule");
    for share in [100, 0, 50] {
        set(&node, share, now()).await;
        assert_eq!(counts(), is_on(&at(share), &ada, &keys), "{share}");
    }
    set(&node, 100, now()).await;
    assert!(is_on_for_all());
}

#[tokio::test]
async fn what_works_is_counted_beside_what_fails() {
    let (_, node, _) = two();
    let now = now();
    assert_eq!(node.seen(ROUTE, WATCH.window, now).worked, 0);
    node.worked(ROUTE, now);
    node.worked("/other", now);
    assert_eq!(fail(&node, 1, now), None);
    let seen = node.seen(ROUTE, WATCH.window, now);
    assert_eq!((seen.worked, seen.failed), (1, 1));
    set(&node, 50, now).await;
    assert_eq!(node.seen(ROUTE, WATCH.window, now).failed, 1, "where no guard has acted, a change answers none");
}

#[tokio::test]
async fn what_is_told_late_is_the_next_revision_of_the_rule_and_of_the_document() {
    let (store, one, other) = two();
    let now = now();
    set(&one, 50, now).await;
    other.load().await.expect("a store");
    store.is_away(true);
    set(&one, 10, now.after(seconds(10))).await;
    store.is_away(false);
    set(&other, 20, now.after(seconds(5))).await;
    one.load().await.expect("a store");
    let told = one.of(ROUTE).expect("a setting");
    assert_eq!((told.rollout.percent.get(), told.revision), (10, 3), "past the one that it prevails over");
    let kept = store.read().await.expect("a store");
    assert_eq!((kept.revision, kept.routes.get(ROUTE)), (3, Some(&*told)));
    other.load().await.expect("a store");
    assert_eq!((share(&other), other.of(ROUTE)), (10, Some(told)));
}

#[tokio::test]
async fn of_two_changes_at_the_same_time_the_one_that_is_kept_counts() {
    let (store, one, other) = two();
    let now = now();
    set(&one, 50, now).await;
    other.load().await.expect("a store");
    store.is_away(true);
    set(&one, 10, now.after(seconds(10))).await;
    store.is_away(false);
    set(&other, 20, now.after(seconds(10))).await;
    one.load().await.expect("a store");
    assert_eq!((share(&one), share(&other)), (20, 20));
}

#[tokio::test]
async fn what_configurations_have_said_adds_up() {
    let (_, node, _) = two();
    let [ada, bob] = ["ada", "bob"].map(|subject| People::from(vec![Person::new(ISSUER, subject)]));
    let heard = async |said: Said| {
        let edit = Edit { by: By::File, said, ..EDIT };
        node.change(&edit, now(), |_| {}).await.expect("a change").file.clone()
    };
    let first = Said { percent: Some(percent(25)), allow: Some(ada.clone()), deny: None };
    assert_eq!(heard(first.clone()).await, first);
    let second = heard(Said { percent: Some(percent(50)), deny: Some(bob.clone()), ..Said::default() }).await;
    assert_eq!(second, Said { percent: Some(percent(50)), allow: Some(ada), deny: Some(bob) });
}

#[tokio::test(start_paused = true)]
async fn a_follower_asks_again_while_there_is_something_to_tell_and_only_then() {
    let (store, node, _) = two();
    store.is_away(true);
    set(&node, 50, now()).await;
    let (node, followed) = (Arc::new(node), store.clone());
    let following = node.clone();
    tokio::spawn(async move { following.follow(|_, _| {}).await });
    tokio::time::sleep(seconds(10)).await;
    let asked = followed.reads();
    assert!((30..=60).contains(&asked), "{asked} times in ten seconds");
    followed.is_away(false);
    timeout(seconds(1), async {
        while !node.is_kept(ROUTE) {
            tokio::time::sleep(seconds(1) / 20).await;
        }
    })
    .await
    .expect("told when the store is back");
    let asked = followed.reads();
    tokio::time::sleep(seconds(3600)).await;
    assert_eq!(followed.reads(), asked, "there is nothing to tell");
    followed.is_away(true);
    set(&node, 60, now().after(seconds(1))).await;
    let asked = followed.reads();
    tokio::time::sleep(seconds(10)).await;
    assert!(followed.reads() >= asked + 30, "there is again");
}

#[tokio::test]
async fn lists_have_room_for_so_many_and_no_more() {
    let (_, node, _) = two();
    let many = |number: usize| -> People {
        (0..number).map(|number| Person::new(ISSUER, &number.to_string())).collect::<Vec<_>>().into()
    };
    let list = async |number: usize| node.change(&EDIT, now(), |rollout| rollout.allow = many(number)).await;
    assert_eq!(list(People::MOST).await.map(|setting| setting.rollout.allow.len()), Ok(People::MOST));
    assert_eq!(list(People::MOST + 1).await.err(), Some(ChangeError::TooMany(People::MOST + 1)));
    let listed: Vec<Person> = many(3).into();
    assert_eq!(listed, (&many(3)).into_iter().cloned().collect::<Vec<_>>());
    assert_eq!(listed, ["0", "1", "2"].map(|subject| Person::new(ISSUER, subject)));
}

#[test]
fn who_changed_a_rule_has_one_word_everywhere() {
    for (by, word) in [(By::File, "file"), (By::Admin, "admin"), (By::Guard, "guard")] {
        assert_eq!((by.name(), serde_json::to_value(by).expect("a word")), (word, word.into()));
    }
}

#[test]
fn a_configuration_that_names_one_value_says_something() {
    assert!(!Said::default().is_something());
    for said in [
        Said { percent: Some(percent(100)), ..Said::default() },
        Said { allow: Some(People::default()), ..Said::default() },
        Said { deny: Some(People::default()), ..Said::default() },
    ] {
        assert!(said.is_something(), "{said:?}");
    }
}
