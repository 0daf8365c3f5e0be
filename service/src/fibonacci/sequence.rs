//! The numbers as text, computed once and kept: a list is always the beginning of a longer one.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use tokio::{
    sync::Mutex,
    task::{JoinError, spawn_blocking},
};

use super::{config::MaxCount, decimal::Decimal};

/// Numbers of a segment: at 10000 numbers it has 200 kB, more than a socket takes at once.
pub(super) const PER_SEGMENT: usize = 100;

/// Segments that are computed without a look at whether anybody still waits for them: 1 ms at 10000 numbers.
const PER_STEP: usize = 10;

/// What stands before each number, the first one included.
pub(super) const SEPARATOR: &[u8] = b",\n    ";

/// [`PER_SEGMENT`] numbers in a row.
#[derive(Debug)]
pub(super) struct Segment {
    /// A separator and a number, and so on.
    text: Bytes,
    /// Where in the text each number ends.
    ends: Vec<usize>,
}

impl Segment {
    fn compute(pair: &mut Pair) -> Self {
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(PER_SEGMENT);
        for _ in 0..PER_SEGMENT {
            // All at once instead of by doubling: the numbers of a segment differ by 21 digits.
            let room = SEPARATOR.len() + pair.this.digits_at_most();
            text.reserve(room * (PER_SEGMENT - ends.len()));
            text.extend_from_slice(SEPARATOR);
            pair.this.write(&mut text);
            ends.push(text.len());
            pair.advance();
        }
        text.shrink_to_fit();
        Self { text: text.into(), ends }
    }

    /// The first `count` numbers, without a copy.
    pub(super) fn prefix(&self, count: usize) -> Bytes {
        self.text.slice(..self.len(count))
    }

    /// The first `count` numbers, each with its separator.
    pub(super) fn numbers(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let ends = self.ends.iter().take(count);
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(ends).map(|(start, end)| &self.text[*start..*end])
    }

    /// Bytes of the first `count` numbers with their separators.
    pub(super) fn len(&self, count: usize) -> usize {
        count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default()
    }
}

/// Two neighbours of the sequence.
#[derive(Debug)]
struct Pair {
    this: Decimal,
    next: Decimal,
}

impl Pair {
    fn start() -> Self {
        Self { this: Decimal::digit(0), next: Decimal::digit(1) }
    }

    /// Iterative (contract 3.1.13) and without an allocation but for a new limb.
    fn advance(&mut self) {
        self.this.add(&self.next);
        std::mem::swap(&mut self.this, &mut self.next);
    }
}

/// Where the computed part ends.
#[derive(Debug)]
struct Frontier {
    computed: usize,
    pair: Pair,
}

/// The first `fibonacci.max_count` numbers, as far as somebody has asked for them.
///
/// Memory: the digits and no more than 10 bytes beside each number, shared by all answers: 10.5 MB for 10000 numbers.
/// An answer that a client is slow to take holds nothing of its own.
#[derive(Debug)]
pub(super) struct Sequence {
    segments: Box<[OnceLock<Segment>]>,
    /// Asynchronous, so that requests that wait for numbers being computed hold no thread.
    frontier: Arc<Mutex<Frontier>>,
}

impl Sequence {
    /// Nothing is computed yet.
    pub(super) fn new(most: MaxCount) -> Self {
        let numbers = usize::try_from(most.get()).unwrap_or(usize::MAX);
        let segments = std::iter::repeat_with(OnceLock::new).take(numbers.div_ceil(PER_SEGMENT));
        let frontier = Frontier { computed: 0, pair: Pair::start() };
        Self { segments: segments.collect(), frontier: Arc::new(Mutex::new(frontier)) }
    }

    /// Returns when the first `count` numbers are there: at once if they are already.
    ///
    /// Computing happens outside of the runtime's threads and one step at a time, whoever asks, so that it takes one
    /// core at most. When the caller gives up, the step in hand is finished and kept, and no other is begun.
    pub(super) async fn compute(self: &Arc<Self>, count: usize) -> Result<(), JoinError> {
        let wanted = count.div_ceil(PER_SEGMENT).min(self.segments.len());
        while !self.has(wanted) {
            let mut frontier = Arc::clone(&self.frontier).lock_owned().await;
            let sequence = Arc::clone(self);
            spawn_blocking(move || sequence.step(&mut frontier, wanted)).await?;
        }
        Ok(())
    }

    /// The computed segments of the first `count` numbers, each with how many of its numbers are among them.
    pub(super) fn segments(&self, count: usize) -> impl Iterator<Item = (&Segment, usize)> {
        let firsts = (0..count).step_by(PER_SEGMENT);
        let computed = self.segments.iter().map_while(OnceLock::get);
        computed.zip(firsts).map(move |(segment, first)| (segment, PER_SEGMENT.min(count - first)))
    }

    /// One of them.
    pub(super) fn segment(&self, index: usize) -> Option<&Segment> {
        self.segments.get(index)?.get()
    }

    fn has(&self, segments: usize) -> bool {
        segments.checked_sub(1).is_none_or(|last| self.segment(last).is_some())
    }

    fn step(&self, frontier: &mut Frontier, wanted: usize) {
        let until = wanted.min(frontier.computed + PER_STEP);
        for segment in self.segments.iter().take(until).skip(frontier.computed) {
            segment.get_or_init(|| Segment::compute(&mut frontier.pair));
            frontier.computed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use dashu_int::UBig;
    use futures::FutureExt;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    async fn computed(count: u32) -> Arc<Sequence> {
        let sequence = Arc::new(Sequence::new(MaxCount::new(count)));
        sequence.compute(usize::try_from(count).unwrap()).await.unwrap();
        sequence
    }

    fn numbers(sequence: &Sequence, count: usize) -> Vec<String> {
        let segments = sequence.segments(count);
        let numbers = segments.flat_map(|(segment, count)| segment.numbers(count));
        numbers.map(|text| String::from_utf8(text[SEPARATOR.len()..].to_vec()).unwrap()).collect()
    }

    #[tokio::test]
    async fn the_first_lengths_are_those_of_the_document() {
        let sequence = computed(10).await;
        let document = ["0", "1", "1", "2", "3", "5", "8", "13", "21", "34"];
        for length in 0..=document.len() {
            assert_eq!(numbers(&sequence, length), document[..length], "{length}");
        }
    }

    #[tokio::test]
    async fn every_number_is_that_of_another_library() {
        let sequence = computed(3000).await;
        let numbers = numbers(&sequence, 3000);
        assert_eq!(numbers.len(), 3000);
        let (mut this, mut next) = (UBig::ZERO, UBig::ONE);
        for (index, number) in numbers.iter().enumerate() {
            assert_eq!(*number, this.to_string(), "F({index})");
            (this, next) = (next.clone(), this + next);
        }
    }

    /// A runtime whose only thread for blocking work is busy until the sender is dropped.
    fn busy_elsewhere() -> (Runtime, mpsc::Sender<()>) {
        let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (busy, free) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || free.recv());
        (runtime, busy)
    }

    #[test]
    fn computing_leaves_the_runtime_free_and_what_is_there_is_there_at_once() {
        let (runtime, busy) = busy_elsewhere();
        let sequence = Arc::new(Sequence::new(MaxCount::new(10_000)));
        runtime.block_on(async {
            assert!(sequence.compute(0).now_or_never().is_some(), "nothing to compute");
            assert!(sequence.compute(1).now_or_never().is_none(), "has to be computed elsewhere");
            drop(busy);
            sequence.compute(100).await.unwrap();
            assert!(sequence.compute(100).now_or_never().is_some(), "the same segment");
            assert!(sequence.segment(1).is_none(), "nothing that nobody has asked for");
        });
    }

    #[test]
    fn who_gives_up_stops_the_computation_and_loses_nothing() {
        let (runtime, busy) = busy_elsewhere();
        let sequence = Arc::new(Sequence::new(MaxCount::new(10_000)));
        runtime.block_on(async {
            assert!(sequence.compute(10_000).now_or_never().is_none());
            drop(busy);
            // The step that was begun holds the frontier until it is done.
            let frontier = sequence.frontier.lock().await;
            assert_eq!(frontier.computed, PER_STEP);
            drop(frontier);
            sequence.compute(2000).await.unwrap();
            assert_eq!(numbers(&sequence, 2000), numbers(&*computed(2000).await, 2000));
        });
    }

    #[tokio::test]
    async fn who_comes_at_the_same_time_shares_one_computation() {
        let sequence = Arc::new(Sequence::new(MaxCount::new(3000)));
        let counts = [3000, 1, 2999, 1500, 3000, 101];
        let all = futures::future::join_all(counts.map(|count| {
            let sequence = Arc::clone(&sequence);
            async move {
                sequence.compute(count).await.unwrap();
                numbers(&sequence, count).len()
            }
        }));
        assert_eq!(all.await, counts);
        assert_eq!(sequence.frontier.lock().await.computed, 30);
    }

    #[tokio::test]
    async fn memory_is_bounded_by_the_digits() {
        let sequence = computed(10_000).await;
        let bytes: usize = sequence.segments(10_000).map(|(segment, _)| segment.text.len()).sum();
        // F(n) has n * log10(phi) - log10(5) / 2 digits.
        assert!((10_450_000..10_520_000).contains(&bytes), "{bytes}");
    }
}
