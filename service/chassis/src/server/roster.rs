//! Which worker did how much.

use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

use chassis_telemetry::statsd::Tally;

/// Gives each request in hand the lowest number that is free, so that few workers do all of a light load, and counts
/// by worker. Grows to the most requests that were ever in hand at once.
#[derive(Debug, Default)]
pub(super) struct Roster {
    free: BinaryHeap<Reverse<usize>>,
    used: usize,
    tallies: Vec<Tally>,
}

/// A request in hand.
#[derive(Debug)]
pub(super) struct Turn {
    number: usize,
    began: Instant,
}

impl Roster {
    pub(super) fn begin(&mut self) -> Turn {
        let number = self.free.pop().map_or(self.used, |Reverse(number)| number);
        self.used = self.used.max(number + 1);
        Turn { number, began: Instant::now() }
    }

    pub(super) fn end(&mut self, turn: &Turn, requests_per_worker: u32) {
        self.free.push(Reverse(turn.number));
        let worker = turn.number / usize::try_from(requests_per_worker).unwrap_or(usize::MAX);
        if worker >= self.tallies.len() {
            self.tallies.resize(worker + 1, Tally::default());
        }
        let tally = &mut self.tallies[worker];
        tally.requests += 1;
        tally.busy += turn.began.elapsed();
    }

    pub(super) fn tallies(&self) -> Vec<Tally> {
        self.tallies.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_works_and_every_request_is_counted_once() {
        let mut roster = Roster::default();
        let (first, second, third) = (roster.begin(), roster.begin(), roster.begin());
        roster.end(&second, 1);
        roster.end(&first, 1);
        let again = roster.begin();
        assert_eq!(again.number, 0);
        roster.end(&again, 1);
        roster.end(&third, 1);
        let requests: Vec<_> = roster.tallies().iter().map(|tally| tally.requests).collect();
        assert_eq!(requests, [2, 1, 1]);
    }

    #[test]
    fn requests_in_one_hand_are_of_one_worker() {
        let mut roster = Roster::default();
        let turns: Vec<_> = (0..4).map(|_| roster.begin()).collect();
        for turn in &turns {
            roster.end(turn, 2);
        }
        assert_eq!(roster.tallies().iter().map(|tally| tally.requests).collect::<Vec<_>>(), [2, 2]);
    }
}
