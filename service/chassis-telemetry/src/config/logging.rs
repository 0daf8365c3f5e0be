//! What is logged.

use chassis_config::{ByteSize, Count, Legacy, Optional, Reader};

use super::{
    Build, Identity, Level, LogFormat,
    log_file::{LogConfig, LogFile},
};

/// The section `logging`: what is logged, where to, and how. `logging.config_file` (`PYMICRO_LOGCONFIG`) names a file of Python's `logging`
/// (TOML, YAML or INI) whose values take the place of the defaults; what it says in vain is a warning at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// Default INFO, in the build `dev` DEBUG.
    pub level: Level,
    /// Of standard output. Default cst, in a build brief.
    pub format: LogFormat,
    /// What `json-es` says in `index`. Default: the service's name.
    pub index: String,
    /// A file that gets every line too; its directory is created. Default none.
    pub file: Optional,
    /// Default json-es, in a build json-dev or json-prod.
    pub file_format: LogFormat,
    /// A file that would get longer is put aside. Default 1024000 bytes (contract 5.8.31).
    pub file_size: ByteSize,
    /// Whether lines of [functions](crate::logging::Function) show the values of arguments. Default false: they may be
    /// secrets.
    pub args: bool,
    /// How many of those are kept beside the current one, 1 to 1024. Default 10.
    pub file_count: Count,
}

impl Logging {
    /// Reads the section.
    pub fn read(reader: &mut Reader, service: &Identity) -> Self {
        const LEVEL: &[Legacy] = &[
            Legacy::same("CST_STREAM_LOG_LEVEL"),
            Legacy::same("APP_STREAM_LOG_LEVEL"),
            Legacy::same("PYMICRO_LOGLEVEL"),
        ];
        const CONFIG_FILE: &[Legacy] = &[Legacy::same("PYMICRO_LOGCONFIG")];
        let path: Option<LogConfig> = reader.key("logging.config_file").above_file(CONFIG_FILE).or(None);
        let told = path.map(|LogConfig { path, told }| {
            for unused in &told.unused {
                reader.warn(format!("{}: {unused}", path.display()));
            }
            told
        });
        let LogFile { level, format, file, file_format, file_size, file_count, unused: _ } =
            told.unwrap_or_default();
        let build = service.build;
        let level = level.or(build.map(Build::level)).unwrap_or(Level::Info);
        let format = format.or(build.map(Build::console)).unwrap_or(LogFormat::Cst);
        let file_format = file_format.or(build.map(Build::format)).unwrap_or(LogFormat::JsonEs);
        Self {
            level: reader.key("logging.level").above_file(LEVEL).or(level),
            format: reader.key("logging.format").or(format),
            index: reader.key("logging.index").or(service.name.clone()),
            args: reader.key("logging.args").or(false),
            file: reader.key("logging.file").or(file.unwrap_or(Optional::NONE)),
            file_format: reader.key("logging.file_format").or(file_format),
            file_size: reader.key("logging.file_size").or(file_size.unwrap_or(ByteSize(1_024_000))),
            file_count: reader.key("logging.file_count").or(file_count.unwrap_or(Count::new(10))),
        }
    }
}
