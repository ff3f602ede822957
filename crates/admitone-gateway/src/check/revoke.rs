use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::asking::Asking;
use super::mint::Minted;
use super::socket::{Ended, Socket};
use super::{Done, Trouble, diagnosis, opened};

/// Within this the Close has to come.
const PROMISE: Duration = Duration::from_secs(1);

/// How long it is waited for, so that a late one is told from none.
const LIMIT: Duration = Duration::from_secs(5);

/// How long it takes to see that a socket has ended already.
const GLANCE: Duration = Duration::from_millis(20);

/// Ends the session as its owner, and sees its live socket close. The login stays.
pub(super) async fn revoke(asking: &Asking<'_>, minted: Minted, mut socket: Socket) -> Result<Done<()>, Trouble> {
    // A route may close what a replayed ticket has opened: then another one is revoked.
    let (minted, mut socket) = match timeout(GLANCE, socket.ended()).await {
        Ok(_) => opened(asking).await?,
        Err(_) => (minted, socket),
    };
    let path = format!("/auth/session/{}", minted.session_id);
    let answer = asking.delete(&path).await?;
    if answer.status != 204 {
        let (found, code) = diagnosis::problem(&answer);
        return Err(match &*code {
            "" => diagnosis::elsewhere("/auth/session/…", &answer),
            _ => diagnosis::by_code(found, &code),
        });
    }
    let told = Instant::now();
    let ended = timeout(LIMIT, socket.ended()).await;
    let after = told.elapsed();
    match ended {
        Ok(ended) if ended.name() == Some("revoked") && after <= PROMISE => {
            let detail = format!("{ended}, {} ms after it was told", after.as_millis());
            Ok(Done { detail, notes: Vec::new(), value: () })
        }
        Ok(ended) if ended.name() == Some("revoked") => Err(Trouble::new(
            format!("{ended}, but {} ms after it was told", after.as_millis()),
            "the node that holds the socket heard of it late",
            "look at admitone_mirror_age_seconds and the store's latency on every node",
        )),
        Ok(Ended::Cut(why)) => Err(Trouble::new(
            format!("cut: {why}"),
            "something between cut the socket before its Close came through",
            "have the proxy pass the last bytes on before it hangs up",
        )),
        Ok(ended) => Err(Trouble::new(
            ended.to_string(),
            "another end came first, or something in between rewrites the Close",
            "look at the gateway's audit line session_ended of this session",
        )),
        Err(_) => Err(Trouble::new(
            format!("still open {} s later", LIMIT.as_secs()),
            "the node that holds the socket does not hear of revocations",
            "give all gateways one store, and look at admitone_mirror_age_seconds on every node",
        )),
    }
}
