use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use super::DemoError;

/// How many busy ports are skipped in all.
const SKIPS: u16 = 100;

/// Listeners on the first free ports from `first` on; with 0, on any.
pub(super) async fn take<const N: usize>(host: IpAddr, first: u16) -> Result<[TcpListener; N], DemoError> {
    let (mut next, mut taken) = (first, Vec::with_capacity(N));
    for _ in 0..N {
        taken.push(listen(host, first, &mut next).await?);
    }
    Ok(taken.try_into().unwrap_or_else(|_| unreachable!("as many as were taken")))
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
