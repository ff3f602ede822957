//! Processes under test: started on a core, measured from `/proc`, ended when they are dropped.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::place::{Core, TASKSET};

/// How long a server may take to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A process of ours.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// A program on a core, with one tokio worker, its log going nowhere.
    pub(crate) fn start<I>(core: Core, program: &Path, arguments: I) -> Result<Self, Failure>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let child = pinned(core, program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{TASKSET} {}: {error}", program.display()))?;
        Ok(Self { child })
    }

    /// This program in another role, and the address that it says it listens on.
    pub(crate) fn in_role(core: Core, arguments: &[&str]) -> Result<(Self, SocketAddr), Failure> {
        let mut child = pinned(core, &std::env::current_exe()?).args(arguments).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take();
        let process = Self { child };
        let mut line = String::new();
        BufReader::new(stdout.ok_or("a child without standard output")?).read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| format!("`{}` did not start", arguments.join(" ")))?;
        Ok((process, address))
    }

    /// What this program prints in a role that ends by itself.
    pub(crate) fn printed(core: Core, arguments: &[&str]) -> Result<String, Failure> {
        let output = pinned(core, &std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("`{}`: {}", arguments.join(" "), output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the process listens on `address`.
    pub(crate) async fn listens(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended at once: {status}").into());
            }
            if begun.elapsed() > START_LIMIT {
                return Err(format!("it does not listen on {address}").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already needs no more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pinned(core: Core, program: &Path) -> Command {
    let mut command = Command::new(TASKSET);
    command.args(["-c", &core.0.to_string()]).arg(program).stdin(Stdio::null()).env("TOKIO_WORKER_THREADS", "1");
    command
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<SocketAddr, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Time that all threads of a process have spent on a core.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Failure> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end meanwhile.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Resident memory of a process, in bytes.
pub(crate) fn rss(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS: the process has ended")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
