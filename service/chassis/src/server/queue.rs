//! Requests that wait for a worker, first come first served.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Ordered by ticket: the oldest is taken from the front, and one that gave up is removed from the middle without
/// looking at the others.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Ticket, oneshot::Sender<()>>,
    next: u64,
}

impl Queue {
    pub(super) fn push(&mut self) -> (Ticket, oneshot::Receiver<()>) {
        let (call, called) = oneshot::channel();
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.insert(ticket, call);
        (ticket, called)
    }

    /// Calls the oldest that still waits; `false` when nobody does.
    pub(super) fn call_next(&mut self) -> bool {
        while let Some((_, call)) = self.waiting.pop_first() {
            if call.send(()).is_ok() {
                return true;
            }
        }
        false
    }

    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_still_waits_is_called() {
        let mut queue = Queue::default();
        let (_, gave_up) = queue.push();
        let (left, _kept) = queue.push();
        let (_, mut third) = queue.push();
        let (_, mut fourth) = queue.push();
        drop(gave_up);
        queue.leave(left);
        assert!(queue.call_next());
        assert!(third.try_recv().is_ok());
        assert!(fourth.try_recv().is_err());
        assert_eq!(queue.len(), 1);
        assert!(queue.call_next());
        assert!(!queue.call_next());
    }
}
