//! What clients send, and do not take, costs the real process little.

use std::net::SocketAddr;
use std::process::Command;

use tokio::net::TcpSocket;

use crate::client::{Connection, Request, masked, soon};
use crate::exhaustion::{open, resident, serve, ticket, upgrade};
use crate::upstream::{Behaviour, UPGRADES, Upstream};

const STALLED: usize = 1_000;

/// A client with a small buffer, so that little of what is not taken is the system's.
async fn connect_narrowly(address: SocketAddr) -> Connection {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("an option");
    Connection::over(socket.connect(address).await.expect("a connection"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a26_a_thousand_clients_that_take_nothing_are_held_in_100_mb() {
    let upstream = Upstream::that(Behaviour::Floods).await;
    let process = serve(8_000, "max_connections = 5000", &upstream).await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut client = connect_narrowly(process.address).await;
        client.send(upgrade(&ticket(process.address).await)).await;
        assert_eq!(client.answer().await.status, 101);
        stalled.push(client);
    }
    let held = resident(&process);
    println!("{STALLED} stalled sockets: {held} KiB resident");
    assert!(held < 100 * 1024, "{held} KiB");
    let mut other = Connection::open(process.address).await;
    other.send(Request::new("GET /healthz").text()).await;
    assert_eq!(other.answer().await.status, 200, "nobody else waits for them");
    drop(stalled);
}

/// 128 MiB of zeros, as permessage-deflate sends them: about 130 KB.
fn bomb() -> Vec<u8> {
    let deflate = "import sys, zlib\nc = zlib.compressobj(9, zlib.DEFLATED, -15)\n\
                   sys.stdout.buffer.write((c.compress(bytes(1 << 27)) + c.flush(zlib.Z_SYNC_FLUSH))[:-4])";
    let output = Command::new("python3").args(["-c", deflate]).output().expect("python3");
    assert!((100_000..200_000).contains(&output.stdout.len()), "{output:?}");
    output.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s26_a26_neither_a_bomb_nor_a_million_fragments_make_the_gateway_grow() {
    let upstream = Upstream::that(Behaviour::Answers(UPGRADES)).await;
    let process = serve(1_000, "", &upstream).await;
    let mut socket = open(process.address, &ticket(process.address).await).await;
    let before = resident(&process);

    let compressed = bomb();
    let length = u64::try_from(compressed.len()).expect("a length").to_be_bytes();
    // FIN, RSV1 and binary; masked with zeros, which change nothing.
    let frame = [&[0xC2, 0x80 | 127][..], &length, &[0; 4], &compressed].concat();
    let fragments = [masked(0x01, b"the first of a million"), masked(0x00, b"").repeat(1_000_000)].concat();
    let sent = [&frame[..], &fragments].concat();
    socket.send(&sent[..]).await;
    let all_of_it = |all: &Vec<Vec<u8>>| all.iter().any(|one| one.ends_with(&sent));
    soon("all of it arrives as it was sent", upstream.wait_for(all_of_it)).await;
    let grown = resident(&process).saturating_sub(before);
    println!("a bomb and a million fragments: {grown} KiB more");
    assert!(grown < 4 * 1024, "{grown} KiB");
}
