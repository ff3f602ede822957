use std::io::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{FetchError, Reach, Url};
use crate::upstream::UpstreamIo;

/// How long one of several addresses may take before the next is tried.
const PER_ADDRESS: Duration = Duration::from_secs(2);

/// Connects to an address of the URL's host that may be dialled.
pub(super) async fn dial(url: &Url, reach: &Reach, tls: &Arc<ClientConfig>) -> Result<UpstreamIo, FetchError> {
    let addresses = permitted(url, reach).await?;
    let tcp = connect(url, &addresses).await?;
    if !url.is_https() {
        return Ok(UpstreamIo::Plain(tcp));
    }
    let connected = TlsConnector::from(tls.clone()).connect(url.name().clone(), tcp).await;
    let failed = |error: Error| FetchError::Tls { host: url.host().into(), error: error.to_string().into() };
    Ok(UpstreamIo::Tls(Box::new(connected.map_err(failed)?)))
}

/// The addresses that the name has now and that may be dialled: what is judged here is what is dialled.
async fn permitted(url: &Url, reach: &Reach) -> Result<Vec<SocketAddr>, FetchError> {
    let unresolved = || FetchError::Resolve(url.host().into());
    let found: Vec<SocketAddr> = lookup_host((url.host(), url.port())).await.map_err(|_| unresolved())?.collect();
    let first = found.first().ok_or_else(unresolved)?.ip();
    let reachable: Vec<SocketAddr> = found.into_iter().filter(|address| reach.allows(address.ip())).collect();
    if reachable.is_empty() {
        return Err(FetchError::NotPublic(first));
    }
    let encrypted = |address: &SocketAddr| url.is_https() || reach.allows_http(address.ip());
    let permitted: Vec<SocketAddr> = reachable.into_iter().filter(encrypted).collect();
    if permitted.is_empty() { Err(FetchError::NotHttps(url.host().into())) } else { Ok(permitted) }
}

async fn connect(url: &Url, addresses: &[SocketAddr]) -> Result<TcpStream, FetchError> {
    let mut last = String::new();
    for address in addresses {
        match timeout(PER_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("{address} did not answer within {} s", PER_ADDRESS.as_secs()),
        }
    }
    Err(FetchError::Connect { host: url.host().into(), error: last.into() })
}
