//! HAProxy as a peer: it proxies WebSockets in HTTP mode and authenticates nobody.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::Failure;
use crate::place::SERVER;
use crate::process::{Process, free_port};

/// Where Debian puts it.
pub(crate) const PROGRAM: &str = "/usr/sbin/haproxy";

/// A running HAProxy.
#[derive(Debug)]
pub(crate) struct HaProxy {
    process: Process,
    address: SocketAddr,
    commands: PathBuf,
}

impl HaProxy {
    /// Starts it before `upstream`, with its files in `folder`.
    pub(crate) async fn start(folder: &Path, upstream: SocketAddr) -> Result<Self, Failure> {
        let address = free_port()?;
        let (file, commands) = (folder.join("haproxy.cfg"), folder.join("haproxy.sock"));
        std::fs::write(&file, configuration(&commands, address, upstream))?;
        let arguments = ["-db".as_ref(), "-f".as_ref(), file.as_os_str()];
        let mut process = Process::start(SERVER, Path::new(PROGRAM), arguments)?;
        process.listens(address).await.map_err(|error| format!("haproxy: {error}"))?;
        Ok(Self { process, address, commands })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends every connection, which HAProxy does without a Close.
    pub(crate) async fn end_all(&self) -> Result<(), Failure> {
        let mut stream = UnixStream::connect(&self.commands).await?;
        stream.write_all(b"shutdown sessions server upstream/echo\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        if answer.trim().is_empty() { Ok(()) } else { Err(format!("haproxy: {answer}").into()) }
    }
}

/// The defaults, one thread, no log.
fn configuration(commands: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
    let commands = commands.display();
    format!(
        "global
    nbthread 1
    maxconn 9500
    stats socket {commands} mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend public
    bind {address}
    default_backend upstream
backend upstream
    server echo {upstream}
"
    )
}
