use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::{CLOSE_LIMIT, Why};
use super::*;

const PIPE: usize = 4_096;

/// Long enough for everything that needs no waiting.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_an_idle_connection_are_closed_at_once() {
    let mut far = Relayed::new(PIPE);
    let start = Instant::now();
    far.close.send(CloseCode::Revoked).expect("listening");
    assert_eq!(receive_to_end(&mut far.client).await, close_to_client(CloseCode::Revoked));
    assert_close_to_upstream(&receive_to_end(&mut far.upstream).await, CloseCode::Revoked);
    drop((far.client, far.upstream));
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended, Ended { why: Why::Closing(CloseCode::Revoked), to_client: 0, to_upstream: 0 });
    assert!(start.elapsed() < Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn every_code_is_sent_as_it_is() {
    for code in CloseCode::ALL {
        let mut far = Relayed::new(PIPE);
        far.close.send(*code).expect("listening");
        assert_eq!(receive_to_end(&mut far.client).await, close_to_client(*code));
        assert_close_to_upstream(&receive_to_end(&mut far.upstream).await, *code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_under_way_is_finished_and_nothing_behind_it_is_forwarded() {
    let (up, down) = (masked_text("a frame of the client"), text("a frame of the upstream"));
    // Cut in the header, behind it, in the payload, and before the last byte.
    for cut in [1, 2, 10, down.len() - 1] {
        let mut far = Relayed::new(PIPE);
        send(&mut far.client, &up[..cut]).await;
        send(&mut far.upstream, &down[..cut]).await;
        settle().await;
        far.close.send(CloseCode::SessionExpired).expect("listening");
        sleep(CLOSE_LIMIT / 2).await;
        send(&mut far.client, &[&up[cut..], &masked_text("late")].concat()).await;
        send(&mut far.upstream, &[&down[cut..], &text("late")].concat()).await;

        let to_client = receive_to_end(&mut far.client).await;
        assert_eq!(to_client, [down.clone(), close_to_client(CloseCode::SessionExpired)].concat());
        let to_upstream = receive_to_end(&mut far.upstream).await;
        assert_eq!(to_upstream[..up.len()], up);
        assert_close_to_upstream(&to_upstream[up.len()..], CloseCode::SessionExpired);
        drop((far.client, far.upstream));
        let ended = far.relay.await.expect("no panic");
        assert_eq!((ended.to_client, ended.to_upstream), (down.len() as u64, up.len() as u64));
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_not_finished_in_time_drops_the_socket() {
    let mut far = Relayed::new(PIPE);
    let half = &text("never finished")[..5];
    send(&mut far.upstream, half).await;
    settle().await;
    let start = Instant::now();
    far.close.send(CloseCode::Revoked).expect("listening");
    assert_close_to_upstream(&receive_to_end(&mut far.upstream).await, CloseCode::Revoked);
    assert!(start.elapsed() < Duration::from_millis(5), "one direction does not wait for the other");
    assert_eq!(receive_to_end(&mut far.client).await, half, "no Close inside a frame");
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.why, Why::Closing(CloseCode::Revoked));
    assert_eq!(start.elapsed().as_millis().abs_diff(CLOSE_LIMIT.as_millis()) / 10, 0);
}

#[tokio::test(start_paused = true)]
async fn a_side_that_does_not_take_its_close_is_dropped() {
    let mut far = Relayed::new(20);
    send(&mut far.upstream, &text("a whole frame of.")).await;
    settle().await;
    let start = Instant::now();
    far.close.send(CloseCode::Draining).expect("listening");
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.why, Why::Closing(CloseCode::Draining));
    assert!(start.elapsed() <= 3 * CLOSE_LIMIT);
    assert_eq!(start.elapsed().as_millis() / 10, 25);
    assert_eq!(receive_to_end(&mut far.client).await[..19], text("a whole frame of."));
}

#[tokio::test(start_paused = true)]
async fn a_close_stands_between_the_fragments_of_a_message() {
    let mut far = Relayed::new(PIPE);
    let fragment = frame(0x01, None, b"the first of two");
    send(&mut far.upstream, &fragment).await;
    settle().await;
    far.close.send(CloseCode::Revoked).expect("listening");
    assert_eq!(receive_to_end(&mut far.client).await, [fragment, close_to_client(CloseCode::Revoked)].concat());
}

#[tokio::test(start_paused = true)]
async fn a_side_that_has_the_other_peers_close_gets_no_second_one() {
    let close = frame(0x88, Some([5; 4]), &[3, 232]);
    // Whole before our closing begins, or finished only then.
    for cut in [close.len(), 3] {
        let mut far = Relayed::new(PIPE);
        send(&mut far.client, &close[..cut]).await;
        settle().await;
        far.close.send(CloseCode::Revoked).expect("listening");
        settle().await;
        send(&mut far.client, &close[cut..]).await;
        assert_eq!(receive_to_end(&mut far.upstream).await, close);
        assert_eq!(receive_to_end(&mut far.client).await, close_to_client(CloseCode::Revoked));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_ends_with_its_first_whole_frame() {
    let mut far = Relayed::new(100);
    let frames: Vec<_> = (0..100).map(|n| text(&format!("frame number {n:3}"))).collect();
    let all = frames.concat();
    let _ = timeout(Duration::from_secs(1), far.upstream.write_all(&all)).await;
    let whole = frames[0].len();
    assert_ne!(100 % whole, 0, "the pipe is full in the middle of a frame");
    far.close.send(CloseCode::Overloaded).expect("listening");
    let received = receive_to_end(&mut far.client).await;
    let expected = [&all[..100usize.next_multiple_of(whole)], &close_to_client(CloseCode::Overloaded)].concat();
    assert_eq!(received, expected);
}

#[tokio::test(start_paused = true)]
async fn a_side_that_takes_nothing_does_not_put_off_the_end() {
    let mut far = Relayed::new(100);
    let _ = timeout(Duration::from_secs(1), far.upstream.write_all(&text("too much").repeat(1_000))).await;
    let start = Instant::now();
    far.close.send(CloseCode::Revoked).expect("listening");
    far.relay.await.expect("no panic");
    assert!(start.elapsed() <= 2 * CLOSE_LIMIT, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_close_at_any_moment_stands_behind_a_whole_frame() {
    let mut random = Random::new();
    for _ in 0..40 {
        let far = Relayed::new(1 + random.below(30_000));
        let frames = random.frames(20);
        let all = frames.concat();
        let (mut client_reads, mut client_writes) = tokio::io::split(far.client);
        let (mut upstream_reads, mut upstream_writes) = tokio::io::split(far.upstream);
        let moment = random.below(all.len());
        let piece = 1 + random.below(5_000);
        let sending = async {
            let mut close = Some(far.close);
            let mut sent = 0;
            for piece in all.chunks(piece) {
                sent += piece.len();
                if upstream_writes.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
                if sent > moment
                    && let Some(close) = close.take()
                {
                    close.send(CloseCode::Revoked).expect("listening");
                }
            }
        };
        let (mut received, mut none) = (Vec::new(), Vec::new());
        let receiving = async {
            client_reads.read_to_end(&mut received).await.expect("ends");
            let _ = client_writes.shutdown().await;
        };
        let (_, _, read) = tokio::join!(sending, receiving, upstream_reads.read_to_end(&mut none));
        read.expect("ends");
        assert_close_to_upstream(&none, CloseCode::Revoked);
        let close = close_to_client(CloseCode::Revoked);
        let forwarded = received.strip_suffix(close.as_slice()).expect("a Close at the end");
        assert!(all.starts_with(forwarded), "bytes differ");
        let mut ends = frames.iter().scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        });
        assert!(forwarded.is_empty() || ends.any(|end| end == forwarded.len()), "inside a frame");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_talks_on_is_read_to_nowhere_for_a_moment() {
    let mut far = Relayed::new(PIPE);
    let start = Instant::now();
    far.close.send(CloseCode::Revoked).expect("listening");
    receive_to_end(&mut far.client).await;
    while far.client.write_all(&masked_text("still here")).await.is_ok() {
        settle().await;
    }
    assert!(start.elapsed() >= CLOSE_LIMIT, "it could send until the relay ended");
    assert_close_to_upstream(&receive_to_end(&mut far.upstream).await, CloseCode::Revoked);
    let ended = far.relay.await.expect("no panic");
    assert_eq!(ended.to_upstream, 0);
}
