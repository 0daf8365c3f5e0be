use std::sync::Arc;

use operator_core::{api::MicroserviceRef, model::Settings};

use super::memory::Memory;
use crate::{
    cluster::{read::Reader, write::Writer},
    process::metrics::Metrics,
};

/// What the driver hands to each step.
pub struct Context {
    /// What is seen of the cluster.
    pub reader: Reader,
    /// What is changed in it.
    pub writer: Writer,
    /// What is remembered.
    pub memory: Memory,
    /// What the operator was started with.
    pub settings: Settings,
    /// The operator's own numbers.
    pub metrics: Arc<Metrics>,
}

impl Context {
    /// Nothing is remembered yet.
    pub fn new(reader: Reader, writer: Writer, settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self { reader, writer, memory: Memory::new(metrics.clone()), settings, metrics }
    }

    /// Drops what is kept of a Microservice that is gone, or memory would grow with each that was.
    pub fn forget(&self, name: &MicroserviceRef) {
        self.memory.is_well(name);
        self.memory.unreadable(name, false);
        self.memory.lag(name, None, false);
        self.reader.forget(name);
    }
}
