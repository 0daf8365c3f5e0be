use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One step that changes labels, or keeps or drops what has them; as in Prometheus' relabel_config.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Relabeling {
    /// What is done: replace (the default), keep, drop, hashmod, labelmap, labeldrop, labelkeep,
    /// lowercase, uppercase, keepequal or dropequal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<RelabelAction>,

    /// Labels whose values are looked at, joined by the separator, such as `[__meta_kubernetes_pod_node_name]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "label_names")]
    pub source_labels: Vec<String>,

    /// Between the values of sourceLabels. Default: `;`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub separator: Option<String>,

    /// What the joined values are matched with, from the first to the last character. Default: `(.*)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub regex: Option<String>,

    /// Label that gets the result, for replace, hashmod, lowercase, uppercase, keepequal and dropequal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub target_label: Option<String>,

    /// What the label gets; `$1` is the first group of the regex. Default: `$1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub replacement: Option<String>,

    /// For hashmod: the hash of the joined values modulo this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub modulus: Option<i32>,
}

/// What a [`Relabeling`] does.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // Prometheus' own words.
pub enum RelabelAction {
    Replace,
    Keep,
    Drop,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
    KeepEqual,
    DropEqual,
}

/// As the Prometheus Operator's own definition has it.
fn label_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": {"type": "string", "maxLength": 256, "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    })
}
