//! The YAML file as a flat map of dotted keys.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

use serde_yaml::Value as Yaml;

use super::Problem;

/// A scalar of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub text: String,
    /// A YAML string, as opposed to a number or a boolean whose spelling the parser has lost (`1.10` is 1.1).
    pub is_string: bool,
}

pub(super) type Scalars = BTreeMap<String, Scalar>;

/// Reads and flattens `path`; what cannot be used goes to `problems`, the rest is returned all the same, so that
/// one run shows every problem.
pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> Scalars {
    let mut problem = |reason: String| problems.push(Problem { place: path.display().to_string(), reason });
    let text = match fs::read_to_string(path) {
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
    match serde_yaml::from_str::<Yaml>(&text) {
        Ok(Yaml::Mapping(mapping)) => {
            let mut scalars = Scalars::new();
            flatten("", Yaml::Mapping(mapping), &mut scalars, &mut problem);
            scalars
        }
        // An empty file, or one of comments only.
        Ok(Yaml::Null) => Scalars::new(),
        Ok(_) => {
            problem("is not a YAML mapping; write `section: {key: value}` lines".to_owned());
            Scalars::new()
        }
        Err(error) => {
            problem(format!("is not valid YAML: {error}"));
            Scalars::new()
        }
    }
}

fn flatten(prefix: &str, value: Yaml, scalars: &mut Scalars, problem: &mut impl FnMut(String)) {
    let scalar = |text: String, is_string| Scalar { text, is_string };
    match value {
        Yaml::Mapping(mapping) => {
            for (key, value) in mapping {
                let Some(key) = key.as_str() else {
                    problem(format!("has a key that is not a string below {prefix:?}; quote it"));
                    continue;
                };
                let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
                flatten(&name, value, scalars, problem);
            }
        }
        Yaml::String(text) => _ = scalars.insert(prefix.to_owned(), scalar(text, true)),
        Yaml::Number(number) => _ = scalars.insert(prefix.to_owned(), scalar(number.to_string(), false)),
        Yaml::Bool(value) => _ = scalars.insert(prefix.to_owned(), scalar(value.to_string(), false)),
        Yaml::Null => problem(format!("{prefix} has no value; write one or remove the line")),
        Yaml::Sequence(_) | Yaml::Tagged(_) => {
            problem(format!("{prefix} must be a single value, not a list or a tag"));
        }
    }
}
