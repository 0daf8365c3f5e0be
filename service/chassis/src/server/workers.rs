//! Worker slots: how many requests may be worked on at a time, changeable while they run.
//!
//! A worker is a slot, not a thread: it has `requests_per_worker` requests in hand (contract 0b.12). Invariant: a
//! request waits only while every slot is taken, so whoever frees or adds a slot hands it to the oldest in the
//! queue under the same lock, and a newcomer cannot get ahead.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use chassis_http::answer::ServiceError;
use chassis_telemetry::statsd::{Snapshot, Tally, Workload};
use tokio::{sync::oneshot, time::timeout_at};

use super::{
    metrics::Traffic,
    queue::{Queue, Ticket},
    roster::{Roster, Turn},
};
use crate::config;

/// Waiting requests per slot, as the queue-proxy of Knative allows.
const QUEUED_PER_SLOT: u32 = 10;

/// How many workers, and how much each has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// `server.workers`
    pub workers: config::Count,
    /// `server.requests_per_worker`
    pub requests_per_worker: config::Count,
}

impl Size {
    /// What the configuration asks for.
    pub fn of(server: &config::Server) -> Self {
        Self { workers: server.workers, requests_per_worker: server.requests_per_worker }
    }

    fn slots(self) -> u32 {
        self.workers.get() * self.requests_per_worker.get()
    }

    fn queue_limit(self) -> u32 {
        self.slots() * QUEUED_PER_SLOT
    }
}

#[derive(Debug)]
struct State {
    size: Size,
    busy: u32,
    queue: Queue,
    roster: Roster,
}

impl State {
    fn release(&mut self) {
        self.busy -= 1;
        self.hand_out();
    }

    fn is_full(&self) -> bool {
        self.busy >= self.size.slots() && self.queue.len() >= self.size.queue_limit()
    }

    fn hand_out(&mut self) {
        while self.busy < self.size.slots() && self.queue.call_next() {
            self.busy += 1;
        }
    }
}

/// All worker slots of a program.
#[derive(Debug)]
pub struct Workers {
    state: Mutex<State>,
    /// Whether a newcomer would be refused: looked at without the lock.
    full: AtomicBool,
    traffic: Arc<Traffic>,
}

impl Workers {
    pub(super) fn new(size: Size, traffic: Arc<Traffic>) -> Self {
        Self {
            state: Mutex::new(State { size, busy: 0, queue: Queue::default(), roster: Roster::default() }),
            full: AtomicBool::new(false),
            traffic,
        }
    }

    /// Refuses what [`slot`](Self::slot) would refuse now, before more of the request is received.
    pub(crate) fn expect_room(&self) -> Result<(), ServiceError> {
        if self.full.load(Relaxed) {
            self.traffic.rejected_queue_full();
            return Err(ServiceError::QueueFull);
        }
        Ok(())
    }

    /// Counts a request that was refused for its body's size among all bodies.
    pub(crate) fn rejected_body_budget(&self) {
        self.traffic.rejected_body_budget();
    }

    /// Waits for a slot, in turn, until `deadline` at most. Dropping the future gives the place up.
    pub(crate) async fn slot(self: &Arc<Self>, deadline: Instant) -> Result<Slot, ServiceError> {
        let mut place = match self.enter() {
            Entry::Free(slot) => {
                self.traffic.waited(std::time::Duration::ZERO);
                return Ok(slot);
            }
            Entry::Waiting(place) => place,
            Entry::Full => {
                self.traffic.rejected_queue_full();
                return Err(ServiceError::QueueFull);
            }
        };
        let since = Instant::now();
        let called = timeout_at(deadline.into(), &mut place.called).await;
        self.traffic.waited(since.elapsed());
        if let Ok(Ok(())) = called {
            return Ok(place.into_slot());
        }
        self.traffic.rejected_deadline();
        Err(ServiceError::QueueDeadline)
    }

    /// Changes the number of slots at once: a growth lets waiting requests in, a shrink waits for busy slots to
    /// finish and cuts nothing off. Requests that already wait keep their place even above the new limit.
    pub fn resize(&self, size: Size) {
        let mut state = self.state();
        state.size = size;
        state.hand_out();
        self.note(&state);
    }

    /// The state right now.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        Snapshot {
            workers: state.size.workers.get(),
            requests_per_worker: state.size.requests_per_worker.get(),
            busy: state.busy,
            queued: state.queue.len(),
            queue_limit: state.size.queue_limit(),
        }
    }

    fn enter(self: &Arc<Self>) -> Entry {
        let mut state = self.state();
        if state.busy < state.size.slots() {
            state.busy += 1;
            Entry::Free(Slot { turn: state.roster.begin(), workers: Arc::clone(self) })
        } else if state.queue.len() < state.size.queue_limit() {
            let (ticket, called) = state.queue.push();
            self.note(&state);
            Entry::Waiting(Place { workers: Arc::clone(self), ticket, called, used: false })
        } else {
            Entry::Full
        }
    }

    /// After each change of the queue, under its lock.
    fn note(&self, state: &State) {
        self.full.store(state.is_full(), Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way; a poisoned lock is as good as any other.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workload for Workers {
    fn snapshot(&self) -> Snapshot {
        self.snapshot()
    }

    fn tallies(&self) -> Vec<Tally> {
        self.state().roster.tallies()
    }
}

enum Entry {
    Free(Slot),
    Waiting(Place),
    Full,
}

/// The right to work on one request; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    turn: Turn,
    workers: Arc<Workers>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.workers.state();
        let requests_per_worker = state.size.requests_per_worker.get();
        state.roster.end(&self.turn, requests_per_worker);
        state.release();
        self.workers.note(&state);
    }
}

/// A place in the queue; given up when dropped.
struct Place {
    workers: Arc<Workers>,
    ticket: Ticket,
    called: oneshot::Receiver<()>,
    used: bool,
}

impl Place {
    fn into_slot(mut self) -> Slot {
        self.used = true;
        Slot { turn: self.workers.state().roster.begin(), workers: Arc::clone(&self.workers) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        // After `close` nobody can call any more, so either the slot was handed over just before and has to be
        // given back, or the ticket is still in the queue.
        self.called.close();
        let mut state = self.workers.state();
        if self.called.try_recv().is_ok() {
            state.release();
        } else {
            state.queue.leave(self.ticket);
        }
        self.workers.note(&state);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{FutureExt, future::BoxFuture};
    use prometheus::Registry;

    use super::*;
    use crate::config::Count;

    fn size(workers: u32) -> Size {
        Size { workers: Count::new(workers), requests_per_worker: Count::new(1) }
    }

    fn workers(count: u32) -> Arc<Workers> {
        Arc::new(Workers::new(size(count), Arc::new(Traffic::register(&Registry::new()).unwrap())))
    }

    type Waiting = BoxFuture<'static, Result<Slot, ServiceError>>;

    /// A request that has asked for a slot and did not get it at once.
    fn waiting(workers: &Arc<Workers>) -> Waiting {
        let workers = Arc::clone(workers);
        let mut future = async move { workers.slot(Instant::now() + Duration::from_mins(1)).await }.boxed();
        assert!(future.as_mut().now_or_never().is_none(), "had to wait");
        future
    }

    fn taken(workers: &Arc<Workers>) -> Slot {
        workers.slot(Instant::now()).now_or_never().unwrap().unwrap()
    }

    fn served(waiting: &mut Waiting) -> Option<Slot> {
        waiting.as_mut().now_or_never().map(|slot| slot.unwrap())
    }

    #[tokio::test]
    async fn a_freed_slot_goes_to_the_oldest_and_a_newcomer_cannot_get_ahead() {
        let workers = workers(1);
        let slot = taken(&workers);
        let (mut first, mut second) = (waiting(&workers), waiting(&workers));
        drop(slot);
        let _newcomer = waiting(&workers);
        assert!(served(&mut second).is_none());
        let slot = served(&mut first).unwrap();
        drop(slot);
        assert!(served(&mut second).is_some());
    }

    #[tokio::test]
    async fn a_place_that_is_given_up_frees_itself_before_and_after_the_call() {
        let workers = workers(1);
        let slot = taken(&workers);
        drop(waiting(&workers));
        assert_eq!(workers.snapshot().queued, 0);
        let called = waiting(&workers);
        drop(slot);
        assert_eq!(workers.snapshot().busy, 1, "the slot is on its way to the waiting one");
        drop(called);
        assert_eq!(workers.snapshot().busy, 0);
    }

    #[tokio::test]
    async fn the_queue_holds_ten_per_slot() {
        let workers = workers(2);
        let _slots = [taken(&workers), taken(&workers)];
        let places: Vec<_> = (0..20).map(|_| waiting(&workers)).collect();
        assert_eq!(workers.slot(Instant::now()).await.unwrap_err(), ServiceError::QueueFull);
        assert_eq!(workers.expect_room(), Err(ServiceError::QueueFull));
        drop(places);
        assert_eq!(workers.snapshot().queued, 0);
        assert_eq!(workers.expect_room(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_ends_the_wait() {
        let workers = workers(1);
        let _slot = taken(&workers);
        let deadline = Instant::now() + Duration::from_secs(5);
        assert_eq!(workers.slot(deadline).await.unwrap_err(), ServiceError::QueueDeadline);
        assert_eq!(workers.snapshot().queued, 0);
    }

    #[tokio::test]
    async fn growth_lets_waiting_requests_in_at_once() {
        let workers = workers(1);
        let _slot = taken(&workers);
        let mut places = [waiting(&workers), waiting(&workers), waiting(&workers)];
        workers.resize(size(3));
        let served: Vec<_> = places.iter_mut().map(served).collect();
        assert_eq!(served.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(workers.snapshot().busy, 3);
    }

    #[tokio::test]
    async fn a_shrink_cuts_nothing_off_and_holds_from_the_first_slot_that_is_freed() {
        let workers = workers(3);
        let mut slots = vec![taken(&workers), taken(&workers), taken(&workers)];
        let mut next = waiting(&workers);
        workers.resize(size(1));
        assert_eq!(workers.snapshot().busy, 3);
        slots.pop();
        slots.pop();
        assert!(served(&mut next).is_none(), "one is still busy, and one is allowed");
        slots.pop();
        assert!(served(&mut next).is_some());
    }
}
