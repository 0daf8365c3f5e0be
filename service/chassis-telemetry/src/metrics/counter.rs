//! Counters whose updates are pushed.

use std::{fmt, sync::Arc};

use prometheus::{Error, IntCounter, IntCounterVec};

use crate::statsd::{Outlet, Update};

/// A count that is scraped and, in push mode, sent to statsd with each update (contract 1.3.20). Cheap to clone; an
/// update allocates nothing.
#[derive(Clone)]
pub struct Counter {
    value: IntCounter,
    update: Arc<Update>,
    outlet: Arc<Outlet>,
}

impl Counter {
    pub(super) fn new(value: IntCounter, update: Update, outlet: &Arc<Outlet>) -> Self {
        Self { value, update: Arc::new(update), outlet: Arc::clone(outlet) }
    }

    /// One more.
    pub fn inc(&self) {
        self.value.inc();
        self.outlet.one(&self.update);
    }

    /// `count` more; nothing for 0.
    pub fn add(&self, count: u64) {
        if count > 0 {
            self.value.inc_by(count);
            self.outlet.many(&self.update, count);
        }
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.value.get()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} so far {}", self.update, self.get())
    }
}

/// Counters of one name, told apart by labels.
#[derive(Clone)]
pub struct Counters {
    name: Arc<str>,
    labels: Arc<[String]>,
    values: IntCounterVec,
    outlet: Arc<Outlet>,
}

impl Counters {
    pub(super) fn new(name: &str, labels: &[&str], values: IntCounterVec, outlet: &Arc<Outlet>) -> Self {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Self { name: name.into(), labels, values, outlet: Arc::clone(outlet) }
    }

    /// The counter with these values of the labels, in their order. Look it up once and keep it: the look-up formats
    /// what an update sends. Values must come from a small set, never from a client.
    ///
    /// An error when there are more or fewer values than labels.
    pub fn with(&self, values: &[&str]) -> Result<Counter, Error> {
        let value = self.values.get_metric_with_label_values(values)?;
        let tags = self.labels.iter().map(String::as_str).zip(values.iter().copied());
        Ok(Counter::new(value, Update::new(&self.name, tags), &self.outlet))
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{:?}", self.name, self.labels)
    }
}
