//! One database server, and how connections to it are made and kept.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use chassis_config::Secret;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use sqlx::{
    ConnectOptions, Connection as _, Executor,
    postgres::{PgConnectOptions, PgConnection, PgSslMode},
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode},
};
use tokio::time::timeout;

use super::{DbError, error::said};
use crate::config::{DatabaseUrl, Db, DbTls};

/// Older connections are made anew, so that a name that leads elsewhere and a changed password come into effect.
const OLDEST: Duration = Duration::from_mins(30);

/// A connection that has waited for longer is asked whether it is still there before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

/// SQL differs between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// A server.
pub(super) struct Server {
    /// As it is shown.
    pub(super) url: DatabaseUrl,
    place: Place,
    password: Option<Secret>,
    pub(super) connect_timeout: Duration,
    pub(super) statement_timeout: Duration,
}

enum Place {
    Postgres(Postgres),
    Sqlite(Box<SqliteConnectOptions>),
}

struct Postgres {
    options: Box<PgConnectOptions>,
    /// A pooler that hands the server's sessions round, such as `PgBouncer`, takes neither settings for a session nor
    /// statements that are prepared for later.
    is_pooler: AtomicBool,
}

/// A connection to a server.
pub(super) struct Link {
    pub(super) wire: Wire,
    /// In the middle of a statement or a transaction: whoever had it has gone away.
    pub(super) unfinished: bool,
    /// Through a pooler that hands the server's sessions round between transactions.
    pub(super) is_pooled: bool,
}

pub(super) enum Wire {
    Postgres(Box<PgConnection>),
    Sqlite(SqliteConnection),
}

impl Server {
    pub(super) fn new(url: &DatabaseUrl, config: &Db, name: &str) -> Self {
        let statement_timeout = config.statement_timeout.0;
        let place = if let Some(options) = url.sqlite() {
            let options = options.create_if_missing(true).busy_timeout(statement_timeout);
            // Readers don't wait for a writer.
            let file = || options.clone().journal_mode(SqliteJournalMode::Wal);
            let options = if url.is_memory() { options } else { file() };
            Place::Sqlite(Box::new(options.disable_statement_logging()))
        } else {
            // What is no URL of PostgreSQL was refused when the configuration was read.
            let options = url.postgres().unwrap_or_else(PgConnectOptions::new_without_pgpass);
            let options = options.application_name(name).disable_statement_logging();
            Place::Postgres(Postgres {
                options: Box::new(protected(options, url, config)),
                is_pooler: AtomicBool::new(config.pooler),
            })
        };
        Self {
            url: url.clone(),
            place,
            password: config.password.clone().filter(|_| !url.has_password()),
            connect_timeout: config.connect_timeout.0,
            statement_timeout,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.place {
            Place::Postgres(_) => Dialect::Postgres,
            Place::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// A new connection, with the password as it is now, on which the server gives statements up after `statement_timeout`.
    pub(super) async fn connect(&self, statement_timeout: Duration) -> Result<Link, DbError> {
        let connecting = async {
            let wire = match &self.place {
                Place::Postgres(postgres) => {
                    let password = self.password.as_ref().map(Secret::read).transpose();
                    let password = password.map_err(sqlx::Error::Io)?;
                    Wire::Postgres(Box::new(postgres.connect(password, statement_timeout).await?))
                }
                Place::Sqlite(options) => Wire::Sqlite(options.connect().await?),
            };
            Ok::<_, sqlx::Error>(wire)
        };
        let limit = self.connect_timeout;
        match timeout(limit, connecting).await {
            Ok(Ok(wire)) => Ok(Link { wire, unfinished: false, is_pooled: self.place.is_pooled() }),
            Ok(Err(sqlx::Error::Tls(error))) => Err(DbError::away(&format!("{error}; {WITHOUT_TLS}"))),
            Ok(Err(error)) => Err(match (DbError::of(error, limit), &self.place) {
                // SQLite does not name its file.
                (DbError::Failed(error), Place::Sqlite(_)) => {
                    DbError::Away(format!("{} cannot be used: {}", self.url, said(&error)))
                }
                (DbError::Failed(error), Place::Postgres(_)) => DbError::away(&said(&error)),
                (other, _) => other,
            }),
            Err(_elapsed) => Err(DbError::away(&format!("no connection within {limit:?}"))),
        }
    }

    /// Whether what is sent may be read on the way.
    pub(super) fn is_unprotected(&self) -> bool {
        match &self.place {
            Place::Postgres(Postgres { options, .. }) => {
                let may = [PgSslMode::Disable, PgSslMode::Allow, PgSslMode::Prefer];
                !is_of_this_machine(options) && may.iter().any(|mode| mode_is(options, *mode))
            }
            Place::Sqlite(_) => false,
        }
    }
}

/// What to do about a server that has no TLS.
const WITHOUT_TLS: &str = "let the server have TLS, or write db.tls: prefer, with which it may be without";

/// With TLS as `db.tls` has it.
fn protected(options: PgConnectOptions, url: &DatabaseUrl, config: &Db) -> PgConnectOptions {
    let usual = if is_of_this_machine(&options) { DbTls::Prefer } else { DbTls::Require };
    let options = match config.tls {
        _ if url.has_tls() => options,
        tls => options.ssl_mode(tls.unwrap_or(usual).mode()),
    };
    match &config.ca_file {
        // Else `require` would check the certificate, and refuse those that others vouch for.
        Some(file) if mode_is(&options, PgSslMode::VerifyFull) || mode_is(&options, PgSslMode::VerifyCa) => {
            options.ssl_root_cert(file)
        }
        _ => options,
    }
}

fn mode_is(options: &PgConnectOptions, mode: PgSslMode) -> bool {
    std::mem::discriminant(&options.get_ssl_mode()) == std::mem::discriminant(&mode)
}

fn is_of_this_machine(options: &PgConnectOptions) -> bool {
    // An IPv6 address has the brackets of its URL.
    let host = options.get_host().trim_matches(['[', ']']);
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Place {
    fn is_pooled(&self) -> bool {
        matches!(self, Self::Postgres(postgres) if postgres.is_pooler.load(Relaxed))
    }
}

impl Postgres {
    async fn connect(
        &self,
        password: Option<String>,
        statement_timeout: Duration,
    ) -> Result<PgConnection, sqlx::Error> {
        let mut options = self.options.as_ref().clone();
        if let Some(password) = password {
            options = options.password(&password);
        }
        let through_pooler = || options.clone().extra_float_digits(None);
        if self.is_pooler.load(Relaxed) {
            return through_pooler().connect().await;
        }
        let limited = options.clone().options([("statement_timeout", statement_timeout.as_millis())]);
        match limited.connect().await {
            Err(error) if is_unknown_parameter(&error) => {
                let connection = through_pooler().connect().await?;
                if !self.is_pooler.swap(true, Relaxed) {
                    tracing::info!(
                        "a pooler is in front of the database: no statement_timeout is set in its sessions, and nothing is prepared in them"
                    );
                }
                Ok(connection)
            }
            connected => connected,
        }
    }
}

/// A server of PostgreSQL's own takes all parameters that we send.
fn is_unknown_parameter(error: &sqlx::Error) -> bool {
    /// That of `PgBouncer`.
    const PROTOCOL_VIOLATION: &str = "08P01";
    /// That of RDS Proxy.
    const NOT_SUPPORTED: &str = "0A000";
    error.as_database_error().is_some_and(|error| match error.code().as_deref() {
        Some(PROTOCOL_VIOLATION) => error.message().contains("startup parameter"),
        Some(NOT_SUPPORTED) => error.message().contains("option"),
        _ => false,
    })
}

impl Manager for Server {
    type Type = Link;
    type Error = DbError;

    async fn create(&self) -> Result<Link, DbError> {
        self.connect(self.statement_timeout).await
    }

    async fn recycle(&self, link: &mut Link, metrics: &Metrics) -> RecycleResult<DbError> {
        let away = |error: sqlx::Error| RecycleError::Backend(DbError::of(error, self.connect_timeout));
        if self.url.is_memory() {
            // It is the data: never thrown away, whatever was left unfinished.
            if let Wire::Sqlite(connection) = &mut link.wire
                && link.unfinished
            {
                // An error says that no transaction was begun.
                _ = connection.execute("ROLLBACK").await;
                link.unfinished = false;
            }
            return Ok(());
        }
        if metrics.age() > OLDEST {
            return Err(RecycleError::message("old"));
        }
        if metrics.last_used() > TRUSTED {
            let ping = async {
                match &mut link.wire {
                    Wire::Postgres(connection) => connection.ping().await,
                    Wire::Sqlite(connection) => connection.ping().await,
                }
            };
            return match timeout(self.connect_timeout, ping).await {
                Ok(answer) => answer.map_err(away),
                Err(_elapsed) => Err(RecycleError::message("no answer")),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{Sources, load};

    use super::*;

    /// How connections are protected, and whether the start tells that they may be read on the way.
    fn protection(env: &[(&str, &str)]) -> (String, bool) {
        let sources = Sources::default().with_env(env.iter().copied());
        let db = load(&sources, |reader| Db::read(reader, None)).unwrap().config;
        let server = Server::new(&db.url, &db, "x");
        let Place::Postgres(postgres) = &server.place else { panic!("{}", db.url) };
        (format!("{:?}", postgres.options.get_ssl_mode()), server.is_unprotected())
    }

    #[test]
    fn tls_is_required_of_every_server_but_those_of_this_machine() {
        const HERE: [&str; 6] = [
            "postgres://localhost/n",
            "postgres://127.0.0.1/n",
            "postgres://127.8.8.8:6432/n",
            "postgres://[::1]/n",
            "postgres:///n?host=/var/run/postgresql",
            "postgres://%2Fvar%2Frun%2Fpostgresql/n",
        ];
        const ELSEWHERE: [&str; 5] = [
            "postgres://postgres/n",
            "postgres://10.0.0.1/n",
            "postgres://[2001:db8::1]/n",
            "postgres://localhost.example.com/n",
            "postgres://0.0.0.0/n",
        ];
        for (urls, usual, told) in [(&HERE[..], "Prefer", false), (&ELSEWHERE[..], "Require", true)] {
            for url in urls {
                let with =
                    |tls: &'static str| protection(&[("CHASSIS_DB__URL", url), ("CHASSIS_DB__TLS", tls)]);
                assert_eq!(protection(&[("CHASSIS_DB__URL", url)]), (usual.to_owned(), false), "{url}");
                assert_eq!(with("none"), (usual.to_owned(), false), "{url}");
                for (tls, mode, told) in [
                    ("disable", "Disable", told),
                    ("prefer", "Prefer", told),
                    ("require", "Require", false),
                    ("verify-full", "VerifyFull", false),
                ] {
                    assert_eq!(with(tls), (mode.to_owned(), told), "{url}");
                }
                let own = format!("{url}{}sslmode=disable", if url.contains('?') { '&' } else { '?' });
                let own = protection(&[("CHASSIS_DB__URL", &own), ("CHASSIS_DB__TLS", "verify-full")]);
                assert_eq!(own, ("Disable".to_owned(), told), "{url}");
            }
        }
        assert_eq!(protection(&[("POSTGRES_SERVICE_HOST", "db")]).0, "Require");
        assert_eq!(protection(&[("POSTGRES_SERVICE_USER", "me")]).0, "Prefer", "of localhost");
    }
}
