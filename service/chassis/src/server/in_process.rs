//! A server without sockets.

use super::{ServerError, assembled::Assembled, front::Front};
use crate::{App, config::Config};

/// All of a server but its sockets, for tests. Requests to [`service`](Self::service) meet what they meet at the port:
/// limits, workers, envelopes and traces. Nothing works in the background.
#[derive(Debug)]
pub struct InProcess(Assembled);

impl InProcess {
    /// The app as a server would have it.
    pub async fn new(config: &Config, app: App) -> Result<Self, ServerError> {
        let assembled = Assembled::new(config, app).await?;
        assembled.inside.readiness.start();
        Ok(Self(assembled))
    }

    /// What is behind the service port.
    pub fn service(&self) -> Front {
        self.0.service.clone()
    }

    /// What is behind the admin port.
    pub fn admin(&self) -> Front {
        self.0.admin.clone()
    }
}
