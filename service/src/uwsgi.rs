//! `--ini`: uWSGI's configuration file, as the document starts its service with one. Read by hand: uWSGI's `#`, `;`,
//! repeated keys and `$(...)` are in no INI library's dialect, and three keys count.

use std::{fs, path::Path};

use anyhow::Context;
use chassis::config::Sources;

use crate::print::complain;

/// Keys that mean something here, with the variable that says the same and has the last word.
const KEYS: [(&str, &str); 5] = [
    ("process", "PYMICRO_CONCURRENCY"),
    ("processes", "PYMICRO_CONCURRENCY"),
    ("workers", "PYMICRO_CONCURRENCY"),
    ("gevent", "PYMICRO_GEVENT"),
    ("http-timeout", "PYMICRO_TIMEOUT"),
];

/// `sources` with what the file says where no variable does. What has no effect is told.
pub(crate) fn with_ini(mut sources: Sources, path: &Path) -> anyhow::Result<Sources> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with(['#', ';', '[']) {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .with_context(|| format!("{}: line {number} is not KEY = VALUE", path.display()))?;
        let variable = KEYS.into_iter().find(|(known, _)| *known == key).map(|(_, variable)| variable);
        match (variable, value.strip_prefix("$(").and_then(|name| name.strip_suffix(')'))) {
            // It says itself that a variable has the last word.
            (Some(_), Some(_)) => {}
            (Some(variable), None) => _ = sources.env.entry(variable.to_owned()).or_insert(value.to_owned()),
            (None, _) => complain!("warning: {}: {key} has no effect: {}", path.display(), reason(key)),
        }
    }
    Ok(sources)
}

fn reason(key: &str) -> &'static str {
    match key {
        "master" | "lazy-apps" | "enable-threads" => "one process serves, and its workers are slots",
        "file" | "module" | "wsgi-file" | "callable" => "the program serves itself",
        "http" | "http-socket" | "socket" => "PYMICRO or server.listen says where the service listens",
        _ => "there is nothing like it here",
    }
}
