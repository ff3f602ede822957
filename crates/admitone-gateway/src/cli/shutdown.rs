use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// Runs to the end of the drain that the first signal begins, or until a second one.
pub(super) async fn run(running: impl Future<Output = ()>) -> ExitCode {
    tokio::select! {
        () = running => ExitCode::SUCCESS,
        () = twice() => {
            tracing::warn!("asked a second time: ending without waiting for the drain");
            ExitCode::FAILURE
        }
    }
}

async fn twice() {
    requested().await;
    requested().await;
}

/// Waits for SIGTERM or Ctrl-C.
pub(super) async fn requested() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        tracing::error!("cannot listen for SIGTERM; Ctrl-C still works");
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
