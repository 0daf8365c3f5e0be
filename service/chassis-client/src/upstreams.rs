//! What all upstreams of a program share.

use std::{fmt, sync::Arc};

use prometheus::{Error, Registry};

use super::{CallError, Transport, Upstream, config, metrics::UpstreamFamilies};

/// Makes upstreams, whose calls are counted in one registry.
#[derive(Clone)]
pub struct Upstreams(UpstreamFamilies);

impl Upstreams {
    /// Registers the metrics. An error when this was done before.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        UpstreamFamilies::register(registry).map(Self)
    }

    /// The service that `config` names. An error when it has no URL, or one that is `https` where no certificates are.
    pub fn open(&self, config: &config::Upstream) -> Result<Upstream, CallError> {
        Upstream::new(config, self.0.of(config.name))
    }

    /// The same, but `transport` answers.
    pub fn open_by(
        &self,
        config: &config::Upstream,
        transport: Arc<dyn Transport>,
    ) -> Result<Upstream, CallError> {
        Upstream::by(config, self.0.of(config.name), transport)
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Upstreams").finish_non_exhaustive()
    }
}
