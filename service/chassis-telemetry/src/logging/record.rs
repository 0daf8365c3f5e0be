//! One event, taken apart.

use std::fmt;

use chassis_http::context::{self, OperationId};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

/// What the formats show.
pub(super) struct Record {
    pub time: Timestamp,
    /// Names of the contract (4.2.7).
    pub level: &'static str,
    /// The same, as Python numbers them.
    pub level_number: u8,
    pub operation_id: Option<OperationId>,
    pub logger: &'static str,
    /// There are no names of functions; a module is as near as it gets.
    pub module: &'static str,
    /// Without its directories.
    pub file: &'static str,
    pub line: u32,
    pub message: String,
    pub fields: Vec<(&'static str, serde_json::Value)>,
}

impl Record {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut parts = Parts::default();
        event.record(&mut parts);
        let (level, level_number) = match *metadata.level() {
            Level::ERROR => ("ERROR", 40),
            Level::WARN => ("WARNING", 30),
            Level::INFO => ("INFO", 20),
            _ => ("DEBUG", 10),
        };
        Self {
            time: Timestamp::now(),
            level,
            level_number,
            operation_id: context::operation_id(),
            logger: metadata.target(),
            module: metadata.module_path().unwrap_or_default(),
            file: metadata.file().and_then(|path| path.rsplit('/').next()).unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            message: parts.message,
            fields: parts.fields,
        }
    }

    /// The id, or the words of the contract (4.2.6).
    pub(super) fn operation_id(&self) -> impl fmt::Display + Serialize + use<> {
        Id(self.operation_id)
    }
}

struct Id(Option<OperationId>);

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => id.fmt(out),
            None => out.write_str("No operation_id"),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
