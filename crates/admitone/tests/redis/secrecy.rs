//! What a stolen copy of the server is good for: nothing.

use std::num::NonZeroU32;

use admitone::admission::Admission;
use admitone::now::Now;
use admitone::revocation::{Revocation, Revocations as _};
use admitone::ticket::Ticket;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::nodes::{self, Node};
use crate::servers::Server;
use crate::world::{LONG, chat, grant, keys, login, present};

/// Everything the server has, as it is on the disk.
fn copy_of(server: &Server) -> Vec<u8> {
    assert_eq!(server.cli(&["SAVE"]), "OK");
    std::fs::read(server.folder().join("dump.rdb")).expect("a snapshot")
}

fn holds(copy: &[u8], what: &[u8]) -> bool {
    copy.windows(what.len()).any(|window| window == what)
}

/// The ways in which bytes could be written.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let texts = [URL_SAFE_NO_PAD.encode(bytes), STANDARD_NO_PAD.encode(bytes), hex.to_uppercase(), hex];
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec()]).collect()
}

#[tokio::test]
async fn s4_a_copy_of_everything_in_the_server_holds_no_ticket_and_no_mac() {
    let server = Server::start(&["--rdbcompression", "no"]);
    let Node { store, revocations, .. } = Node::start(nodes::standalone(&server)).await;
    let node = Admission::new(keys(), std::sync::Arc::new(store), revocations.clone());
    let now = Now::read();
    let mint = async |subject, uses| {
        let uses = NonZeroU32::new(uses).expect("one at least");
        node.mint_for_uses(grant(&login(subject, now), now), uses, &chat(), now).await.expect("a ticket").ticket
    };
    let tickets: [Ticket; 3] = [mint("ada", 1).await, mint("eve", 3).await, mint("fay", 1).await];
    let spent = mint("bob", 1).await;
    // One waits, one has uses left, one is revoked, one is spent; and a login is let in without any.
    for ticket in [&spent, &tickets[1]] {
        present(&node, ticket, now).await.expect("admitted");
    }
    let entrant = node.inspect_login(&login("gil", now), crate::world::ROUTE, now).expect("a login");
    node.redeem(entrant, LONG, now).await.expect("admitted");
    revocations.revoke(Revocation::of_login(&login("fay", now), now.unix), now).await.expect("written");

    let copy = copy_of(&server);
    for name in ["ada", "eve", "sid-of-fay"] {
        assert!(holds(&copy, name.as_bytes()), "the copy has what there is of {name}");
    }
    for ticket in &tickets {
        let text = ticket.expose();
        let sealed = URL_SAFE_NO_PAD.decode(&text["adm1_".len()..]).expect("base64url");
        assert_eq!(sealed.len(), 54);
        // The MAC is the last 16 bytes, so the last 21 characters are nothing else.
        let (id, mac) = (&sealed[22..38], &sealed[38..]);
        let has_id = spellings(id).iter().any(|part| holds(&copy, part));
        assert!(has_id, "a part that is there is found: the id");
        let parts = [text.as_bytes(), &text.as_bytes()[5..], &text.as_bytes()[text.len() - 21..]];
        assert!(!parts.into_iter().any(|part| holds(&copy, part)), "part of a ticket is in the server");
        assert!(!spellings(&sealed).iter().chain(&spellings(mac)).any(|part| holds(&copy, part)), "a MAC is there");
    }
}
