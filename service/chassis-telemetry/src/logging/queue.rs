//! Lines on their way to a place that may stall: a pipe that nobody reads, a disk that hangs. Whoever logs never waits;
//! a thread does.
//!
//! Of `tracing-appender` 0.2.5, which has such a writer, three things do not fit. Its one way to write what waits at the
//! end, dropping the `WorkerGuard`, prints to standard output when the queue is full: the end then waits for the stalled
//! pipe for ever. Its bound is a number of lines and not of bytes, so that memory has none. And the binary gets 80 KB
//! larger by it.

use std::{
    io, mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use prometheus::IntCounter;

/// Bytes that may wait, and about as many may be in the writer's hands; a line that would be more is lost.
const ROOM: usize = 1 << 20;

/// Lines that wait for one place.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write, or the end has come.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
    lost: IntCounter,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    ended: bool,
}

impl Queue {
    /// Gives whole lines to `write` in a thread called `name`, until the [end](Self::end). Those that are lost are counted
    /// by `lost`: by Prometheus' own counter, as the push of another logs when it fails.
    pub(super) fn start(
        name: &str,
        lost: IntCounter,
        write: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue =
            Arc::new(Self { state: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new(), lost });
        let thread = Arc::clone(&queue);
        thread::Builder::new().name(name.to_owned()).spawn(move || thread.write_all(write))?;
        Ok(queue)
    }

    /// Takes a line with its line break, or counts it as lost. Logs nothing: it is called where something is logged.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.ended || state.waiting.len() + line.len() > ROOM {
            return self.lost.inc();
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        self.filled.notify_one();
    }

    /// Takes no more lines, and waits until those it has are written, until `deadline` at most.
    pub(super) fn end(&self, deadline: Instant) {
        let mut state = self.lock();
        state.ended = true;
        self.filled.notify_one();
        let unwritten = |state: &mut State| state.writing || !state.waiting.is_empty();
        let left = deadline.saturating_duration_since(Instant::now());
        // Nobody is there any more who could be told of what is not written then.
        drop(self.emptied.wait_timeout_while(state, left, unwritten));
    }

    fn write_all(&self, mut write: impl FnMut(&[u8])) {
        let mut lines = Vec::new();
        while self.take(&mut lines) {
            write(&lines);
            lines.clear();
        }
    }

    /// Waits for lines and puts them into the empty `lines`; false when no more will come.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        state.writing = false;
        if state.waiting.is_empty() {
            self.emptied.notify_all();
        }
        let nothing = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let mut state = self.filled.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.waiting, lines);
        state.writing = !lines.is_empty();
        state.writing
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    fn lost() -> IntCounter {
        IntCounter::new("lost_total", "Lost").unwrap()
    }

    #[test]
    fn lines_of_many_threads_arrive_whole_and_all_of_them_before_the_end() {
        let (written, lines) = mpsc::channel();
        let queue =
            Queue::start("lines", lost(), move |lines| written.send(lines.to_vec()).unwrap()).unwrap();
        thread::scope(|scope| {
            for writer in 0..4 {
                let queue = &queue;
                scope.spawn(move || (0..500).for_each(|n| queue.push(format!("{writer} {n}\n").as_bytes())));
            }
        });
        queue.end(Instant::now() + Duration::from_secs(20));
        let text = String::from_utf8(lines.try_iter().flatten().collect()).unwrap();
        for writer in 0..4 {
            let of_one: Vec<_> = text.lines().filter(|line| line.starts_with(&writer.to_string())).collect();
            let expected: Vec<_> = (0..500).map(|n| format!("{writer} {n}")).collect();
            assert_eq!(of_one, expected);
        }
        queue.push(b"late\n");
        assert_eq!(queue.lost.get(), 1);
    }

    #[test]
    fn a_place_that_stalls_holds_up_nobody_and_costs_counted_lines() {
        let (resume, stalled) = mpsc::channel::<()>();
        let (written, lines) = mpsc::channel();
        let write = move |lines: &[u8]| {
            _ = stalled.recv();
            _ = written.send(lines.len());
        };
        let queue = Queue::start("stalled", lost(), write).unwrap();
        let line = vec![b'x'; 1 << 16];
        for _ in 0..100 {
            queue.push(&line);
        }
        // What fits is in the queue, and in the hands of the thread as much as it has found there.
        assert!((100 - 32..=100 - 16).contains(&queue.lost.get()), "{}", queue.lost.get());
        let deadline = Instant::now() + Duration::from_millis(50);
        queue.end(deadline);
        assert!(Instant::now() >= deadline, "it waits for the place");
        drop(resume);
        let kept = 100 - usize::try_from(queue.lost.get()).unwrap();
        assert_eq!(lines.iter().sum::<usize>(), kept << 16);
    }
}
