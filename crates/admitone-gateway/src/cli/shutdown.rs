use tokio::signal::unix::{SignalKind, signal};

/// Resolves at SIGTERM or Ctrl-C, also at a SIGTERM that comes before it is awaited.
pub(super) fn requested() -> impl Future<Output = ()> {
    let terminate = signal(SignalKind::terminate());
    async move {
        let Ok(mut terminate) = terminate else {
            tracing::error!("cannot listen for SIGTERM; Ctrl-C still works");
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
