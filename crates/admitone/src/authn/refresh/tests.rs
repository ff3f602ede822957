use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn fetched_at(now: Instant, max_age: Option<Duration>) -> Refresh {
    let mut refresh = Refresh::new(RefreshLimits::default(), now);
    assert_eq!(refresh.poll(now), Next::Fetch);
    refresh.fetched(max_age, now);
    refresh
}

#[test]
fn at_first_there_is_nothing_and_one_fetch() {
    let now = Instant::now();
    let mut refresh = Refresh::new(RefreshLimits::default(), now);
    assert!(!refresh.is_usable(now));
    assert_eq!(refresh.poll(now), Next::Fetch);
    assert_eq!(refresh.poll(now), Next::Fetching);
    assert_eq!(refresh.missed(now), Missed::Await, "whoever misses something waits for the same fetch");
    refresh.fetched(None, now);
    assert!(refresh.is_usable(now));
}

#[test]
fn a_source_says_how_long_its_document_is_fresh_within_bounds() {
    for (max_age, due) in [
        (None, HOUR),
        (Some(Duration::ZERO), 5 * MINUTE),
        (Some(20 * MINUTE), 20 * MINUTE),
        (Some(1000 * HOUR), 24 * HOUR),
    ] {
        let now = Instant::now();
        let mut refresh = fetched_at(now, max_age);
        assert_eq!(refresh.poll(now + due - SECOND), Next::Wait(now + due), "{max_age:?}");
        assert_eq!(refresh.poll(now + due), Next::Fetch, "{max_age:?}");
    }
}

#[test]
fn f14_it_says_until_when_a_document_counts_and_how_often_none_came() {
    let start = Instant::now();
    let mut refresh = Refresh::new(RefreshLimits::default(), start);
    assert_eq!((refresh.usable_until(), refresh.failures()), (None, 0));
    for failures in 1..=3 {
        refresh.failed(start);
        assert_eq!((refresh.usable_until(), refresh.failures()), (None, failures));
    }
    refresh.fetched(Some(5 * MINUTE), start);
    let until = start + 5 * MINUTE + HOUR;
    assert_eq!((refresh.usable_until(), refresh.failures()), (Some(until), 0));
    assert!(refresh.is_usable(until - SECOND) && !refresh.is_usable(until));
}

#[test]
fn f14_the_last_good_one_counts_for_an_hour_while_its_source_is_down() {
    let start = Instant::now();
    let mut refresh = fetched_at(start, Some(5 * MINUTE));
    let mut now = start + 5 * MINUTE;
    let mut fetches = 0;
    while now < start + 2 * HOUR {
        match refresh.poll(now) {
            Next::Fetch => {
                fetches += 1;
                refresh.failed(now);
            }
            Next::Wait(until) => now = until,
            Next::Fetching => panic!("nobody fetches"),
        }
        assert_eq!(refresh.is_usable(now), now < start + 5 * MINUTE + HOUR, "after {:?}", now - start);
    }
    // 1, 2, 4, 8, 16 and then 30 seconds apart.
    assert!((228..=236).contains(&fetches), "{fetches} fetches in 115 minutes");
    refresh.fetched(None, now);
    assert!(refresh.is_usable(now));
    assert_eq!(refresh.failures(), 0);
}

#[test]
fn f15_what_is_missing_causes_one_fetch_in_thirty_seconds() {
    let start = Instant::now();
    let mut refresh = fetched_at(start, None);
    let mut fetches = 0;
    for tenths in 0..3000 {
        let now = start + Duration::from_millis(tenths * 100);
        refresh.missed(now);
        if refresh.poll(now) == Next::Fetch {
            fetches += 1;
            refresh.fetched(None, now);
        }
    }
    assert_eq!(fetches, 10, "in five minutes");
    let now = start + 320 * SECOND;
    assert_eq!(refresh.missed(now - 20 * SECOND), Missed::Await);
    assert_eq!(refresh.poll(now), Next::Fetch);
    refresh.fetched(None, now);
    assert_eq!(refresh.missed(now), Missed::Absent);
}

#[test]
fn f14_a_source_that_is_down_is_not_asked_more_often_for_what_is_missing() {
    let start = Instant::now();
    let mut refresh = fetched_at(start, None);
    let now = start + MINUTE;
    assert_eq!(refresh.missed(now), Missed::Await);
    assert_eq!(refresh.poll(now), Next::Fetch);
    refresh.failed(now);
    assert_eq!(refresh.missed(now + SECOND), Missed::Absent);
    assert!(refresh.is_usable(now), "a fetch that fails takes nothing away");
}
