//! What settings promise: one suite, run on each implementation, which is a function that makes a fresh one.

use std::sync::Arc;
use std::time::Duration;

use admitone::revocation::Cursor;
use admitone::rollout::{Document, MemorySettings, Percent, Rollout, Setting, Settings};
use tokio::task::JoinSet;

macro_rules! every_settings {
    ($fresh:path) => {
        $crate::settings_contract::every_settings! { $fresh:
            what_was_never_set_is_empty
            of_concurrent_changes_of_one_document_one_counts
            a_document_comes_back_as_it_was
            a_change_is_heard
        }
    };
    ($fresh:path: $($name:ident)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            crate::settings_contract::$name($fresh().await).await;
        }
    )* };
}

pub(crate) use every_settings;

#[allow(dead_code, reason = "each suite uses its own")]
mod memory {
    super::every_settings!(super::in_memory);
}

async fn in_memory() -> Arc<dyn Settings> {
    Arc::new(MemorySettings::default())
}

/// A document in which so many people get tickets.
fn document(revision: u64, percent: u64) -> Document {
    let rollout = Rollout { percent: Percent::new(percent).expect("a percentage"), ..Rollout::default() };
    let setting = Setting { rollout, revision, at: 1_800_000_000, node: "one".into(), ..Setting::default() };
    Document { revision, routes: [("/chat".into(), setting)].into() }
}

pub(crate) async fn what_was_never_set_is_empty(settings: Arc<dyn Settings>) {
    assert_eq!(settings.read().await.expect("an answer"), Document::default());
}

pub(crate) async fn of_concurrent_changes_of_one_document_one_counts(settings: Arc<dyn Settings>) {
    for revision in 0..5 {
        let mut changing = JoinSet::new();
        for percent in 0..20 {
            let settings = settings.clone();
            changing.spawn(async move {
                let document = document(revision + 1, percent);
                settings.replace(revision, &document).await.expect("an answer").then_some(document)
            });
        }
        let counted: Vec<Document> = changing.join_all().await.into_iter().flatten().collect();
        assert_eq!(counted, [settings.read().await.expect("an answer")]);
    }
}

pub(crate) async fn a_document_comes_back_as_it_was(settings: Arc<dyn Settings>) {
    let kept = r#"{"revision":7,"routes":{"/chat":{"percent":25,"allow":[{"issuer":"https://id","subject":"ada"}],
        "deny":[{"issuer":"https://id","subject":"bob \u00e9"}],"revision":3,"by":"guard","at":1800000000,"node":"a:1",
        "trip":{"at":1800000000,"node":"a:1","worked":5,"failed":60,"before":25},"file":{"percent":10,"allow":[]}}}}"#;
    let document: Document = serde_json::from_str(kept).expect("a document");
    assert!(settings.replace(0, &document).await.expect("an answer"));
    assert!(!settings.replace(0, &Document::default()).await.expect("an answer"), "another revision is there");
    assert_eq!(settings.read().await.expect("an answer"), document);
}

pub(crate) async fn a_change_is_heard(settings: Arc<dyn Settings>) {
    // A second, and four that a busy machine may add.
    let heard = |cursor| tokio::time::timeout(Duration::from_secs(5), settings.changed(cursor));
    let mut cursor = Cursor::default();
    // What is heard at the beginning, a reconnection for instance, is none.
    while let Ok(next) = tokio::time::timeout(Duration::from_millis(50), settings.changed(cursor)).await {
        cursor = next;
    }
    for revision in 0..3 {
        assert!(settings.replace(revision, &document(revision + 1, 1)).await.expect("an answer"));
        cursor = heard(cursor).await.expect("heard within a second");
    }
}
