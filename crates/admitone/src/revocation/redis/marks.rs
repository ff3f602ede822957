//! Writes marks where redemptions read them.

use std::time::Duration;

use tokio::task::JoinSet;

use super::Shared;
use crate::revocation::Revocation;
use crate::store::redis::{Fault, MARK, mark};

/// The largest number that the scripts' arithmetic keeps whole: covers every login.
const EVERY_LOGIN: u64 = (1 << 53) - 1;

/// Writes the marks of a revocation; one whose subject is unknown is wide, unless all that it covers is in `only`.
pub(super) async fn write(
    shared: &Shared,
    only: Option<u8>,
    revocation: &Revocation,
    life: Duration,
) -> Result<(), Fault> {
    let names = &shared.servers.names;
    let (name, bucket, until) = match revocation {
        Revocation::Session(id) => (mark::session(id), Some(id.bucket()), EVERY_LOGIN),
        Revocation::Subject { issuer, subject, until } => {
            let tag = (shared.tag_of)(issuer, subject);
            (mark::subject(tag), Some(tag.bucket()), *until)
        }
        Revocation::Sid { issuer, sid } => (mark::sid(issuer, sid), None, EVERY_LOGIN),
        Revocation::Jti { issuer, jti } => (mark::jti(issuer, jti), None, EVERY_LOGIN),
        Revocation::Everything { until } => (mark::EVERYTHING.to_owned(), None, *until),
    };
    let only = only.filter(|_| !matches!(revocation, Revocation::Everything { .. }));
    let numbers = [until.min(EVERY_LOGIN).to_string(), life.as_secs().max(1).to_string()];
    match bucket {
        Some(bucket) => write_one(&shared.servers, bucket, &format!("{}{name}", names.marks(bucket)), &numbers).await,
        None => write_wide(shared, only, &name, &numbers).await,
    }
}

async fn write_wide(shared: &Shared, only: Option<u8>, name: &str, numbers: &[String; 2]) -> Result<(), Fault> {
    let mut writing = JoinSet::new();
    let all = shared.servers.names.wide_buckets();
    let buckets = only.filter(|only| all.contains(only)).map_or(all, |only| only..=only);
    for bucket in buckets {
        let key = format!("{}{name}", shared.servers.names.wide_marks(bucket));
        let (servers, numbers) = (shared.servers.clone(), numbers.clone());
        writing.spawn(async move { write_one(&servers, bucket, &key, &numbers).await });
    }
    while let Some(written) = writing.join_next().await {
        written.unwrap_or(Err(Fault::Down))?;
    }
    Ok(())
}

async fn write_one(
    servers: &crate::store::redis::Servers,
    bucket: u8,
    key: &str,
    [until, life]: &[String; 2],
) -> Result<(), Fault> {
    servers.run(bucket, &MARK, &[key], &[until.as_bytes(), life.as_bytes()]).await.map(drop)
}
