use std::process::ExitCode;

use admitone_gateway::gateway::Ungoverned;
use tokio::signal::unix::{SignalKind, signal};

use super::fail;

/// The two requests to end: the first begins the drain, the second does not wait for it.
pub(super) struct Requests<A, B> {
    pub(super) first: A,
    pub(super) second: B,
}

/// Listens for SIGTERM and Ctrl-C from now on, also before the requests are awaited.
pub(super) fn listen() -> Requests<impl Future<Output = ()>, impl Future<Output = ()>> {
    Requests { first: requested(1), second: requested(2) }
}

/// Runs to the end of the drain, or until it is not to be waited for.
pub(super) async fn run(
    running: impl Future<Output = Result<(), Ungoverned>>,
    second: impl Future<Output = ()>,
) -> ExitCode {
    tokio::select! {
        ended = running => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(1, &error.to_string()),
        },
        () = second => {
            tracing::warn!("asked a second time: ending without waiting for the drain");
            ExitCode::FAILURE
        }
    }
}

fn requested(times: u32) -> impl Future<Output = ()> {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
            tracing::error!("cannot listen for signals: they end the process at once");
            return std::future::pending().await;
        };
        for _ in 0..times {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    }
}
