//! The sections every service has.

use super::{
    Auth, Build, ByteSize, Cors, Count, HealthPath, Legacy, Level, Listen, LogFormat, LogShip, Metrics,
    Networks, Notify, Optional, Proxy, Reader, Root, Storage, Timeout, Tls, Tracing, documents,
    log_file::{LogConfig, LogFile},
};

/// What the chassis itself needs; features add sections of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `server`
    pub server: Server,
    /// `service`
    pub service: Identity,
    /// `api`
    pub api: Api,
    /// `auth`
    pub auth: Auth,
    /// `cors`
    pub cors: Cors,
    /// `health`
    pub health: Health,
    /// `http`
    pub http: Http,
    /// `openapi`
    pub openapi: OpenApi,
    /// `logging`
    pub logging: Logging,
    /// `logship`
    pub logship: LogShip,
    /// `metrics`
    pub metrics: Metrics,
    /// `notify`
    pub notify: Notify,
    /// `proxy`
    pub proxy: Proxy,
    /// `storage`
    pub storage: Storage,
    /// `tls`
    pub tls: Tls,
    /// `tracing`
    pub tracing: Tracing,
}

impl Config {
    /// Reads every section of the chassis.
    pub fn read(reader: &mut Reader) -> Self {
        documents::read(reader);
        let service = Identity::read(reader);
        let server = Server::read(reader);
        let logging = Logging::read(reader, &service);
        let storage = Storage::read(reader);
        Self {
            logship: LogShip::read(reader, &logging),
            logging,
            notify: Notify::read(reader, &service.name, &storage),
            storage,
            metrics: Metrics::read(reader, &server),
            server,
            service,
            api: Api::read(reader),
            auth: Auth::read(reader),
            cors: Cors::read(reader),
            health: Health::read(reader),
            http: Http::read(reader),
            openapi: OpenApi::read(reader),
            proxy: Proxy::read(reader),
            tls: Tls::read(reader),
            tracing: Tracing::read(reader),
        }
    }
}

/// Listeners, workers and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The service port. Default `http://0.0.0.0:8080`.
    pub listen: Listen,
    /// Probes, metrics and the state of the workers. Default `http://0.0.0.0:9090`.
    pub admin: Listen,
    /// Worker slots, 1 to 1024, default 4; live.
    pub workers: Count,
    /// Requests one worker has in hand at a time, 1 to 1024, default 1; live.
    pub requests_per_worker: Count,
    /// How long a request may wait for a worker, and how long its handler may take once it has one: a handler that
    /// starts late has its whole time, for one that is cut short has worked in vain. Default 60 s.
    pub timeout: Timeout,
    /// For the headers of a request, and between two pieces of its body; the whole body has
    /// [`timeout`](Self::timeout). Default 10 s.
    pub read_timeout: Timeout,
    /// How long an idle connection stays open. Default 90 s: longer than the 75 s for which nginx keeps one, else
    /// nginx sends a request into a connection that is being closed.
    pub keep_alive: Timeout,
    /// Largest request body. Default 1 MiB.
    pub max_body: ByteSize,
    /// How long a shutdown waits for requests that are queued or worked on. Default 30 s.
    pub drain_timeout: Timeout,
    /// Proxies whose `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed when links are made. Default: those of
    /// the same machine or pod.
    pub trusted_proxies: Networks,
}

impl Server {
    fn read(reader: &mut Reader) -> Self {
        const LISTEN: &[Legacy] = &[
            Legacy::same("PYMICRO"),
            Legacy::same("PYMICRO_SERVER"),
            Legacy::rewritten("HOSTING_PORT", on_port),
            Legacy::pair(["SERVER_HOST", "SERVER_PORT"], at),
        ];
        const LISTEN_IN_FILE: &[Legacy] = &[
            Legacy::same("server.pymicro"),
            Legacy::same("server.pymicro_server"),
            Legacy::rewritten("hosting.port", on_port),
            Legacy::pair(["HOST", "PORT"], at),
        ];
        const PORT: &[Legacy] = &[Legacy::rewritten("PORT", on_port)];
        // What the platform gives at start; the file is what changes while the service runs.
        const WORKERS: &[Legacy] = &[Legacy::same("PYMICRO_CONCURRENCY"), Legacy::same("WEB_CONCURRENCY")];
        const PER_WORKER: &[Legacy] = &[Legacy::same("PYMICRO_GEVENT")];
        const TIMEOUT: &[Legacy] = &[Legacy::same("PYMICRO_TIMEOUT")];
        let server = Self {
            listen: reader
                .key("server.listen")
                .above_file(LISTEN)
                .in_file(LISTEN_IN_FILE)
                .below_file(PORT)
                .or(Listen::any(8080)),
            admin: reader.key("server.admin").or(Listen::any(9090)),
            workers: reader.key("server.workers").below_file(WORKERS).live().or(Count::new(4)),
            requests_per_worker: reader
                .key("server.requests_per_worker")
                .below_file(PER_WORKER)
                .live()
                .or(Count::new(1)),
            timeout: reader.key("server.timeout").above_file(TIMEOUT).or(Timeout::seconds(60)),
            read_timeout: reader.key("server.read_timeout").or(Timeout::seconds(10)),
            keep_alive: reader.key("server.keep_alive").or(Timeout::seconds(90)),
            max_body: reader.key("server.max_body").or(ByteSize(1 << 20)),
            drain_timeout: reader.key("server.drain_timeout").or(Timeout::seconds(30)),
            trusted_proxies: reader.key("server.trusted_proxies").or(Networks::loopback()),
        };
        if server.listen.clashes_with(&server.admin) {
            let reason = format!("both are {}; give them different ports", server.admin);
            reader.problem("server.listen and server.admin", reason);
        }
        server
    }
}

/// All addresses of the machine, as a URL.
fn on_port(port: &str) -> String {
    at([None, Some(port)])
}

/// A host and a port (contract 5.10.36), as a URL.
fn at([host, port]: [Option<&str>; 2]) -> String {
    format!("http://{}:{}", host.unwrap_or("0.0.0.0"), port.unwrap_or("8080"))
}

/// Who the service says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Default `Microservice` (contract 4.1.1: the program's name in title case); a given name is kept as it is.
    pub name: String,
    /// Default `N/A`.
    pub version: String,
    /// What it chooses holds unless a setting says otherwise: the level of the log and the formats of its lines. Default
    /// none.
    pub build: Option<Build>,
}

impl Identity {
    fn read(reader: &mut Reader) -> Self {
        const NAME: &[Legacy] = &[Legacy::same("CST_PROJECT_NAME"), Legacy::same("APP_ID")];
        const NAME_IN_FILE: &[Legacy] = &[Legacy::same("about.service"), Legacy::same("APP_ID")];
        const VERSION: &[Legacy] = &[Legacy::same("CST_PROJECT_VERSION")];
        const VERSION_IN_FILE: &[Legacy] = &[Legacy::same("about.version")];
        const BUILD_IN_FILE: &[Legacy] = &[Legacy::same("about.build_config")];
        Self {
            name: reader
                .key("service.name")
                .above_file(NAME)
                .in_file(NAME_IN_FILE)
                .or("Microservice".to_owned()),
            version: reader
                .key("service.version")
                .above_file(VERSION)
                .in_file(VERSION_IN_FILE)
                .or("N/A".to_owned()),
            build: reader.key("service.build").in_file(BUILD_IN_FILE).or(None),
        }
    }
}

/// What all routes have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Items of a page, 1 to 1024, default 25; a client may ask for four times as many (contract 4.4.17).
    pub page_size: Count,
}

impl Api {
    fn read(reader: &mut Reader) -> Self {
        const PAGE_SIZE: &[Legacy] = &[Legacy::same("CST_API_DEFAULT_PAGE_SIZE")];
        Self { page_size: reader.key("api.page_size").above_file(PAGE_SIZE).or(Count::new(25)) }
    }
}

/// Where the service reports itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Default `/status` (contract 4.1.3).
    pub path: HealthPath,
}

impl Health {
    fn read(reader: &mut Reader) -> Self {
        const PATH: &[Legacy] = &[Legacy::same("CST_HEALTH_CHECK_ENDPOINT")];
        Self { path: reader.key("health.path").above_file(PATH).or(HealthPath::default()) }
    }
}

/// What is served besides the routes of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// What `GET /` does. Default docs (contract 0b.10).
    pub root: Root,
}

impl Http {
    fn read(reader: &mut Reader) -> Self {
        Self { root: reader.key("http.root").or(Root::Docs) }
    }
}

/// What the OpenAPI document says besides the routes (contract 5.9.33).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApi {
    /// What the service is for.
    pub description: String,
    /// A URL. Default none.
    pub terms_of_service: Optional,
    /// Whom to write to. Default nobody.
    pub contact_email: Optional,
}

impl OpenApi {
    fn read(reader: &mut Reader) -> Self {
        let description = "Every answer carries `X-Operation-Id`, under which the log has what happened.";
        Self {
            description: reader.key("openapi.description").or(description.to_owned()),
            terms_of_service: reader.key("openapi.terms_of_service").or(Optional::NONE),
            contact_email: reader.key("openapi.contact_email").or(Optional::NONE),
        }
    }
}

/// What is logged, where to, and how. `logging.config_file` (`PYMICRO_LOGCONFIG`) names a file of Python's `logging`
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
    fn read(reader: &mut Reader, service: &Identity) -> Self {
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

#[cfg(test)]
mod tests {
    use super::{
        super::{ConfigError, Sources, load},
        *,
    };

    fn config(env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load(&Sources::default().with_env(env.iter().copied()), Config::read).map(|loaded| loaded.config)
    }

    #[test]
    fn platform_and_legacy_variables_are_understood() {
        let config = config(&[
            ("PORT", "8081"),
            ("WEB_CONCURRENCY", "3"),
            ("PYMICRO_CONCURRENCY", "6"),
            ("PYMICRO_GEVENT", "2"),
            ("PYMICRO_TIMEOUT", "5"),
            ("PYMICRO_LOGLEVEL", "WARN"),
            ("CST_PROJECT_NAME", "my-first-cst-app"),
            ("CST_HEALTH_CHECK_ENDPOINT", "my-custom-status"),
        ])
        .unwrap();
        assert_eq!(config.server.listen, Listen::any(8081));
        assert_eq!(
            (config.server.workers, config.server.requests_per_worker),
            (Count::new(6), Count::new(2))
        );
        assert_eq!(config.server.timeout, Timeout::seconds(5));
        assert_eq!(config.logging.level, Level::Warning);
        assert_eq!(config.service.name, "my-first-cst-app");
        assert_eq!(config.health.path.to_string(), "/my-custom-status");
    }

    #[test]
    fn one_port_for_both_listeners_is_refused() {
        let error = config(&[("PORT", "9090")]).unwrap_err().to_string();
        assert!(error.contains("give them different ports"), "{error}");
    }

    /// contract 1.4.25
    #[test]
    fn an_invalid_listen_url_of_a_legacy_variable_keeps_the_lower_layer() {
        for bad in ["http://:5000", "http://h:abc", "www.x.com"] {
            assert_eq!(
                config(&[("PYMICRO", bad), ("PORT", "81")]).unwrap().server.listen,
                Listen::any(81),
                "{bad}"
            );
        }
    }
}
