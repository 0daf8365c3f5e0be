//! Why a statement has no result.

use std::time::Duration;

use chassis_http::{answer::ServiceError, error_chain::chain};

/// A statement that was not carried out. As an answer: 503 where the database is away or busy, else 500; the client is
/// told no more, the log has the rest.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The server can't be reached, refuses this service, or the connection broke; the text says which.
    #[error("{0}")]
    Away(String),
    /// The tables are not those of this version.
    #[error("{0}")]
    Pending(String),
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
            (_, Some(TOO_MANY_CONNECTIONS)) => Self::Full(said(&error)),
            // Wrong password, no such database.
            (_, Some(code)) if ["28", "3D"].iter().any(|class| code.starts_with(class)) => {
                Self::Away(format!("the database refuses this service: {}", said(&error)))
            }
            // Shutting down, starting up: nothing about the statement.
            (_, Some(code)) if ["57P", "53"].iter().any(|class| code.starts_with(class)) => {
                Self::away(&said(&error))
            }
            (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_), _) => {
                Self::away(&said(&error))
            }
            _ => Self::Failed(error),
        }
    }

    pub(super) fn away(reason: &str) -> Self {
        Self::Away(format!("the database is away: {reason}"))
    }

    /// Whether a server does not answer at all.
    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Slow(_))
    }

    /// One word, for metrics and spans.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Away(_) => "away",
            Self::Pending(_) => "pending",
            Self::Full(_) => "full",
            Self::Busy(_) => "busy",
            Self::Slow(_) => "slow",
            Self::Failed(_) => "failed",
        }
    }
}

/// What the server says, without the line of its own source; else the whole error.
pub(super) fn said(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| chain(error), |error| error.message().to_owned())
}

impl From<DbError> for ServiceError {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Away(_)
            | DbError::Pending(_)
            | DbError::Full(_)
            | DbError::Busy(_)
            | DbError::Slow(_) => {
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
