use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::asking::Asking;
use super::diagnosis;
use super::mint::{self, Minted};
use super::socket::{self, Opening, Socket};
use super::{Done, Trouble, replies};

/// How long a Close may take behind a 101.
const CLOSE: Duration = Duration::from_secs(5);

/// The ticket admits, and what is said is answered.
pub(super) async fn admit(asking: &Asking<'_>, minted: &Minted) -> Result<Done<Socket>, Trouble> {
    let began = Instant::now();
    let mut socket = open(asking, minted).await?;
    let handshake = began.elapsed().as_millis();
    let answered = replies::converse(&mut socket, &asking.target.talk).await?;
    Ok(Done { detail: format!("101 after {handshake} ms; {answered}"), notes: Vec::new(), value: socket })
}

/// A fresh ticket's socket.
pub(super) async fn open(asking: &Asking<'_>, minted: &Minted) -> Result<Socket, Trouble> {
    let origin = asking.target.origin.as_deref();
    match present(asking, minted, &["admitone.v1"], origin).await? {
        Opening::Switched(socket) if socket.selected.is_none() => Err(Trouble::new(
            "a 101 without Sec-WebSocket-Protocol",
            "something before the gateway takes Sec-WebSocket-Protocol out of the answer: browsers abort",
            "have it pass that header on, in both directions",
        )),
        Opening::Switched(socket) => Ok(socket),
        Opening::Answered(answer) => {
            let (found, code) = diagnosis::problem(&answer);
            match &*code {
                "ticket_not_accepted" => Err(not_accepted(asking, found).await),
                _ => Err(diagnosis::not_opened(asking, &answer, found, &code)),
            }
        }
    }
}

/// Presents a ticket, beside the application's subprotocols and these markers.
async fn present(
    asking: &Asking<'_>,
    minted: &Minted,
    markers: &[&str],
    origin: Option<&str>,
) -> Result<Opening, Trouble> {
    let carrier = zeroize::Zeroizing::new(format!("admitone.ticket.{}", *minted.ticket));
    let protocols = asking.target.protocols.iter().map(String::as_str);
    let offers: Vec<&str> = protocols.chain(markers.iter().copied()).chain([carrier.as_str()]).collect();
    socket::open(asking, &offers, origin).await
}

/// Why a fresh ticket was not accepted: another one tells, minted and presented without an origin.
async fn not_accepted(asking: &Asking<'_>, found: String) -> Trouble {
    if asking.target.origin.is_some()
        && let Ok(minted) = mint::mint_from(asking, None).await
        && let Ok(Opening::Switched(socket)) = present(asking, &minted.value, &["admitone.v1"], None).await
    {
        socket.leave().await;
        return Trouble::new(
            found,
            "a ticket without an origin is accepted: something drops or changes Origin on the upgrade or on the mint",
            "have the proxy pass Origin on as it is, for both (nginx: no proxy_set_header Origin)",
        );
    }
    let several = asking.gateways() > 1;
    if several && asking.has_memory_store() {
        return Trouble::new(
            found,
            "several gateways answer, and each keeps its tickets in its own memory",
            "give them one Redis ([store] kind = \"redis\"), or run one gateway",
        );
    }
    let cause = match several {
        true => "several gateways answer, and the one that was asked does not know the ticket of the other",
        false => "the gateway that was asked did not mint it, or its route or the client's address differs there",
    };
    Trouble::new(
        found,
        cause,
        "give all gateways the same [[tickets.keys]], tag_secret_file and store, and the same clock; the log's line `refused` has the cause",
    )
}

/// The same ticket again is refused: it was spent.
pub(super) async fn refuse(asking: &Asking<'_>, minted: &Minted) -> Result<Done<()>, Trouble> {
    let opening =
        present(asking, minted, &["admitone.v1", "admitone.refused"], asking.target.origin.as_deref()).await?;
    let detail = match opening {
        Opening::Answered(answer) => {
            let (found, code) = diagnosis::problem(&answer);
            if code != "ticket_not_accepted" {
                return Err(diagnosis::not_opened(asking, &answer, found, &code));
            }
            found
        }
        Opening::Switched(mut socket) => {
            let ended = timeout(CLOSE, socket.ended()).await;
            match ended {
                Ok(ended) if ended.name() == Some("ticket_not_accepted") => format!("{ended}, as a browser reads it"),
                Ok(ended) => return Err(admitted_twice(&ended.to_string())),
                Err(_) => return Err(admitted_twice("it stays open")),
            }
        }
    };
    Ok(Done { detail, notes: Vec::new(), value: () })
}

fn admitted_twice(found: &str) -> Trouble {
    Trouble::new(
        format!("the spent ticket opened another socket: {found}"),
        "it was redeemed on two gateways that do not share a store, or the route allows several uses",
        "look at max_uses of the route, and give all gateways one Redis",
    )
}
