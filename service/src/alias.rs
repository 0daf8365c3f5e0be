//! Names under which the program is called as the document's own (contract 1.6.31-32): symbolic links to it.

use std::{ffi::OsStr, path::Path};

use chassis::config::{Loaded, Sources, Value};

use crate::{Config, print::say};

/// Variables whose defaults `pymicro_uwsgi` tells, with the key that each sets.
const VARIABLES: [(&str, &str); 6] = [
    ("PYMICRO", "server.listen"),
    ("PYMICRO_CONCURRENCY", "server.workers"),
    ("PYMICRO_TIMEOUT", "server.timeout"),
    ("PYMICRO_SEND_METRICS", "metrics.push"),
    ("PYMICRO_STATSD", "metrics.statsd"),
    ("PYMICRO_LOGLEVEL", "logging.level"),
];

/// What the program was called as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alias {
    /// `microservice`, `pymicro_server` or any other name.
    Program,
    /// `pymicro_uwsgi`: says what it is going to do before it serves.
    Uwsgi,
}

impl Alias {
    /// By the first argument.
    pub fn of(program: &OsStr) -> Self {
        if Path::new(program).file_name() == Some(OsStr::new("pymicro_uwsgi")) {
            Self::Uwsgi
        } else {
            Self::Program
        }
    }

    /// Prints what the name asks for; an error where the document's program refuses to start.
    pub(crate) fn announce(self, sources: &Sources) -> anyhow::Result<()> {
        if self == Self::Program {
            return Ok(());
        }
        let Loaded { config, settings, .. } = Config::load(sources)?;
        let set = |name: &str| sources.env.get(name).filter(|value| !value.is_empty());
        if let Some(text) = set("PYMICRO_SEND_METRICS").filter(|text| bool::parse(text).is_none()) {
            anyhow::bail!("PYMICRO_SEND_METRICS: {}", bool::refusal(text));
        }
        for (name, key) in VARIABLES {
            if let (None, Some(setting)) = (set(name), settings.get(key)) {
                _ = say!("{name} is not set, {key} is {}", setting.value);
            }
        }
        let chassis::Config { server, metrics, .. } = &config.chassis;
        let listen = &server.listen;
        _ = say!("starts app in PYMICRO={listen}, HOST={}, PORT={}", listen.host, listen.port);
        if metrics.push {
            _ = say!("metrics sent to {}", metrics.statsd);
        } else {
            _ = say!("metrics in {listen}/metrics");
        }
        Ok(())
    }
}
