//! What a program serves: routes of its features and their metrics.

use std::{fmt, sync::Arc};

use axum::routing::MethodRouter;
use prometheus::Registry;

use crate::{
    Routes, config,
    http_client::{CallError, Upstream},
    metrics::Metrics,
    notify::Notifier,
};

/// Routes and metrics of the features of a program.
pub struct App {
    pub(crate) features: Vec<Routes>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) notifier: Option<Notifier>,
    #[cfg(feature = "testkit")]
    mock: Option<crate::testkit::Mock>,
}

impl App {
    /// Without routes.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            features: Vec::new(),
            metrics: Arc::new(Metrics::new()?),
            notifier: None,
            #[cfg(feature = "testkit")]
            mock: None,
        })
    }

    /// Lets `mock` stand for every [`upstream`](Self::upstream) that is made from now on.
    #[cfg(feature = "testkit")]
    #[must_use]
    pub fn mocked(self, mock: &crate::testkit::Mock) -> Self {
        Self { mock: Some(mock.clone()), ..self }
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

    /// Another service that a feature asks; see [`http_client`](crate::http_client).
    ///
    /// An error when it has no URL, or one that is `https` where no certificates are.
    pub fn upstream(&self, config: &config::Upstream) -> Result<Upstream, CallError> {
        let metrics = self.metrics.upstreams().of(config.name);
        #[cfg(feature = "testkit")]
        if let Some(mock) = &self.mock {
            return Upstream::mocked(config, metrics, mock);
        }
        Upstream::new(config, metrics)
    }

    /// Makes the [`notifier`](Self::notifier) if a channel of `notify` is enabled. An error when this was done before.
    pub fn notify(mut self, config: &config::Config) -> Result<Self, prometheus::Error> {
        if config.notify.is_on() {
            self.notifier = Some(Notifier::new(&config.notify, &config.service.name, &self.metrics)?);
        }
        Ok(self)
    }

    /// Where a feature leaves messages for people; `None` when notifications are off. See [`notify`](crate::notify).
    pub fn notifier(&self) -> Option<Notifier> {
        self.notifier.clone()
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
