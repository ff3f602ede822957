use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use super::DemoError;

/// How many busy ports are skipped in all.
const SKIPS: u16 = 100;

/// Four listeners on the first free ports from `first` on; with 0, on any.
pub(super) async fn four(host: IpAddr, first: u16) -> Result<[TcpListener; 4], DemoError> {
    let mut next = first;
    Ok([
        listen(host, first, &mut next).await?,
        listen(host, first, &mut next).await?,
        listen(host, first, &mut next).await?,
        listen(host, first, &mut next).await?,
    ])
}

async fn listen(host: IpAddr, first: u16, next: &mut u16) -> Result<TcpListener, DemoError> {
    loop {
        let bound = TcpListener::bind(SocketAddr::new(host, *next)).await;
        if first == 0 {
            return bound.map_err(|error| DemoError::Ports { first, error });
        }
        if bound.as_ref().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            return bound.map_err(|error| DemoError::Ports { first, error });
        }
        match (bound, next.checked_add(1).filter(|next| *next - first <= SKIPS)) {
            (Ok(listener), following) => {
                *next = following.unwrap_or(u16::MAX);
                return Ok(listener);
            }
            (Err(_), Some(following)) => *next = following,
            (Err(error), None) => return Err(DemoError::Ports { first, error }),
        }
    }
}
