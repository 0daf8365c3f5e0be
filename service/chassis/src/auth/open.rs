//! Puts the parts together.

use std::sync::Arc;

use chassis_client::{CallError, Upstreams};
use prometheus::Registry;

use super::{
    guard::Guard,
    issuer::Issuer,
    keys::Rules,
    refresh::{Refresh, State},
    refusal::Refusals,
};
use crate::{config, health::Readiness};

/// Why tokens cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The issuer's URL is `https`, and TLS cannot be set up.
    #[error(transparent)]
    Issuer(#[from] CallError),
    /// A name is taken.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}

/// What checks tokens, and what keeps its keys fresh; nothing without an issuer.
pub(crate) fn open(
    config: &config::Auth,
    registry: &Registry,
    upstreams: &Upstreams,
    readiness: &Readiness,
) -> Result<Option<(Arc<Guard>, Refresh)>, AuthError> {
    let Some(issuer) = &config.issuer else { return Ok(None) };
    let rules = Rules::new(issuer, config);
    let issuer = Issuer::new(issuer, rules, upstreams)?;
    let (publish, state) = State::channel();
    let refresh = Refresh::new(issuer, publish, readiness.gate("keys of the token issuer"), config);
    let guard = Guard::new(config, state, refresh.wanted(), Refusals::register(registry)?);
    Ok(Some((Arc::new(guard), refresh)))
}
