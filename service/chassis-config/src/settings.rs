//! The effective configuration as text: for `config print` and to see what a new file changes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::names::variable_of;

/// One key as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Canonical spelling, readable by the same parser.
    pub value: String,
    /// The layer it came from, for example `default` or `variable PORT`.
    pub origin: String,
    /// Whether a change of the file takes effect without a restart.
    pub live: bool,
    /// Whether YAML needs quotes around it to keep it a string.
    #[serde(skip)]
    pub is_string: bool,
    /// What holds where nobody says otherwise.
    #[serde(skip)]
    pub default: String,
    /// How it is written; completes the sentence "write ...".
    #[serde(skip)]
    pub write: &'static str,
    /// What it means, in Markdown.
    #[serde(skip)]
    pub about: &'static str,
    /// What others call it.
    #[serde(skip)]
    pub names: Names,
}

/// Names of earlier conventions for a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Variables; `<SERVICE>` is the name of the service.
    pub variables: Vec<String>,
    /// Keys of the file.
    pub in_file: Vec<String>,
}

/// Every known key, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    pub(super) fn insert(&mut self, key: &'static str, setting: Setting) {
        self.0.insert(key, setting);
    }

    /// The known keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.0.keys().copied()
    }

    /// One setting, if the key is known.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.0.get(key)
    }

    /// The setting that has this name, by our convention or by an earlier one.
    pub fn named(&self, name: &str) -> Option<(&'static str, &Setting)> {
        let has = |key: &str, Names { variables, in_file }: &Names| {
            key == name
                || variable_of(key) == name
                || variables.iter().chain(in_file).any(|other| other == name)
        };
        self.iter().find(|(key, setting)| has(key, &setting.names))
    }

    /// Every setting, sorted by its key.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.0.iter().map(|(key, setting)| (*key, setting))
    }

    /// Keys whose value differs between the two, with the new setting.
    pub fn changed<'a>(&'a self, newer: &'a Self) -> impl Iterator<Item = (&'static str, &'a Setting)> {
        newer.0.iter().filter_map(|(key, new)| {
            let same = self.0.get(key).is_some_and(|old| old.value == new.value);
            (!same).then_some((*key, new))
        })
    }

    /// A configuration file that says the same, each line with its origin as a comment.
    pub fn to_yaml(&self) -> String {
        let mut yaml = String::new();
        let mut section = "";
        // Keys without a section first: after a section they would read as part of it.
        let (top, nested): (Vec<_>, Vec<_>) = self.0.iter().partition(|(key, _)| !key.contains('.'));
        for (key, setting) in top.into_iter().chain(nested) {
            // A JSON string is a YAML string.
            let quoted = || serde_json::Value::from(setting.value.as_str()).to_string();
            let value = if setting.is_string { quoted() } else { setting.value.clone() };
            let (group, name) = key.split_once('.').unwrap_or(("", key));
            if group != section {
                yaml.push_str(group);
                yaml.push_str(":\n");
                section = group;
            }
            let indent = if group.is_empty() { "" } else { "  " };
            yaml.extend([indent, name, ": ", &value, "  # ", &setting.origin, "\n"]);
        }
        yaml
    }
}
