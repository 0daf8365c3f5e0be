//! What is logged.

use chassis_config::{ByteSize, Count, Legacy, Optional, Reader, section};

use super::{
    Build, Identity, Level, LogFormat,
    log_file::{LogConfig, LogFile},
};

section! {
    /// The section `logging`: what is logged, where to, and how. `logging.config_file` (`PYMICRO_LOGCONFIG`) names a file of
    /// Python's `logging` (TOML, YAML or INI) whose values take the place of the defaults; what it says in vain is a
    /// warning at start.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Logging in "logging", fn keys(told: LogFile, service: &Identity);
    /// The least severe lines that are logged; in the build `dev` DEBUG.
    level: Level = told.level.or(service.build.map(Build::level)).unwrap_or(Level::Info),
        above_file ["CST_STREAM_LOG_LEVEL", "APP_STREAM_LOG_LEVEL", "PYMICRO_LOGLEVEL"];
    /// Of standard output; in a build brief.
    format: LogFormat = told.format.or(service.build.map(Build::console)).unwrap_or(LogFormat::Cst);
    /// Whether each request that was answered is a line at INFO; else it is one at DEBUG.
    access: bool = false;
    /// What lines of `cst` begin with, and `json-es` says in `index`; else the service's name or that of its program.
    index: String = service.app.clone();
    /// Whether lines of [functions](crate::logging::Function) show the values of arguments: they may be secrets.
    args: bool = false;
    /// A file that gets every line too; its directory is created.
    file: Optional = told.file.unwrap_or(Optional::NONE);
    /// Of the lines in that file; in a build json-dev or json-prod.
    file_format: LogFormat =
        told.file_format.or(service.build.map(Build::format)).unwrap_or(LogFormat::JsonEs);
    /// A file that would get longer is put aside (contract 5.8.31).
    file_size: ByteSize = told.file_size.unwrap_or(ByteSize(1_024_000));
    /// How many of those are kept beside the current one.
    file_count: Count = told.file_count.unwrap_or(Count::new(10));
}

impl Logging {
    /// Reads the section.
    pub fn read(reader: &mut Reader, service: &Identity) -> Self {
        const ABOUT: &str =
            "A file of Python's `logging`, whose values take the place of the defaults of this section.";
        const CONFIG_FILE: &[Legacy] = &[Legacy::same("PYMICRO_LOGCONFIG")];
        let path = reader.key("logging.config_file").about(ABOUT).above_file(CONFIG_FILE);
        let told = path.or(None).map(|LogConfig { path, told }| {
            for unused in &told.unused {
                reader.warn(format!("{}: {unused}", path.display()));
            }
            told
        });
        Self::keys(reader, told.unwrap_or_default(), service)
    }
}
