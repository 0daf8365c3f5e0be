//! The sections every service has.

use chassis_config::Reader;
use chassis_db::config::Db;
#[cfg(feature = "logship")]
use chassis_extras::logship::config::LogShip;
#[cfg(feature = "notify")]
use chassis_extras::notify::config::Notify;
#[cfg(feature = "proxy")]
use chassis_extras::proxied_client::config::Proxy;
use chassis_http::config::Api;
use chassis_telemetry::config::{Identity, Logging, Metrics, Tracing};
use chassis_wire::config::Tls;

use super::{Auth, Cors, Health, Http, OpenApi, Root, Server, Storage, documents};

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
    /// `db`
    pub db: Db,
    /// `health`
    pub health: Health,
    /// `http`
    pub http: Http,
    /// `openapi`
    pub openapi: OpenApi,
    /// `logging`
    pub logging: Logging,
    /// `logship`
    #[cfg(feature = "logship")]
    pub logship: LogShip,
    /// `metrics`
    pub metrics: Metrics,
    /// `notify`
    #[cfg(feature = "notify")]
    pub notify: Notify,
    /// `proxy`
    #[cfg(feature = "proxy")]
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
        Self::with_root(reader, Root::Docs)
    }

    /// The same with another default of `http.root`.
    pub fn with_root(reader: &mut Reader, root: Root) -> Self {
        documents::read(reader);
        let service = Identity::read(reader);
        let server = Server::read(reader);
        let logging = Logging::read(reader, &service);
        let storage = Storage::read(reader);
        let tls = Tls::read(reader);
        Self {
            #[cfg(feature = "logship")]
            logship: LogShip::read(reader, &logging),
            logging,
            #[cfg(feature = "notify")]
            notify: Notify::read(reader, &service.name, &storage.data_dir),
            storage,
            metrics: Metrics::read(reader, &server.listen),
            server,
            service,
            api: Api::read(reader),
            auth: Auth::read(reader),
            cors: Cors::read(reader),
            db: Db::read(reader, tls.ca_file.as_deref()),
            health: Health::read(reader),
            http: Http::read(reader, root),
            openapi: OpenApi::read(reader),
            #[cfg(feature = "proxy")]
            proxy: Proxy::read(reader),
            tls,
            tracing: Tracing::read(reader),
        }
    }
}

/// With what the service reads beside it.
impl<T> AsRef<Config> for (Config, T) {
    fn as_ref(&self) -> &Config {
        &self.0
    }
}

impl AsRef<Self> for Config {
    fn as_ref(&self) -> &Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Count, Listen, Sources, Timeout, load};
    use chassis_telemetry::config::Level;

    use super::*;

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
