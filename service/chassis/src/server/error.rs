//! Why a server cannot start.

use std::io;

use chassis_config::Listen;
#[cfg(feature = "notify")]
use chassis_extras::notify::NotifyError;
use chassis_telemetry::trace::TraceError;

use crate::auth::AuthError;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("{key}: cannot listen on {listen}: {reason}; write another address or port")]
    Bind {
        /// The key of the setting.
        key: &'static str,
        /// The configured address.
        listen: Listen,
        /// What the system says.
        reason: io::Error,
    },
    /// Two routes of one path; often `health.path` set to a path of a feature.
    #[error("the path {path} is used twice; set health.path to a path of its own")]
    PathTaken {
        /// The path.
        path: String,
    },
    /// A feature has a metric of the name of one of the server's.
    #[error("the metrics of the server cannot be made")]
    Metrics(#[from] prometheus::Error),
    /// Tokens are to be asked for and cannot be checked.
    #[error("tokens cannot be checked")]
    Auth(#[from] AuthError),
    /// Requests are to be traced and cannot be.
    #[error("requests cannot be traced")]
    Trace(#[from] TraceError),
    /// Notifications are on and could not be kept.
    #[cfg(feature = "notify")]
    #[error("notifications cannot be kept")]
    Notify(#[from] NotifyError),
}
