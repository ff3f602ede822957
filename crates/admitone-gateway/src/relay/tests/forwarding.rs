use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{BufWriter, join, repeat, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::super::{STALL_LIMIT, Side, Why};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Two sockets' state, both directions, no buffer. Grows only with a reason.
const IDLE_BUDGET: usize = 328;

#[tokio::test]
async fn a_relay_of_two_sockets_is_small() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let client = TcpStream::connect(address).await.expect("listening");
    let upstream = TcpStream::connect(address).await.expect("listening");
    let relay = pump(client, Bytes::new(), upstream, Bytes::new(), pending(), Bounds::default());
    let size = size_of_val(&relay);
    assert!(size <= IDLE_BUDGET, "{size} bytes");
}

#[tokio::test(start_paused = true)]
async fn frames_cut_anywhere_arrive_as_they_were_sent() {
    let mut random = Random::new();
    for _ in 0..20 {
        let largest = [100, 5_000, 100_000][random.below(3)];
        let capacity = 1 + random.below(largest);
        let mut far = Relayed::new(capacity);
        let up = [random.frames(12).concat(), frame(0x88, Some([7; 4]), &[3, 232])].concat();
        let down = [random.frames(12).concat(), frame(0x88, None, &[3, 232])].concat();
        let (mut client_reads, mut client_writes) = tokio::io::split(far.client);
        let (mut upstream_reads, mut upstream_writes) = tokio::io::split(far.upstream);
        let cuts = |random: &mut Random| (0..64).map(|_| 1 + random.below(9_000)).collect::<Vec<_>>();
        let (up_cuts, down_cuts) = (cuts(&mut random), cuts(&mut random));

        let writing_up = send_cut(&mut client_writes, &up, &up_cuts);
        let writing_down = send_cut(&mut upstream_writes, &down, &down_cuts);
        let (mut got_up, mut got_down) = (Vec::new(), Vec::new());
        let reading_up = upstream_reads.read_to_end(&mut got_up);
        let reading_down = client_reads.read_to_end(&mut got_down);
        let (_, _, read_up, read_down) = tokio::join!(writing_up, writing_down, reading_up, reading_down);
        read_up.expect("ends");
        read_down.expect("ends");

        assert!(got_up == up && got_down == down, "bytes differ");
        let ended = (&mut far.relay).await.expect("no panic");
        assert_eq!(ended, Ended { why: Why::Closed, to_client: down.len() as u64, to_upstream: up.len() as u64 });
    }
}

async fn send_cut<W: AsyncWriteExt + Unpin>(stream: &mut W, bytes: &[u8], cuts: &[usize]) {
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*cut));
        stream.write_all(piece).await.expect("the relay reads");
        tokio::task::yield_now().await;
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    stream.shutdown().await.expect("the relay reads");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_behind_the_handshakes_goes_first() {
    let ahead = |bytes: Vec<u8>| Bytes::from(bytes);
    let mut far = Relayed::with_ahead(7, ahead(masked_text("one")), ahead(text("uno")));
    let up = [masked_text("one"), masked_text("two")].concat();
    let down = [text("uno"), text("due")].concat();
    let sending = async {
        send(&mut far.client, &masked_text("two")).await;
        receive(&mut far.client, down.len()).await
    };
    let receiving = async {
        send(&mut far.upstream, &text("due")).await;
        receive(&mut far.upstream, up.len()).await
    };
    assert_eq!(tokio::join!(sending, receiving), (down.clone(), up.clone()));
}

/// Writes until the relay takes no more for a second, and returns how much it took.
async fn fill(stream: &mut DuplexStream) -> usize {
    let mut taken = 0;
    while let Ok(written) = timeout(SECOND, stream.write(&[0; 1000])).await {
        taken += written.expect("the relay reads");
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn f16_a_side_that_stops_reading_stops_the_other_and_nothing_is_lost() {
    const PIPE: usize = 100_000;
    let mut far = Relayed::new(PIPE);
    let taken = fill(&mut far.client).await;
    assert!(taken <= 2 * PIPE + 64 * 1024, "{taken} bytes were taken from the client");

    send(&mut far.upstream, &text("the other direction goes on")).await;
    let other = text("the other direction goes on");
    assert_eq!(receive(&mut far.client, other.len()).await, other);

    assert_eq!(receive(&mut far.upstream, taken).await, vec![0; taken]);
    send(&mut far.client, &masked_text("again")).await;
    let again = masked_text("again");
    assert_eq!(receive(&mut far.upstream, again.len()).await, again);
}

#[tokio::test(start_paused = true)]
async fn f16_a_side_that_takes_nothing_for_long_ends_the_relay() {
    let mut far = Relayed::new(1_000);
    let start = Instant::now();
    let taken = fill(&mut far.upstream).await as u64;
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.why, Why::Stalled(Side::Client));
    assert!(ended.to_client < taken);
    assert_eq!(start.elapsed().as_secs(), STALL_LIMIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_slow_side_is_waited_for() {
    let mut far = Relayed::new(1_000);
    fill(&mut far.upstream).await;
    for _ in 0..5 {
        sleep(STALL_LIMIT - 2 * SECOND).await;
        receive(&mut far.client, 100).await;
    }
    assert!(!far.relay.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_side_that_holds_back_writes_is_flushed() {
    let (mut client, near_client) = duplex(1_000);
    let (mut upstream, near_upstream) = duplex(1_000);
    let buffered = BufWriter::new(near_client);
    tokio::spawn(pump(buffered, Bytes::new(), near_upstream, Bytes::new(), pending(), Bounds::default()));
    let words = text("as TLS does");
    send(&mut upstream, &words).await;
    let received = timeout(SECOND, receive(&mut client, words.len())).await;
    assert_eq!(received.expect("nothing is kept waiting"), words);
}

#[test]
fn a_flood_leaves_others_their_turn() {
    let flood = || join(repeat(0), sink());
    let mut relay = pin!(pump(flood(), Bytes::new(), flood(), Bytes::new(), pending(), Bounds::default()));
    // Outside the runtime nothing but the relay itself bounds a poll.
    assert!(relay.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test]
async fn sockets_are_relayed_like_pipes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let pair = async || {
        let (far, near) = tokio::join!(TcpStream::connect(address), listener.accept());
        (far.expect("listening"), near.expect("listening").0)
    };
    let (mut client, near_client) = pair().await;
    let (mut upstream, near_upstream) = pair().await;
    let relay =
        tokio::spawn(pump(near_client, Bytes::new(), near_upstream, Bytes::new(), pending(), Bounds::default()));

    let mut random = Random::new();
    let big = frame(0x82, Some([9; 4]), &random.bytes(3_000_000));
    let (sent, mut received) = (big.clone(), vec![0; big.len()]);
    let sending = tokio::spawn(async move {
        client.write_all(&sent).await.expect("the relay reads");
        client
    });
    upstream.read_exact(&mut received).await.expect("the relay writes");
    assert!(received == big, "bytes differ");
    let mut client = sending.await.expect("no panic");

    // A reset, as a killed process with unread input leaves it.
    upstream.set_zero_linger().expect("a TCP option");
    drop(upstream);
    let mut closed = Vec::new();
    timeout(SECOND, client.read_to_end(&mut closed)).await.expect("within a second").expect("ends");
    assert_eq!(closed, close_to_client(CloseCode::UpstreamUnavailable));
    drop(client);
    assert_eq!(relay.await.expect("no panic").why, Why::UpstreamGone);
}
