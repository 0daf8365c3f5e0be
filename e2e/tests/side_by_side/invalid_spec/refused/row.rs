use serde_json::Value;

/// A spec, and a part of the answer to it.
pub type Row = (Value, &'static str);
