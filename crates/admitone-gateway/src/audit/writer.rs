use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::{Event, What};
use crate::metrics::Metrics;

/// Lines that may wait to be written.
const WAITING: usize = 8192;

/// How long a flush waits for room in the queue.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Longer than any line, so that a line is buffered whole or not at all.
const BUFFER_BYTES: usize = 64 * 1024;

/// Lines on their way to a file or to standard output, written by a thread of their own.
#[derive(Debug)]
pub(super) struct Writer {
    queue: SyncSender<Order>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Lost, and not told of yet.
    lost: AtomicU64,
    reopen: AtomicBool,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
enum Order {
    Write(String),
    /// Says when everything before it is written.
    Flush(oneshot::Sender<()>),
    /// Nothing but a reason to look.
    Look,
}

impl Writer {
    pub(super) fn to_stdout(metrics: Arc<Metrics>) -> Self {
        Self::start(Output { path: None, sink: Box::new(stdout()) }, metrics)
    }

    pub(super) fn to_file(path: &Path, metrics: Arc<Metrics>) -> io::Result<Self> {
        let sink = Box::new(append(path)?);
        Ok(Self::start(Output { path: Some(path.to_owned()), sink }, metrics))
    }

    fn start(output: Output, metrics: Arc<Metrics>) -> Self {
        let (queue, orders) = sync_channel(WAITING);
        let shared = Arc::new(Shared { lost: AtomicU64::new(0), reopen: AtomicBool::new(false), metrics });
        let output = BufWriter::with_capacity(BUFFER_BYTES, output);
        let thread = Thread { output, shared: shared.clone(), failing: false };
        std::thread::spawn(move || thread.run(&orders));
        Self { queue, shared }
    }

    /// Never waits: a line that does not fit is counted.
    pub(super) fn write(&self, line: String) {
        if self.queue.try_send(Order::Write(line)).is_err() {
            self.shared.lose(1);
        }
    }

    pub(super) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        // A full queue is a reason to look, too.
        let _ = self.queue.try_send(Order::Look);
    }

    pub(super) async fn flush(&self, limit: Duration) {
        let flushed = async {
            let (done, flushed) = oneshot::channel();
            let mut order = Order::Flush(done);
            while let Err(TrySendError::Full(back)) = self.queue.try_send(order) {
                order = back;
                tokio::time::sleep(FULL_PAUSE).await;
            }
            // Without its thread nobody answers, and nothing is left to wait for.
            let _ = flushed.await;
        };
        // What is not written by then is lost with the process.
        let _ = tokio::time::timeout(limit, flushed).await;
    }
}

impl Shared {
    fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
        self.metrics.audit_lost(lines);
    }
}

struct Thread {
    output: BufWriter<Output>,
    shared: Arc<Shared>,
    /// The last write did not succeed, which has been told.
    failing: bool,
}

impl Thread {
    /// Until nobody tells anything any more.
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = match orders.try_recv() {
                Ok(order) => order,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    self.flush();
                    let Ok(order) = orders.recv() else { break };
                    order
                }
            };
            self.obey(order);
        }
        self.flush();
    }

    fn obey(&mut self, order: Order) {
        if self.shared.reopen.swap(false, Ordering::Acquire) {
            self.flush();
            self.output.get_mut().reopen();
        }
        match order {
            Order::Write(line) => {
                self.tell_of_lost_lines();
                if !self.write(line) {
                    self.shared.lose(1);
                }
            }
            Order::Flush(done) => {
                self.tell_of_lost_lines();
                self.flush();
                // Whoever waited may have given up.
                let _ = done.send(());
            }
            Order::Look => {}
        }
    }

    fn tell_of_lost_lines(&mut self) {
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        let event = Event { count: Some(lost), ..Event::new(What::Lost) };
        if lost > 0 && !self.write(event.json("", SystemTime::now())) {
            self.shared.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// False when the line found no room because what is before it cannot be written.
    fn write(&mut self, mut line: String) -> bool {
        line.push('\n');
        let written = self.output.write_all(line.as_bytes());
        self.note(written)
    }

    fn flush(&mut self) {
        let flushed = self.output.flush();
        self.note(flushed);
    }

    fn note(&mut self, outcome: io::Result<()>) -> bool {
        let has_failed = outcome.is_err();
        if let (Err(error), false) = (outcome, self.failing) {
            tracing::error!(%error, "audit lines cannot be written; those that find no room meanwhile are lost");
        }
        self.failing = has_failed;
        !has_failed
    }
}

struct Output {
    path: Option<PathBuf>,
    sink: Box<dyn Write + Send>,
}

impl Output {
    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match append(path) {
            Ok(file) => self.sink = Box::new(file),
            Err(error) => tracing::error!(%error, "the audit file cannot be opened again: the old one is still used"),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o640);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A file that takes nothing while it is held.
    #[derive(Clone, Default)]
    struct Slow {
        gate: Arc<Mutex<()>>,
        text: Arc<Mutex<Vec<u8>>>,
        full: Arc<AtomicBool>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.gate.lock().expect("a gate");
            if self.full.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.text.lock().expect("a text").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Slow {
        fn writer(&self) -> (Writer, Arc<Metrics>) {
            let metrics = Arc::new(Metrics::new());
            (Writer::start(Output { path: None, sink: Box::new(self.clone()) }, metrics.clone()), metrics)
        }

        fn lines(&self) -> Vec<String> {
            let text = String::from_utf8(self.text.lock().expect("a text").clone()).expect("UTF-8");
            text.lines().map(str::to_owned).collect()
        }
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_full_queue_never_waits_and_the_stream_tells_how_many_lines_are_missing() {
        let slow = Slow::default();
        let (writer, metrics) = slow.writer();
        let held = slow.gate.lock().expect("a gate");
        let many = 3 * WAITING as u64;
        for number in 0..many {
            writer.write(format!("{{\"n\":{number},\"filler\":\"{}\"}}", "x".repeat(100)));
        }
        let lost = metrics.audit_lines_lost();
        assert!((1..many).contains(&lost), "{lost}");
        drop(held);
        writer.flush(LIMIT).await;
        let lines = slow.lines();
        assert_eq!(lines.len() as u64, many - lost + 1);
        let told = lines.iter().find(|line| line.contains("lines_lost")).expect("a line that tells");
        assert!(told.ends_with(&format!("\"count\":{lost}}}")), "{told}");
    }

    #[tokio::test]
    async fn what_does_not_fit_on_a_full_disk_is_counted_and_the_rest_follows() {
        let slow = Slow::default();
        let (writer, metrics) = slow.writer();
        slow.full.store(true, Ordering::Relaxed);
        let line = "y".repeat(1000);
        for _ in 0..200 {
            writer.write(line.clone());
        }
        writer.flush(LIMIT).await;
        let lost = metrics.audit_lines_lost();
        assert!((1..200).contains(&lost), "{lost}");
        slow.full.store(false, Ordering::Relaxed);
        writer.write("last".to_owned());
        writer.flush(LIMIT).await;
        let lines = slow.lines();
        let whole = lines.iter().filter(|known| **known == line).count() as u64;
        assert_eq!(whole, 200 - lost);
        let told =
            lines.iter().filter_map(|line| line.rsplit_once("\"count\":")?.1.strip_suffix('}')?.parse::<u64>().ok());
        assert_eq!(told.sum::<u64>(), lost, "short lines that tell of it fit where long ones did not");
        assert_eq!(lines.last().map(String::as_str), Some("last"));
    }
}
