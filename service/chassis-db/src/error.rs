//! Why a statement has no result.

use std::time::Duration;

use chassis_http::{answer::ServiceError, error_chain::chain};

/// A statement that was not carried out. As an answer: 503 where the database is away or busy, else 500; the client is
/// told no more, the log has the rest.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The server can't be reached, refuses connections, or the connection broke.
    #[error("the database is away: {0}")]
    Away(String),
    /// The server is there, and has no room for one more connection.
    #[error("the database takes no further connection: {0}")]
    Full(String),
    /// No connection became free within this time.
    #[error("no connection to the database became free within {0:?}")]
    Busy(Duration),
    /// The statement took longer than this.
    #[error("the statement took longer than {0:?}")]
    Slow(Duration),
    /// The server refuses the statement, or a result is not what was expected.
    #[error("the statement failed")]
    Failed(#[source] sqlx::Error),
}

impl DbError {
    /// Of a statement that had `limit`.
    pub(super) fn of(error: sqlx::Error, limit: Duration) -> Self {
        /// `query_canceled`: the server's own timeout for a statement.
        const CANCELED: &str = "57014";
        const TOO_MANY_CONNECTIONS: &str = "53300";
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match (&error, code.as_deref()) {
            (_, Some(CANCELED)) => Self::Slow(limit),
            (_, Some(TOO_MANY_CONNECTIONS)) => Self::Full(chain(&error)),
            // Shutting down, starting up, wrong password: nothing about the statement.
            (_, Some(code)) if ["57P", "53", "28", "3D"].iter().any(|class| code.starts_with(class)) => {
                Self::Away(chain(&error))
            }
            (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_), _) => {
                Self::Away(chain(&error))
            }
            _ => Self::Failed(error),
        }
    }

    /// Whether a server does not answer at all.
    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Slow(_))
    }

    /// One word, for metrics and spans.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Away(_) => "away",
            Self::Full(_) => "full",
            Self::Busy(_) => "busy",
            Self::Slow(_) => "slow",
            Self::Failed(_) => "failed",
        }
    }
}

impl From<DbError> for ServiceError {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Away(_) | DbError::Full(_) | DbError::Busy(_) | DbError::Slow(_) => {
                tracing::warn!("{error}");
                Self::NoDatabase
            }
            DbError::Failed(_) => {
                tracing::error!("{}", chain(&error));
                Self::Internal
            }
        }
    }
}
