use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Most bytes that wait to be written: where nobody reads them, lines are lost rather than memory.
const MOST_WAITING: usize = 1024 * 1024;

/// How long lines are gathered before they are written together.
const GATHERED_FOR: Duration = Duration::from_millis(20);

/// Lines on their way out. Whoever logs one never waits for its reader.
#[derive(Clone, Debug)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Something came, or went.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Lines that found no room.
    lost: u64,
    /// The thread has some that are not yet written.
    writing: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.lost == 0
    }
}

impl Lines {
    /// Lines that a thread writes to `output`.
    pub(super) fn to(output: impl Write + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let shared = lines.0.clone();
        std::thread::spawn(move || shared.write_all(output));
        lines
    }

    /// Waits until everything so far is written, but not for a reader that takes nothing.
    pub(super) fn flush(&self) {
        let waiting = self.0.lock();
        let is_busy = |waiting: &mut Waiting| waiting.writing || !waiting.is_empty();
        // What is not written by then is lost with the process.
        drop(self.0.changed.wait_timeout_while(waiting, Duration::from_secs(1), is_busy));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len() + line.len() > MOST_WAITING {
            waiting.lost += 1;
            return;
        }
        let is_first = waiting.is_empty();
        waiting.bytes.extend_from_slice(line);
        if is_first {
            self.changed.notify_all();
        }
    }

    fn write_all(&self, mut output: impl Write) {
        let mut batch = Vec::new();
        loop {
            let idle = |waiting: &mut Waiting| waiting.is_empty();
            drop(self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner));
            std::thread::sleep(GATHERED_FOR);
            let mut waiting = self.lock();
            std::mem::swap(&mut batch, &mut waiting.bytes);
            let lost = std::mem::take(&mut waiting.lost);
            waiting.writing = true;
            drop(waiting);

            // Nobody is left to be told that the log cannot be written.
            let _ = output.write_all(&batch).and_then(|()| tell_lost(&mut output, lost)).and_then(|()| output.flush());
            batch.clear();
            self.lock().writing = false;
            self.changed.notify_all();
        }
    }
}

fn tell_lost(output: &mut impl Write, lost: u64) -> io::Result<()> {
    if lost == 0 {
        Ok(())
    } else {
        writeln!(output, "{{\"level\":\"ERROR\",\"message\":\"log lines were lost\",\"lines\":{lost}}}")
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// Takes one line, whole.
pub(super) struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// An output that hands on what is written, one batch after another, and takes none unasked.
    struct Slow {
        written: Sender<Vec<u8>>,
        go_on: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.written.send(bytes.to_vec());
            let _ = self.go_on.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_out_whole_and_in_order() {
        let (written, batches) = channel();
        let (going, go_on) = channel();
        drop(going);
        let lines = Lines::to(Slow { written, go_on });
        let mut expected = Vec::new();
        for number in 0..100 {
            let line = format!("line {number}\n");
            lines.make_writer().write_all(line.as_bytes()).expect("never fails");
            expected.extend_from_slice(line.as_bytes());
        }
        lines.flush();
        assert_eq!(batches.try_iter().flatten().collect::<Vec<u8>>(), expected);
    }

    #[test]
    fn a_reader_that_stops_costs_lines_and_neither_memory_nor_time() {
        let (written, batches) = channel();
        let (going, go_on) = channel();
        let lines = Lines::to(Slow { written, go_on });
        lines.make_writer().write_all(b"first\n").expect("never fails");
        assert_eq!(batches.recv().expect("the first batch"), b"first\n");
        let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<u8>>();
        for _ in 0..1500 {
            lines.make_writer().write_all(&line).expect("never fails");
        }
        assert_eq!(lines.0.lock().bytes.len(), MOST_WAITING);
        drop(going);
        lines.flush();
        let rest = batches.try_iter().flatten().collect::<Vec<u8>>();
        let told = String::from_utf8_lossy(&rest[MOST_WAITING..]).into_owned();
        assert!(told.contains("\"lines\":476"), "{told}");
    }
}
