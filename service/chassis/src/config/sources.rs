//! Where values come from, before anything is parsed.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// Variables that name the configuration file, the first one set wins. `PYMICRO_CONFIG` is contract 1.4.26.
const FILE_VARIABLES: [&str; 2] = ["CHASSIS_CONFIG", "PYMICRO_CONFIG"];

/// The raw inputs of a configuration. Taken as a value, so that tests need no process environment and a reload
/// sees the variables the process started with.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The YAML file, if one is named.
    pub file: Option<PathBuf>,
    /// The environment. An empty variable counts as unset.
    pub env: BTreeMap<String, String>,
    /// `--set` flags in the order given.
    pub set: Vec<(String, String)>,
}

impl Sources {
    /// The process's environment and what the command line said. `file` (the `--config` flag) wins over the
    /// variables that name a file.
    pub fn from_process(file: Option<PathBuf>, set: Vec<(String, String)>) -> Self {
        let text = |value: OsString| value.into_string().ok();
        let env = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        let sources = Self { file: None, env: env.collect(), set };
        let named = FILE_VARIABLES.iter().find_map(|name| sources.variable(name)).map(PathBuf::from);
        Self { file: file.or(named), ..sources }
    }

    /// The same sources with these variables added.
    #[must_use]
    pub fn with_env<N: Into<String>, V: Into<String>>(
        mut self,
        env: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.env.extend(env.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The same sources with this file.
    #[must_use]
    pub fn with_file(self, file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
