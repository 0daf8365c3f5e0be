//! One event, taken apart.

use std::fmt;

use jiff::Timestamp;
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

use crate::context;

/// What every format shows.
pub(super) struct Record {
    pub time: Timestamp,
    /// Names of the contract (4.2.7).
    pub level: &'static str,
    pub operation_id: String,
    pub logger: &'static str,
    pub message: String,
    pub fields: Vec<(&'static str, serde_json::Value)>,
}

impl Record {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut parts = Parts::default();
        event.record(&mut parts);
        Self {
            time: Timestamp::now(),
            level: match *metadata.level() {
                Level::ERROR => "ERROR",
                Level::WARN => "WARNING",
                Level::INFO => "INFO",
                _ => "DEBUG",
            },
            operation_id: context::operation_id().map_or("No operation_id".to_owned(), |id| id.to_string()),
            logger: metadata.target(),
            message: parts.message,
            fields: parts.fields,
        }
    }
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: Vec<(&'static str, serde_json::Value)>,
}

impl Parts {
    fn field(&mut self, field: &Field, value: impl Into<serde_json::Value>) {
        self.fields.push((field.name(), value.into()));
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.field(field, value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value);
    }
}
