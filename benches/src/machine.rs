//! What is measured on, and who else uses it.

use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::process::cpu;
use crate::{Failure, haproxy, nginx};

/// The machine, as every output begins.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    load: String,
    version: &'static str,
    nginx: Option<String>,
    haproxy: Option<String>,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
        let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
        let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
        Self {
            cores: processors,
            processor: processor.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned()),
            kernel,
            load,
            version: env!("CARGO_PKG_VERSION"),
            nginx: version(nginx::PROGRAM, "nginx version: nginx/"),
            haproxy: version(haproxy::PROGRAM, "HAProxy version "),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |version: &Option<String>| version.clone().unwrap_or_else(|| "missing".to_owned());
        let Self { cores, processor, kernel, load, version, nginx, haproxy } = self;
        let (nginx, haproxy) = (of(nginx), of(haproxy));
        write!(
            f,
            "{cores} cores ({processor}), Linux {kernel}, load {load}; admitone {version}; nginx {nginx}; HAProxy {haproxy}"
        )
    }
}

/// What a program says of its version behind `words`, up to the next blank.
fn version(program: &str, words: &str) -> Option<String> {
    let output = Command::new(program).arg("-v").output().ok()?;
    let text = String::from_utf8([output.stdout, output.stderr].concat()).ok()?;
    text.lines().find_map(|line| line.strip_prefix(words)?.split_whitespace().next().map(str::to_owned))
}

/// Compares what the machine does with what we do.
#[derive(Debug)]
pub(crate) struct Watch {
    ours: Vec<u32>,
    begun: Instant,
    machine: Duration,
    own: Duration,
}

impl Watch {
    /// Begins; `ours` are the processes that count as ours beside this one.
    pub(crate) fn begin(ours: &[u32]) -> Result<Self, Failure> {
        let mut ours = ours.to_vec();
        ours.push(std::process::id());
        Ok(Self { begun: Instant::now(), machine: busy()?, own: total(&ours)?, ours })
    }

    /// Cores' worth of work by others since the beginning.
    pub(crate) fn others(&self) -> Result<f64, Failure> {
        let machine = busy()?.saturating_sub(self.machine);
        let own = total(&self.ours)?.saturating_sub(self.own);
        Ok(machine.saturating_sub(own).as_secs_f64() / self.begun.elapsed().as_secs_f64())
    }
}

/// Time that these processes have spent on a core.
pub(crate) fn total(pids: &[u32]) -> Result<Duration, Failure> {
    pids.iter().map(|pid| cpu(*pid)).sum()
}

/// Time that all cores were not idle, stolen time included.
fn busy() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks[..] else {
        return Err("/proc/stat has too few fields".into());
    };
    // A tick is 10 ms on every Linux that matters here (USER_HZ).
    Ok(Duration::from_millis((user + nice + system + irq + softirq + steal) * 10))
}
