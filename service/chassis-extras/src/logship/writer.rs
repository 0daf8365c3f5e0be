//! From a line that is logged to the disk, without anybody waiting for the disk.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use tokio::sync::oneshot;

use super::{counts::Counts, spool::Spool};

/// Bytes that wait for the disk; what would be more is dropped.
const QUEUE: usize = 8 << 20;

/// Where lines go in. Clones write to the same spool.
#[derive(Clone)]
pub(super) struct Lines(Arc<Queue>);

struct Queue {
    messages: Sender<Message>,
    /// Bytes that wait.
    waiting: AtomicUsize,
    max_line: usize,
    counts: Counts,
}

enum Message {
    Line(Box<[u8]>),
    Close(oneshot::Sender<()>),
}

impl Lines {
    /// Writes what comes in to `spool`, in a thread of its own, until no clone is left.
    pub(super) fn into_spool(spool: Spool, max_line: usize, counts: Counts) -> io::Result<Self> {
        let (messages, received) = mpsc::channel();
        let lines = Self(Arc::new(Queue { messages, waiting: AtomicUsize::new(0), max_line, counts }));
        let queue = Arc::downgrade(&lines.0);
        let taken = move |bytes| {
            if let Some(queue) = queue.upgrade() {
                queue.waiting.fetch_sub(bytes, Relaxed);
            }
        };
        thread::Builder::new().name("logship".to_owned()).spawn(move || write(spool, &received, taken))?;
        Ok(lines)
    }

    /// Takes a line with its line break, or drops and counts it. Never waits, and logs nothing: it is called where
    /// something is logged.
    pub(super) fn push(&self, line: &[u8]) {
        let Queue { messages, waiting, max_line, counts } = &*self.0;
        // The line break does not count.
        if line.len() > max_line + 1 {
            return counts.too_long.inc();
        }
        let bytes = line.len();
        let room = waiting.fetch_add(bytes, Relaxed) + bytes <= QUEUE;
        if !room || messages.send(Message::Line(line.into())).is_err() {
            waiting.fetch_sub(bytes, Relaxed);
            counts.queue_full.inc();
        }
    }

    /// Puts aside what has come in so far, to be sent.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        // Without the thread there is nothing to wait for.
        if self.0.messages.send(Message::Close(done)).is_ok() {
            _ = closed.await;
        }
    }
}

fn write(mut spool: Spool, messages: &Receiver<Message>, taken: impl Fn(usize)) {
    let mut next = messages.recv().ok();
    while let Some(message) = next {
        match message {
            Message::Line(line) => {
                spool.append(&line);
                taken(line.len());
            }
            Message::Close(done) => {
                spool.flush();
                let closed = spool.close();
                spool.said(&closed);
                _ = done.send(());
            }
        }
        next = messages.try_recv().ok().or_else(|| {
            spool.flush();
            messages.recv().ok()
        });
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes wait", self.0.waiting.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    #[tokio::test]
    async fn what_came_in_before_a_close_is_closed_whoever_else_is_writing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ship.log");
        let counts = Counts::default();
        let spool = Spool::open(&path, 1000, 1 << 20, counts.clone()).unwrap();
        let lines = Lines::into_spool(spool, 100, counts.clone()).unwrap();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let lines = lines.clone();
                thread::spawn(move || (0..500).for_each(|n| lines.push(format!("{writer} {n}\n").as_bytes())))
            })
            .collect();
        for _ in 0..20 {
            lines.close().await;
        }
        for writer in writers {
            writer.join().unwrap();
        }
        lines.push(&[b'x'; 102]);
        lines.close().await;
        let files = super::super::spool::closed(&path).unwrap();
        let all: Vec<String> = files.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect();
        let all = all.concat();
        for writer in 0..4 {
            let of_one: Vec<_> = all.lines().filter(|line| line.starts_with(&writer.to_string())).collect();
            let expected: Vec<_> = (0..500).map(|n| format!("{writer} {n}")).collect();
            assert_eq!(of_one, expected);
        }
        assert_eq!((counts.spooled.get(), counts.too_long.get(), counts.dropped()), (2000, 1, 1));
    }

    #[test]
    fn more_than_can_wait_is_dropped_and_counted() {
        let counts = Counts::default();
        let (messages, _kept) = mpsc::channel();
        let queue = Queue { messages, waiting: AtomicUsize::new(0), max_line: QUEUE, counts: counts.clone() };
        let lines = Lines(Arc::new(queue));
        lines.push(&vec![b'x'; QUEUE - 1]);
        lines.push(b"yy");
        lines.push(b"z");
        assert_eq!(counts.queue_full.get(), 1);
    }
}
