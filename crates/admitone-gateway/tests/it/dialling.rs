//! Where upstreams are dialled and from where, and how a peer that went away is noticed.

use std::net::{IpAddr, SocketAddr};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::client::{Request, soon};
use crate::upstream::{Closed, Upstream};
use crate::world::{Lines, ORIGIN, ROUTE, World};

/// The configuration of several upstreams where it has one.
fn several(urls: &[String]) -> String {
    urls.join("\", \"")
}

async fn with_upstreams(urls: &[String], route: &str) -> World {
    let text = Lines { route, ..Lines::default() }.configuration(&several(urls));
    World::configured(&text.replace("upstream = \"", "upstream = [\"").replace("behind\"\n", "behind\"]\n")).await
}

async fn requests(upstream: &Upstream) -> usize {
    upstream.received_by_now().await.iter().filter(|received| !received.is_empty()).count()
}

#[tokio::test]
async fn several_upstreams_are_dialled_in_turn() {
    let upstreams = [Upstream::echo().await, Upstream::echo().await, Upstream::echo().await];
    let world = with_upstreams(&upstreams.each_ref().map(Upstream::url), "").await;
    for _ in 0..6 {
        world.opens(&world.ticket().await).await;
    }
    for upstream in &upstreams {
        assert_eq!(requests(upstream).await, 2);
        assert!(upstream.received_by_now().await[0].contains(&format!("Host: {}\r\n", upstream.address)));
    }
}

#[tokio::test]
async fn f9_an_upstream_that_cannot_be_reached_has_its_turn_taken_by_another() {
    let (down, up) = (Closed::new(), Upstream::echo().await);
    let world = with_upstreams(&[down.url(), up.url()], "").await;
    for _ in 0..4 {
        world.opens(&world.ticket().await).await;
    }
    assert_eq!(requests(&up).await, 4);
    let all_down = [Closed::new(), Closed::new()];
    let world = with_upstreams(&all_down.each_ref().map(Closed::url), "").await;
    let ticket = world.ticket().await;
    let answer = world.ask(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&ticket)).await;
    assert_eq!((answer.status, answer.header("admitone-ticket")), (502, Some("unspent")));
    let [first, _second] = all_down;
    let _back = first.open();
    world.opens(&ticket).await;
}

#[tokio::test]
async fn dials_come_from_the_configured_addresses_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/behind", listener.local_addr().expect("its address"));
    // The first is nobody's on this machine: its turn is taken by the others.
    let world = World::routing("bind_addresses = [\"192.0.2.1\", \"127.0.0.2\", \"127.0.0.3\", \"::1\"]", &url).await;
    let mut from = Vec::new();
    for _ in 0..6 {
        let mut connection = world.connect().await;
        connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await).text()).await;
        let (stream, peer) = soon("a dial", listener.accept()).await.expect("a connection");
        from.push((peer.ip(), stream, connection));
    }
    let count = |address: [u8; 4]| from.iter().filter(|(from, ..)| *from == IpAddr::from(address)).count();
    assert_eq!((count([127, 0, 0, 2]), count([127, 0, 0, 3])), (4, 2), "the next one takes the turn");
}

/// The timer of the connection from `local` to `remote` in the kernel's table, if it has one: `02` is keepalive's.
fn timer(local: SocketAddr, remote: SocketAddr) -> Option<(String, u64)> {
    let shown = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port()),
        IpAddr::V6(_) => panic!("an IPv4 address"),
    };
    let (local, remote) = (shown(local), shown(remote));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("a Linux system");
    let mut lines = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let line = lines.find(|line| line.get(1) == Some(&&*local) && line.get(2) == Some(&&*remote))?;
    let (kind, hundredths) = line[5].split_once(':')?;
    Some((kind.to_owned(), u64::from_str_radix(hundredths, 16).ok()? / 100))
}

/// Waits until nothing else occupies the connection's timer.
async fn keepalive_of(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    soon("the kernel's table has it", async {
        loop {
            match timer(local, remote) {
                Some((kind, seconds)) if kind == "02" => return Some(seconds),
                Some((kind, _)) if kind == "00" => return None,
                _ => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_peer_that_goes_away_silently_is_noticed_on_both_sides() {
    for (line, expected) in
        [("", Some(60)), ("tcp_keepalive_seconds = 600", Some(600)), ("tcp_keepalive_seconds = 0", None)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = listener.local_addr().expect("its address");
        let lines = Lines { server: line, ..Lines::default() };
        let world = World::with(lines, &format!("ws://{upstream}/behind")).await;
        let stream = tokio::net::TcpStream::connect(world.address).await.expect("a connection");
        let client = stream.local_addr().expect("its address");
        let mut connection = crate::client::Connection::over(stream);
        connection.send(Request::upgrade(ROUTE).origin(ORIGIN).ticket(&world.ticket().await).text()).await;
        let (mut dialled, gateway) = listener.accept().await.expect("a dial");
        soon("the request", dialled.read_u8()).await.expect("a live connection");
        for (local, remote) in [(world.address, client), (gateway, upstream)] {
            let seconds = keepalive_of(local, remote).await;
            assert_eq!(seconds.map(|seconds| seconds.div_ceil(10) * 10), expected, "{line}: {seconds:?}");
        }
    }
}
