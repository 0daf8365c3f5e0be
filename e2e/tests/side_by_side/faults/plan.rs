//! What goes wrong, and when.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{Method, StatusCode};
use tokio::sync::watch;

/// Before or after the API server has done what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator dies without having seen an answer.
    Dies(Moment),
    /// The connection ends without an answer.
    Cut(Moment),
    /// Another answer than the API server's, which never hears of it.
    Refused(StatusCode),
    /// It takes so long.
    Late(Duration),
    /// There never is an answer.
    Silence,
}

/// Which writes of a step go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hits {
    /// The one of this number, from 0.
    Nth(usize),
    /// Each the first time that it is tried.
    EachOnce,
}

/// How the watches that run are disturbed, at the moment when something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// The connection ends in the middle of an event.
    Cut,
    /// The version is too old, said in the stream.
    Gone,
    /// Not a byte more comes.
    Silence,
}

/// What a list or a watch is answered while it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Status(StatusCode),
    Cut,
}

/// All that goes wrong in one arm of the matrix.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    pub writes: Option<(Hits, Fault)>,
    pub watches: Option<Disturbance>,
    /// So often each path that is listed or watched is refused, from the disturbance on.
    pub reads: Option<(Refusal, usize)>,
    /// Only in this step, from 0; none: in each.
    pub step: Option<usize>,
}

/// A plan under way.
#[derive(Debug)]
pub struct Faults {
    plan: Plan,
    step: Mutex<Step>,
    disturbances: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Step {
    /// From 1.
    number: usize,
    writes: usize,
    struck: HashSet<(Method, String)>,
    refused: Vec<String>,
    /// Over all steps.
    hits: usize,
}

impl Faults {
    pub fn new(plan: Plan) -> Self {
        Self { plan, step: Mutex::default(), disturbances: watch::Sender::default() }
    }

    /// From now on writes are counted anew; the running watches are disturbed.
    pub fn next_step(&self) {
        let mut step = self.step();
        *step = Step { number: step.number + 1, hits: step.hits, ..Step::default() };
        if self.plan.watches.is_some() && self.is_on(&step) {
            step.hits += 1;
            self.disturbances.send_modify(|count| *count += 1);
        }
    }

    /// Writes since the step began.
    pub fn writes(&self) -> usize {
        self.step().writes
    }

    /// How often something went wrong.
    pub fn hits(&self) -> usize {
        self.step().hits
    }

    /// What becomes of this write.
    pub fn of_write(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut step = self.step();
        let number = step.writes;
        step.writes += 1;
        let (hits, fault) = self.plan.writes.filter(|_| self.is_on(&step))?;
        let is_hit = match hits {
            Hits::Nth(nth) => number == nth,
            Hits::EachOnce => step.struck.insert((method.clone(), path.to_owned())),
        };
        step.hits += usize::from(is_hit);
        is_hit.then_some(fault)
    }

    /// What becomes of this list or watch.
    pub fn of_read(&self, path: &str) -> Option<Refusal> {
        let (refusal, times) = self.plan.reads?;
        let mut step = self.step();
        if !self.is_on(&step) || step.refused.iter().filter(|refused| *refused == path).count() >= times {
            return None;
        }
        step.refused.push(path.to_owned());
        step.hits += 1;
        Some(refusal)
    }

    /// For a running watch: the disturbance, when it comes.
    pub fn disturbance(&self) -> (watch::Receiver<usize>, Option<Disturbance>) {
        (self.disturbances.subscribe(), self.plan.watches)
    }

    fn is_on(&self, step: &Step) -> bool {
        self.plan.step.is_none_or(|only| only + 1 == step.number)
    }

    fn step(&self) -> std::sync::MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
