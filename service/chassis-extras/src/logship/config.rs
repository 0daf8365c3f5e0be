//! Whether log lines are sent to a service that keeps them, and how (contract 2.3).

use std::path::PathBuf;

use chassis_config::{ByteSize, Legacy, Reader, Secret, SecretKeys, Timeout, http_url, section};
use chassis_telemetry::config::{LogFormat, Logging};

section! {
    /// The section `logship`, for [`logship`](super).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LogShip in "logship", fn keys(logging: &Logging) with {
        /// Where lines are posted.
        endpoint: Option<Secret> = None,
    };
    /// Whether lines are sent in bulk to a service that keeps them, such as Loggly (contract 2.3.17).
    enabled: bool = false, above_file ["logging_bulk_enabled"], in_file ["logging_bulk_enabled"];
    /// What waits to be sent: this file, and beside it `<file>.<number>`. Its directory is created. One process at a time
    /// writes it; what an earlier one left is sent.
    file: Option<PathBuf> = None, above_file ["logging_bulk_log_file"], in_file ["logging_bulk_log_file"];
    /// Of the lines; else that of `logging.file_format`.
    format: LogFormat = logging.file_format;
    /// How long lines wait for others to be sent with them.
    interval: Timeout = Timeout::seconds(60),
        above_file ["logging_bulk_send_interval_in_seconds"],
        in_file ["logging_bulk_send_interval_in_seconds"];
    /// How long the endpoint may take for a batch.
    timeout: Timeout = Timeout::seconds(30);
    /// Largest batch (contract 2.3.18).
    max_batch: ByteSize = ByteSize(5_000_000);
    /// Longest line; a longer one is dropped and counted (contract 2.3.18).
    max_line: ByteSize = ByteSize(1_000_000);
    /// What waits takes no more than this of the disk: the oldest lines are dropped and counted.
    max_spool: ByteSize = ByteSize(100 << 20);
    /// How long the end of the process waits for the last lines to be sent.
    shutdown_timeout: Timeout = Timeout::seconds(2);
}

impl LogShip {
    /// Reads the section.
    pub fn read(reader: &mut Reader, logging: &Logging) -> Self {
        const ENDPOINT: &[Legacy] = &[Legacy::same("logging_bulk_endpoint")];
        const ENDPOINT_FILE: &[Legacy] = &[Legacy::same("logging_bulk_endpoint_file")];
        const ABOUT: &str = "Where lines are posted, for example `https://logs-01.loggly.com/bulk/TOKEN/tag/bulk/`. A \
            secret: it may have a token in it.";
        let endpoint = SecretKeys::new("logship.endpoint", "logship.endpoint_file", ABOUT);
        let endpoint = reader.secret(endpoint.legacy(ENDPOINT, ENDPOINT_FILE));
        let ship = Self { endpoint, ..Self::keys(reader, logging) };
        ship.refuse_contradictions(reader);
        ship
    }

    fn refuse_contradictions(&self, reader: &mut Reader) {
        if self.enabled && self.endpoint.is_none() {
            reader.problem("logship.endpoint", "is missing; write the URL that takes the lines, or its file");
        }
        if self.enabled && self.file.is_none() {
            reader.problem("logship.file", "is missing; write the path of a file for what waits to be sent");
        }
        if let Some(Ok(url)) = self.endpoint.as_ref().map(Secret::read)
            && http_url::parse(&url).is_none()
        {
            let reason = "is no URL; write one such as https://logs-01.loggly.com/bulk/TOKEN/tag/bulk/";
            reader.problem("logship.endpoint", reason);
        }
        if self.max_line.0 == 0 || self.max_line.0 >= self.max_batch.0 {
            reader.problem(
                "logship.max_line",
                "is not between 1 and logship.max_batch; write a smaller number",
            );
        }
        if self.max_spool.0 / 2 < self.max_batch.0 {
            let reason = "has no room for two batches; write at least twice logship.max_batch";
            reader.problem("logship.max_spool", reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use LogFormat::{Brief, Cst, JsonDev, JsonEs, JsonProd};

    use chassis_config::{ConfigError, Loaded, Sources, load};
    use chassis_telemetry::config::{Identity, Level};

    use super::*;

    #[derive(Debug)]
    struct Config {
        logging: Logging,
        logship: LogShip,
    }

    const ENDPOINT: &str = "https://logs.example/bulk/geheim/tag/bulk/";

    fn config(env: &[(&str, &str)]) -> Result<Loaded<Config>, ConfigError> {
        load(&Sources::default().with_env(env.iter().copied()), |reader| {
            let identity = Identity::read(reader);
            let logging = Logging::read(reader, &identity);
            Config { logship: LogShip::read(reader, &logging), logging }
        })
    }

    /// contract 2.2.10, contract 2.3.17
    #[test]
    fn the_vocabulary_of_old_is_understood_and_the_endpoint_not_shown() {
        let off = config(&[]).unwrap().config.logship;
        assert!(!off.enabled);
        let loaded = config(&[
            ("logging_bulk_enabled", "True"),
            ("logging_bulk_endpoint", ENDPOINT),
            ("logging_bulk_log_file", "/spool/bulk.log"),
            ("logging_bulk_send_interval_in_seconds", "30"),
        ])
        .unwrap();
        let ship = &loaded.config.logship;
        assert!(ship.enabled);
        assert_eq!(ship.endpoint.as_ref().unwrap().read().unwrap(), ENDPOINT);
        assert_eq!(
            (ship.file.as_deref(), ship.interval),
            (Some("/spool/bulk.log".as_ref()), Timeout::seconds(30))
        );
        let shown = format!("{ship:?} {}", loaded.settings.to_yaml());
        assert!(!shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn what_cannot_work_is_refused_and_the_endpoint_not_repeated() {
        let on = ("CHASSIS_LOGSHIP__ENABLED", "true");
        let text = config(&[on]).unwrap_err().to_string();
        assert!(text.contains("logship.endpoint: is missing") && text.contains("logship.file: is"), "{text}");
        for (key, value, part) in [
            ("CHASSIS_LOGSHIP__ENDPOINT", "ftp://geheim/", "logship.endpoint: is no URL; write one such"),
            ("CHASSIS_LOGSHIP__MAX_LINE", "5000000", "between 1 and logship.max_batch"),
            ("CHASSIS_LOGSHIP__MAX_SPOOL", "9000000", "at least twice logship.max_batch"),
        ] {
            let text = config(&[(key, value)]).unwrap_err().to_string();
            assert!(text.contains(part) && !text.contains("geheim"), "{text}");
        }
    }

    #[test]
    fn contract_2_3_14_a_build_chooses_level_and_formats_unless_they_are_set() {
        let of = |env: &[(&str, &str)]| {
            let Config { logging, logship, .. } = config(env).unwrap().config;
            (logging.level, logging.format, logging.file_format, logship.format)
        };
        assert_eq!(of(&[]), (Level::Info, Cst, JsonEs, JsonEs));
        let build = |name| ("CHASSIS_SERVICE__BUILD", name);
        assert_eq!(of(&[build("dev")]), (Level::Debug, Brief, JsonDev, JsonDev));
        assert_eq!(of(&[build("prod")]), (Level::Info, Brief, JsonProd, JsonProd));
        let own = [build("prod"), ("CHASSIS_LOGGING__FORMAT", "cst"), ("PYMICRO_LOGLEVEL", "WARN")];
        assert_eq!(of(&own), (Level::Warning, Cst, JsonProd, JsonProd));
        let error = config(&[build("staging")]).unwrap_err().to_string();
        assert!(error.contains("no logger is found for a build \"staging\"; write dev, prod"), "{error}");
    }
}
