//! What a program serves: routes of its features and their metrics.

use std::{fmt, sync::Arc};

use axum::routing::MethodRouter;
use chassis_client::{CallError, Transport, Upstream, Upstreams};
use chassis_db::{Database, migration::Table};
#[cfg(feature = "notify")]
use chassis_extras::notify::Notifier;
use chassis_http::Routes;
use chassis_telemetry::metrics::Metrics;
use prometheus::Registry;

use crate::{
    config::{self, Config},
    openapi::Description,
};

/// Routes and metrics of the features of a program.
pub struct App {
    pub(crate) features: Vec<Routes>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) upstreams: Upstreams,
    pub(crate) database: Option<Database>,
    #[cfg(feature = "notify")]
    pub(crate) notifier: Option<Notifier>,
    mock: Option<Arc<dyn Transport>>,
}

impl App {
    /// Without routes.
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Arc::new(Metrics::new()?);
        let upstreams = Upstreams::register(metrics.registry())?;
        Ok(Self {
            features: Vec::new(),
            metrics,
            upstreams,
            database: None,
            #[cfg(feature = "notify")]
            notifier: None,
            mock: None,
        })
    }

    /// Lets `mock` stand for every [`upstream`](Self::upstream) that is made from now on.
    #[must_use]
    pub fn mocked(self, mock: &(impl Transport + Clone + 'static)) -> Self {
        Self { mock: Some(Arc::new(mock.clone())), ..self }
    }

    /// Adds the routes of a feature.
    #[must_use]
    pub fn mount(mut self, routes: Routes) -> Self {
        self.features.push(routes);
        self
    }

    /// Adds one route without an envelope, for example `("/hello", get(hello))`; see [`Routes`] for more.
    #[must_use]
    pub fn route(self, path: &str, methods: MethodRouter) -> Self {
        self.mount(Routes::default().route(path, methods))
    }

    /// Another service that a feature asks; see [`client`](crate::client).
    ///
    /// An error when it has no URL, or one that is `https` where no certificates are.
    pub fn upstream(&self, config: &config::Upstream) -> Result<Upstream, CallError> {
        match &self.mock {
            Some(mock) => self.upstreams.open_by(config, Arc::clone(mock)),
            None => self.upstreams.open(config),
        }
    }

    /// Makes the [`notifier`](Self::notifier) if a channel of `notify` is enabled. An error when this was done before.
    #[cfg(feature = "notify")]
    pub fn notify(mut self, config: &Config) -> Result<Self, prometheus::Error> {
        if config.notify.is_on() {
            let Self { metrics, upstreams, .. } = &self;
            let notifier = Notifier::new(&config.notify, &config.service.name, metrics, upstreams)?;
            self.notifier = Some(notifier);
        }
        Ok(self)
    }

    /// Where a feature leaves messages for people; `None` when notifications are off. See [`notify`](crate::notify).
    #[cfg(feature = "notify")]
    pub fn notifier(&self) -> Option<Notifier> {
        self.notifier.clone()
    }

    /// The database of the features, for all of their tables; see [`db`](crate::db). A program has one: an error when
    /// it has one already.
    pub fn database(&mut self, config: &Config, tables: Vec<Table>) -> Result<Database, prometheus::Error> {
        let (name, show_args) = (&config.service.name, config.tracing.db_args);
        let database = Database::new(&config.db, name, show_args, tables, self.registry())?;
        self.database = Some(database.clone());
        Ok(database)
    }

    /// The API of its features, under the name and version of `config`.
    pub fn description(&self, config: &Config) -> Description {
        Description::of(config, &self.features)
    }

    /// Where a feature makes its counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where a feature registers metrics of other kinds.
    pub fn registry(&self) -> &Registry {
        self.metrics.registry()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(&self.features).finish()
    }
}
