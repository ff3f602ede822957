//! One connection to one server.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::options::{Address, Credentials, RedisOptions};

/// How long opening a connection may take, its log-in included.
const OPENING: Duration = Duration::from_secs(1);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection; closed when it is dropped.
pub(crate) struct Link {
    pub(crate) connection: MultiplexedConnection,
    driver: Task,
}

impl Link {
    /// Connects and logs in, to a server that holds tickets.
    pub(crate) async fn to_server(address: &Address, options: &RedisOptions) -> Result<Self, RedisError> {
        Self::open(address, &options.credentials, options.database, options).await
    }

    /// Connects and logs in, to a Sentinel.
    pub(super) async fn to_sentinel(
        address: &Address,
        credentials: &Credentials,
        options: &RedisOptions,
    ) -> Result<Self, RedisError> {
        Self::open(address, credentials, 0, options).await
    }

    async fn open(
        address: &Address,
        credentials: &Credentials,
        database: u32,
        options: &RedisOptions,
    ) -> Result<Self, RedisError> {
        let login = login(credentials, database);
        // Deadlines are the callers'; what they give up is answered to nobody.
        let config =
            AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(options.in_flight);
        let opening = async {
            let stream = stream(address, options).await?;
            MultiplexedConnection::new_with_config(&login, stream, config).await
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection within a second");
        let (connection, driver) = tokio::time::timeout(OPENING, opening).await.map_err(|_| late())??;
        Ok(Self { connection, driver: Task::spawn(driver) })
    }

    /// Waits until the server is gone.
    pub(super) async fn ended(&mut self) {
        self.driver.ended().await;
    }
}

fn login(credentials: &Credentials, database: u32) -> RedisConnectionInfo {
    let login = RedisConnectionInfo::default().set_db(i64::from(database)).set_skip_set_lib_name();
    let login = match &credentials.username {
        Some(username) => login.set_username(username),
        None => login,
    };
    match &credentials.password {
        Some(password) => login.set_password(password.as_str()),
        None => login,
    }
}

async fn stream(address: &Address, options: &RedisOptions) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
    tcp.set_nodelay(true)?;
    secured(tcp, address, options).await
}

#[cfg(not(feature = "redis-tls"))]
async fn secured(tcp: TcpStream, _: &Address, _: &RedisOptions) -> io::Result<Box<dyn Stream>> {
    Ok(Box::new(tcp))
}

#[cfg(feature = "redis-tls")]
async fn secured(tcp: TcpStream, address: &Address, options: &RedisOptions) -> io::Result<Box<dyn Stream>> {
    let Some(config) = &options.tls else { return Ok(Box::new(tcp)) };
    let name = rustls::pki_types::ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    Ok(Box::new(tokio_rustls::TlsConnector::from(config.clone()).connect(name, tcp).await?))
}

/// A task that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }

    async fn ended(&mut self) {
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Growing pauses between attempts, each a random part of at most a second.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(crate) async fn pause(&mut self) {
        let most = (Self::SHORTEST * 2u32.saturating_pow(self.failures.min(8))).min(Self::LONGEST);
        self.failures += 1;
        let mut random = [0; 1];
        // Without randomness every node waits the longest time; they still come back.
        let part = getrandom::fill(&mut random).map_or(u32::from(u8::MAX), |()| u32::from(random[0]));
        tokio::time::sleep(most / 2 + most * part / 512).await;
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}
