//! Where values come from, before anything is parsed.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Variables that name the configuration file, the first one set wins. `PYMICRO_CONFIG` is contract 1.4.26.
const FILE_VARIABLES: [&str; 2] = ["CHASSIS_CONFIG", "PYMICRO_CONFIG"];

/// Variables that name it as a module, `mysite.configs` (contract 5.10.36).
const MODULE_VARIABLES: [&str; 2] = ["SANIC_CONFIG_MODULE", "SANIC_SETTINGS_MODULE"];

/// A file of this name beside the configuration file wins over it: what changes while the service runs can come from
/// elsewhere than what takes a restart.
const LIVE_FILE: &str = "live.yaml";

/// What the file's name may end with.
const EXTENSIONS: [&str; 4] = ["toml", "yaml", "yml", "json"];

/// The raw inputs of a configuration. Taken as a value, so that tests need no process environment and a reload
/// sees the variables the process started with.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What the program is called, if that is known: the name of its file.
    pub program: Option<String>,
    /// The file, if one is named: YAML, JSON or TOML by its extension, without one by how it begins. A `live.yaml` beside
    /// it wins over it.
    pub file: Option<PathBuf>,
    /// What is read in place of the file's content, to see what would be wrong with it.
    pub draft: Option<String>,
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
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_stem).and_then(OsStr::to_str).map(str::to_owned);
        let sources = Self { program, env: env.collect(), set, ..Self::default() };
        let named = |names: [&str; 2]| names.into_iter().find_map(|name| sources.variable(name));
        let module = || named(MODULE_VARIABLES).map(file_of_module);
        let file = file.or_else(|| named(FILE_VARIABLES).map(PathBuf::from)).or_else(module);
        Self { file, ..sources }
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

    /// The file of what changes while the service runs, if there is one.
    pub(super) fn live_file(&self) -> Option<PathBuf> {
        let file = self.file.as_ref()?.with_file_name(LIVE_FILE);
        file.exists().then_some(file)
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// `mysite.configs` -> `mysite/configs.toml` or another extension, whichever exists. A name that is a path already stays
/// one.
fn file_of_module(name: &str) -> PathBuf {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension) => (stem, Some(extension)),
        _ => (name, None),
    };
    let stem = if stem.contains('/') { stem.to_owned() } else { stem.replace('.', "/") };
    let candidates = EXTENSIONS.iter().filter(|known| extension.is_none_or(|given| given == **known));
    let mut files = candidates.map(|extension| PathBuf::from(format!("{stem}.{extension}")));
    files.find(|file| file.exists()).unwrap_or_else(|| match extension {
        Some(extension) => format!("{stem}.{extension}").into(),
        None => stem.into(),
    })
}
