//! What directories promise: one suite, run on each implementation, which is a function that makes a fresh one.

use std::sync::Arc;

use admitone::grant::SessionId;
use admitone::store::directory::{Directory, Lease};
use admitone::store::memory::MemoryDirectory;
use tokio::task::JoinSet;

use crate::world::{ISSUER, keys, now};

macro_rules! every_directory {
    ($fresh:path) => {
        $crate::directory_contract::every_directory! { $fresh:
            of_concurrent_claims_as_many_win_as_there_are_places
            a_released_place_is_free_again
            the_places_of_one_subject_are_no_others
        }
    };
    ($fresh:path: $($name:ident)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::directory_contract::$name($fresh().await).await;
        }
    )* };
}

pub(crate) use every_directory;

#[allow(dead_code, reason = "each suite uses its own")]
mod memory {
    super::every_directory!(super::in_memory);
}

async fn in_memory() -> Arc<dyn Directory> {
    Arc::new(MemoryDirectory::default())
}

/// A session of a subject's, with a number of its own.
pub(crate) fn lease(subject: &str, number: u64) -> Lease {
    let tag = keys().subject_tag(ISSUER, subject);
    let mut rest = [0; 16];
    rest[..8].copy_from_slice(&number.to_be_bytes());
    Lease { session: SessionId::new(tag.bucket(), rest), subject: tag, deadline: now().unix + 600 }
}

async fn count(directory: &Arc<dyn Directory>, subject: &str) -> u32 {
    directory.count(lease(subject, 0).subject).await.expect("an answer")
}

async fn claims(directory: &Arc<dyn Directory>, lease: &Lease, most: u32) -> bool {
    directory.claim(lease, most).await.expect("an answer")
}

pub(crate) async fn of_concurrent_claims_as_many_win_as_there_are_places(directory: Arc<dyn Directory>) {
    let mut claiming = JoinSet::new();
    for number in 0..50 {
        let directory = directory.clone();
        claiming.spawn(async move { claims(&directory, &lease("ada", number), 5).await });
    }
    let won = claiming.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!((won, count(&directory, "ada").await), (5, 5));
}

pub(crate) async fn a_released_place_is_free_again(directory: Arc<dyn Directory>) {
    let leases: Vec<Lease> = (0..3).map(|number| lease("ada", number)).collect();
    for lease in &leases {
        assert!(claims(&directory, lease, 3).await);
    }
    assert!(!claims(&directory, &lease("ada", 3), 3).await);
    directory.release(&leases[..2]).await.expect("an answer");
    directory.release(&leases[..1]).await.expect("to repeat it is safe");
    assert_eq!(count(&directory, "ada").await, 1);
    assert!(claims(&directory, &lease("ada", 4), 3).await);
    assert!(claims(&directory, &lease("ada", 5), 3).await);
    assert!(!claims(&directory, &lease("ada", 6), 3).await);
}

pub(crate) async fn the_places_of_one_subject_are_no_others(directory: Arc<dyn Directory>) {
    for subject in ["ada", "grace"] {
        assert!(claims(&directory, &lease(subject, 1), 1).await);
        assert!(!claims(&directory, &lease(subject, 2), 1).await);
        assert_eq!(count(&directory, subject).await, 1);
    }
    directory.release(&[lease("ada", 1)]).await.expect("an answer");
    assert_eq!((count(&directory, "ada").await, count(&directory, "grace").await), (0, 1));
}
