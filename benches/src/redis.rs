//! A Redis server for a benchmark: its own, without persistence, on the server's core.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Failure;
use crate::place::{GENERATOR, SERVER, TASKSET};
use crate::process::{Process, free_port};

/// Debian's `redis-server`.
const PROGRAM: &str = "redis-server";

/// Debian's `redis-tools`.
const BENCHMARK: &str = "redis-benchmark";

/// What is said to the server when work is done that it is watched during.
const END_OF_WORK: &str = "end-of-work";

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    /// Starts one. `None` where it is not installed.
    pub(crate) async fn start() -> Result<Option<Self>, Failure> {
        if Command::new(PROGRAM).arg("--version").output().is_err() {
            return Ok(None);
        }
        let address = free_port()?;
        let port = address.port().to_string();
        let arguments = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let mut process = Process::start(SERVER, Path::new(PROGRAM), arguments)?;
        process.listens(address).await.map_err(|error| format!("{PROGRAM}: {error}"))?;
        Ok(Some(Self { process, address }))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A number that `INFO` tells.
    pub(crate) async fn told(&self, section: &str, field: &str) -> Result<u64, Failure> {
        let text = self.info(section).await?;
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(line.ok_or_else(|| format!("INFO {section} has no {field}"))?.trim().parse()?)
    }

    /// Which scripts are run during some work, by whomever, and how often each: by its hash, or its text.
    pub(crate) async fn scripts_during<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<(T, HashMap<String, u64>), Failure> {
        let mut stream = BufReader::new(TcpStream::connect(self.address).await?);
        stream.write_all(b"MONITOR\r\n").await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        let watching = tokio::spawn(scripts_until(stream, END_OF_WORK));
        let done = work.await?;
        let mut end = TcpStream::connect(self.address).await?;
        end.write_all(format!("PING {END_OF_WORK}\r\n").as_bytes()).await?;
        Ok((done, watching.await??))
    }

    async fn info(&self, section: &str) -> Result<String, Failure> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(format!("INFO {section}\r\nQUIT\r\n").as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    /// Stores `count` values for [`Self::take_all`] to take.
    pub(crate) fn fill(&self, count: usize) -> Result<(), Failure> {
        self.benchmark(count, &["-P", "100", "SET", "bench:__rand_int__", &"x".repeat(200)])
    }

    /// `redis-benchmark -c 50 -P 1 GETDEL`, `count` times.
    pub(crate) fn take_all(&self, count: usize) -> Result<(), Failure> {
        self.benchmark(count, &["-P", "1", "GETDEL", "bench:__rand_int__"])
    }

    fn benchmark(&self, count: usize, arguments: &[&str]) -> Result<(), Failure> {
        let (core, port, count) = (GENERATOR.0.to_string(), self.address.port().to_string(), count.to_string());
        let output = Command::new(TASKSET)
            .args(["-c", &core, BENCHMARK, "-q", "-p", &port, "-c", "50", "-n", &count, "-r", &count])
            .args(arguments)
            .output()?;
        if output.status.success() { Ok(()) } else { Err(format!("{BENCHMARK}: {}", output.status).into()) }
    }
}

/// Reads what `MONITOR` tells up to a mark: `+TIME [DATABASE CLIENT] "COMMAND" "ARGUMENT" …`.
async fn scripts_until(mut told: impl AsyncBufRead + Unpin, mark: &str) -> Result<HashMap<String, u64>, Failure> {
    let mut scripts = HashMap::new();
    let mut line = String::new();
    while told.read_line(&mut line).await? > 0 {
        if line.contains(mark) {
            return Ok(scripts);
        }
        let mut words = line.split('"').skip(1).step_by(2);
        if let (Some("EVALSHA" | "EVAL" | "evalsha" | "eval"), Some(script)) = (words.next(), words.next()) {
            *scripts.entry(script.to_owned()).or_default() += 1;
        }
        line.clear();
    }
    Err(format!("{PROGRAM} told no more of what it does").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_apart_and_what_they_call_is_not_counted() {
        let told = concat!(
            "+1.0 [0 127.0.0.1:1] \"EVALSHA\" \"aa\" \"1\" \"nodes\"\r\n",
            "+1.1 [0 lua] \"SET\" \"aa\" \"EVALSHA\"\r\n",
            "+1.2 [0 127.0.0.1:1] \"EVALSHA\" \"aa\" \"1\" \"nodes\"\r\n",
            "+1.3 [0 127.0.0.1:1] \"EVAL\" \"return 1\" \"0\"\r\n",
            "+1.4 [0 127.0.0.1:2] \"PING\" \"end-of-work\"\r\n",
            "+1.5 [0 127.0.0.1:1] \"EVALSHA\" \"late\" \"0\"\r\n",
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let scripts = runtime.block_on(scripts_until(told.as_bytes(), END_OF_WORK)).expect("told to the end");
        assert_eq!(scripts, HashMap::from([("aa".to_owned(), 2), ("return 1".to_owned(), 1)]));
    }
}
