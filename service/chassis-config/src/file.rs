//! The file as a flat map of dotted keys.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

use serde_yaml::Value as Yaml;

use super::{Problem, form::Form};

/// How the TOML library hands out a date to those who expect none.
const TOML_DATE: &str = "$__toml_private_datetime";

/// A scalar of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub text: String,
    /// The file.
    pub origin: String,
    /// A string, as opposed to a number or a boolean whose spelling the parser has lost (`1.10` is 1.1).
    pub is_string: bool,
}

pub(super) type Scalars = BTreeMap<String, Scalar>;

/// Reads and flattens `path`, or `draft` in its place; what cannot be used goes to `problems`, the rest is returned all
/// the same, so that one run shows every problem.
pub(super) fn read(path: &Path, draft: Option<&str>, problems: &mut Vec<Problem>) -> Scalars {
    let mut problem = |reason: String| problems.push(Problem { place: path.display().to_string(), reason });
    let text = match draft.map_or_else(|| fs::read_to_string(path), |text| Ok(text.to_owned())) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            problem("is not UTF-8 text; save it as UTF-8".to_owned());
            return Scalars::new();
        }
        Err(error) => {
            problem(format!("cannot be read: {error}; name an existing file or leave the name out"));
            return Scalars::new();
        }
    };
    let mut leaves = Vec::new();
    match Form::of(path, &text).parse(&text) {
        Ok(mapping) => flatten("", mapping, &mut leaves, &mut problem),
        Err(reason) => problem(reason),
    }
    let origin = format!("file {}", path.display());
    let scalar = |(name, text, is_string)| (name, Scalar { text, is_string, origin: origin.clone() });
    leaves.into_iter().map(scalar).collect()
}

/// Leaves the name and the text of each scalar in `leaves`, and whether it is a string.
fn flatten(
    prefix: &str,
    value: Yaml,
    leaves: &mut Vec<(String, String, bool)>,
    problem: &mut impl FnMut(String),
) {
    let name = prefix.to_owned();
    match value {
        Yaml::Mapping(mapping) if mapping.contains_key(TOML_DATE) => {
            problem(format!("{prefix} is a date; put it in quotes"));
        }
        Yaml::Mapping(mapping) => {
            for (key, value) in mapping {
                let Some(key) = key.as_str() else {
                    problem(format!("has a key that is not a string below {prefix:?}; quote it"));
                    continue;
                };
                let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
                flatten(&name, value, leaves, problem);
            }
        }
        Yaml::String(text) => leaves.push((name, text, true)),
        Yaml::Number(number) => leaves.push((name, number.to_string(), false)),
        Yaml::Bool(value) => leaves.push((name, value.to_string(), false)),
        Yaml::Null => problem(format!("{prefix} has no value; write one or remove the line")),
        Yaml::Sequence(_) | Yaml::Tagged(_) => {
            problem(format!("{prefix} must be a single value, not a list or a tag"));
        }
    }
}
