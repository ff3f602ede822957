use std::future::pending;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

use super::super::{LINGER_LIMIT, Side, Why};
use super::*;

const PIPE: usize = 4_096;

/// The Close of a peer, without a reason.
fn peers_close(key: Option<[u8; 4]>) -> Vec<u8> {
    frame(0x88, key, &1000u16.to_be_bytes())
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_dies_is_told_to_the_client() {
    let mut far = Relayed::new(PIPE);
    let start = Instant::now();
    send(&mut far.upstream, &text("last words")).await;
    drop(far.upstream);
    let received = receive_to_end(&mut far.client).await;
    assert_eq!(received, [text("last words"), close_to_client(CloseCode::UpstreamUnavailable)].concat());
    assert!(start.elapsed() < Duration::from_secs(1));
    drop(far.client);
    assert_eq!(far.relay.await.expect("no panic").why, Why::UpstreamGone);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_dies_is_told_behind_what_the_client_has_still_to_take() {
    let mut far = Relayed::new(50);
    let words = text(&"many last words ".repeat(7));
    send(&mut far.upstream, &words[..100]).await;
    send(&mut far.upstream, &words[100..]).await;
    drop(far.upstream);
    sleep(Duration::from_secs(5)).await;
    let received = receive_to_end(&mut far.client).await;
    assert_eq!(received, [words, close_to_client(CloseCode::UpstreamUnavailable)].concat());
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_dies_inside_a_frame_just_ends_the_stream() {
    let mut far = Relayed::new(PIPE);
    send(&mut far.upstream, &text("last wor")[..5]).await;
    drop(far.upstream);
    assert_eq!(receive_to_end(&mut far.client).await, text("last wor")[..5]);
}

#[tokio::test(start_paused = true)]
async fn a_close_between_the_peers_is_theirs() {
    let mut far = Relayed::new(PIPE);
    send(&mut far.upstream, &peers_close(None)).await;
    drop(far.upstream);
    assert_eq!(receive_to_end(&mut far.client).await, peers_close(None));
    drop(far.client);
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.why, Why::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_hangs_up_on_the_clients_close_is_not_unavailable() {
    let mut far = Relayed::new(PIPE);
    send(&mut far.client, &peers_close(Some([8; 4]))).await;
    receive(&mut far.upstream, 8).await;
    drop(far.upstream);
    assert_eq!(receive_to_end(&mut far.client).await, b"");
    drop(far.client);
    assert_eq!(far.relay.await.expect("no panic").why, Why::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_is_the_end_of_the_stream_to_the_upstream() {
    let mut far = Relayed::new(PIPE);
    send(&mut far.client, &masked_text("bye")).await;
    far.client.shutdown().await.expect("the relay reads");
    assert_eq!(receive_to_end(&mut far.upstream).await, masked_text("bye"));

    send(&mut far.upstream, &text("bye")).await;
    drop(far.upstream);
    assert_eq!(receive_to_end(&mut far.client).await, text("bye"), "half of it lives on, and nothing is made up");
    assert_eq!(far.relay.await.expect("no panic").why, Why::ClientGone);
}

#[tokio::test(start_paused = true)]
async fn the_other_half_lives_on_for_a_while_only() {
    let mut far = Relayed::new(PIPE);
    let start = Instant::now();
    far.client.shutdown().await.expect("the relay reads");
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.why, Why::ClientGone);
    assert_eq!(start.elapsed().as_secs(), LINGER_LIMIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn peers_that_have_closed_and_do_not_hang_up_are_hung_up_on() {
    let mut far = Relayed::new(PIPE);
    let start = Instant::now();
    send(&mut far.client, &peers_close(Some([8; 4]))).await;
    send(&mut far.upstream, &peers_close(None)).await;
    far.relay.await.expect("no panic");
    assert_eq!(start.elapsed().as_secs(), LINGER_LIMIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn closing_reaches_the_half_that_lives_on() {
    let mut far = Relayed::new(PIPE);
    far.client.shutdown().await.expect("the relay reads");
    assert_eq!(receive_to_end(&mut far.upstream).await, b"");
    far.close.send(CloseCode::Revoked).expect("listening");
    assert_eq!(receive_to_end(&mut far.client).await, close_to_client(CloseCode::Revoked));
}

#[tokio::test(start_paused = true)]
async fn an_impossible_length_is_answered_by_who_receives_it() {
    let mut far = Relayed::new(PIPE);
    send(&mut far.client, &[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]).await;
    receive(&mut far.upstream, 10).await;
    let protocol_error = frame(0x88, None, &1002u16.to_be_bytes());
    send(&mut far.upstream, &protocol_error).await;
    drop(far.upstream);
    assert_eq!(receive_to_end(&mut far.client).await, protocol_error);
    drop(far.client);
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.why, Why::BadFrame(Side::Client));
}

#[tokio::test(start_paused = true)]
async fn s26_a_frame_that_is_too_long_is_answered_1009_and_its_receiver_is_hung_up_on() {
    let too_long = 1009u16.to_be_bytes();
    let fits = frame(0x82, Some([1; 4]), &[0; 200]);
    let mut far = Relayed::with_frames_of(200);
    send(&mut far.client, &fits).await;
    assert_eq!(receive(&mut far.upstream, fits.len()).await, fits);
    send(&mut far.client, &frame(0x02, Some([1; 4]), &[0; 201])).await;
    assert_eq!(receive_to_end(&mut far.client).await, frame(0x88, None, &too_long));
    drop(far.client);
    assert_eq!(far.relay.await.expect("no panic").why, Why::FrameTooLong(Side::Client));

    let mut far = Relayed::with_frames_of(200);
    send(&mut far.upstream, &frame(0x82, None, &[0; 70_000])[..1000]).await;
    let close = receive_to_end(&mut far.upstream).await;
    assert_eq!(close[..2], [0x88, 0x82], "a masked Close with a code: {close:?}");
    assert_eq!([close[6] ^ close[2], close[7] ^ close[3]], too_long);
    drop(far.upstream);
    assert_eq!(far.relay.await.expect("no panic").why, Why::FrameTooLong(Side::Upstream));
    assert!(!receive_to_end(&mut far.client).await.contains(&0x88), "no Close within a frame");
}

/// Both peers have said Close: when one hangs up, the relay does not wait for the other to do so too.
#[tokio::test(start_paused = true)]
async fn a_finished_close_hangs_up_on_whoever_is_left() {
    let mut far = Relayed::new(PIPE);
    send(&mut far.client, &peers_close(Some([1, 2, 3, 4]))).await;
    receive(&mut far.upstream, peers_close(Some([1, 2, 3, 4])).len()).await;
    send(&mut far.upstream, &peers_close(None)).await;
    drop(far.upstream);
    let begun = Instant::now();
    let ended = far.relay.await.expect("no panic");
    assert_eq!((ended.why, begun.elapsed()), (Why::Closed, Duration::ZERO));
    assert_eq!(receive_to_end(&mut far.client).await, peers_close(None), "the Close arrives all the same");
}

/// Panics when it is read for the second time.
struct Faulty {
    inner: DuplexStream,
    reads: usize,
}

impl AsyncRead for Faulty {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.reads += usize::from(polled.is_ready());
        assert!(polled.is_pending() || self.reads != 2, "this stream panics on purpose");
        polled
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn f24_a_panic_costs_its_own_socket_which_hears_1011() {
    let (mut client, near_client) = duplex(PIPE);
    let (mut upstream, near_upstream) = duplex(PIPE);
    let faulty = Faulty { inner: near_client, reads: 0 };
    let relay = tokio::spawn(pump(faulty, Bytes::new(), near_upstream, Bytes::new(), pending(), Bounds::default()));
    send(&mut client, &masked_text("fine")).await;
    receive(&mut upstream, masked_text("fine").len()).await;

    send(&mut client, &masked_text("this one panics")).await;
    let internal = 1011u16.to_be_bytes();
    assert_eq!(receive_to_end(&mut client).await, frame(0x88, None, &internal));
    let close = receive_to_end(&mut upstream).await;
    assert_eq!(close[..2], [0x88, 0x82], "a masked Close with a code: {close:?}");
    assert_eq!([close[6] ^ close[2], close[7] ^ close[3]], internal);
    assert_eq!(relay.await.expect("the task lives").why, Why::Panicked);

    // The worker's scratch buffer was in use: the next relay finds it whole.
    let mut next = Relayed::new(PIPE);
    send(&mut next.client, &masked_text("unaffected")).await;
    receive(&mut next.upstream, masked_text("unaffected").len()).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_through_which_nothing_passes_is_closed_after_its_time_and_no_sooner() {
    let idle = Duration::from_secs(60);
    let mut far = Relayed::idling(idle);
    let start = Instant::now();
    for _ in 0..3 {
        sleep(Duration::from_secs(50)).await;
        send(&mut far.client, &masked_text("a")).await;
        receive(&mut far.upstream, masked_text("a").len()).await;
        sleep(Duration::from_secs(50)).await;
        send(&mut far.upstream, &text("b")).await;
        assert_eq!(receive(&mut far.client, text("b").len()).await, text("b"));
    }
    assert_eq!(receive(&mut far.client, 4).await, close_to_client(CloseCode::OverLimit)[..4]);
    let lived = start.elapsed();
    assert!((Duration::from_secs(360)..Duration::from_secs(361)).contains(&lived), "{lived:?}");
    drop(far.client);
    let received = receive_to_end(&mut far.upstream).await;
    assert_close_to_upstream(&received, CloseCode::OverLimit);
    drop(far.upstream);
    assert_eq!(far.relay.await.expect("no panic").why, Why::Closing(CloseCode::OverLimit));
}
