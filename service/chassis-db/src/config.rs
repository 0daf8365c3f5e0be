//! The database of a service.

use std::{
    borrow::Cow,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use chassis_config::{
    Count, HIDDEN, Legacy, Optional, OrNone, Port, Reader, Secret, SecretKeys, Timeout, section,
};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
    sqlite::SqliteConnectOptions,
};
use url::Url;

section! {
    /// The section `db`. `db.url` says where the database is; without it, `db.host`, `db.user`, `db.password` or `db.name`
    /// does: each of them chooses PostgreSQL. Without any of these it is SQLite in memory, which needs no disk and forgets
    /// everything with the process.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Db in "db", fn keys with {
        /// `db.url`, or what `db.host` (default `localhost`), `db.port` (5432), `db.user` (`postgres`) and `db.name`
        /// (`postgres`) make. Default `sqlite::memory:`.
        url: DatabaseUrl = DatabaseUrl::memory(),
        /// The password for URLs that have none; its file is read for each new connection. Default none.
        password: Option<Secret> = None,
        /// `tls.ca_file`: authorities that may vouch for the server as well.
        ca_file: Option<PathBuf> = None,
    };
    /// A copy of PostgreSQL's that follows the primary, for reads.
    replica_url: Option<DatabaseUrl> = None;
    /// How connections to PostgreSQL are protected; `sslmode` in a URL wins. Without it `prefer` for a server of this
    /// machine, else `require`.
    tls: Option<DbTls> = None;
    /// Whether a pooler in front of PostgreSQL hands its sessions round between transactions, as `PgBouncer` does with
    /// `pool_mode = transaction`. Noticed by itself where it refuses the parameters of a session.
    pooler: bool = false;
    /// Connections to each of the servers. SQLite in memory has one.
    max_connections: Count = Count::new(10);
    /// For a connection to be made.
    connect_timeout: Timeout = Timeout::seconds(3);
    /// How long a request waits for a connection, a new one or one that is given back.
    acquire_timeout: Timeout = Timeout::seconds(3);
    /// For one statement.
    statement_timeout: Timeout = Timeout::seconds(10);
    /// Whether the service migrates its tables at the start; else it waits for the command `migrate`.
    migrate: bool = true;
}

impl Db {
    /// Reads the section. `ca_file` is `tls.ca_file`.
    pub fn read(reader: &mut Reader, ca_file: Option<&Path>) -> Self {
        const URL: &[Legacy] = &[Legacy::same("DATABASE_URL")];
        const HOST: &[Legacy] = &[Legacy::same("POSTGRES_SERVICE_HOST")];
        const PORT: &[Legacy] = &[Legacy::same("POSTGRES_SERVICE_PORT")];
        const USER: &[Legacy] = &[Legacy::same("POSTGRES_SERVICE_USER")];
        const NAME: &[Legacy] = &[Legacy::same("POSTGRES_SERVICE_DB_NAME")];
        const PASSWORD: SecretKeys =
            SecretKeys::new("db.password", "db.password_file", "Of PostgreSQL, for URLs that have none.")
                .legacy(
                    &[Legacy::same("POSTGRES_SERVICE_PASSWORD")],
                    &[Legacy::same("POSTGRES_SERVICE_PASSWORD_FILE")],
                );
        const WHERE: &str = "Where the database is; else `db.host`, `db.user`, `db.password` or `db.name` choose \
            PostgreSQL, and without these it is SQLite in memory.";
        let url: Option<DatabaseUrl> = reader.key("db.url").about(WHERE).above_file(URL).or(None);
        let host = reader.key("db.host").about("The server of PostgreSQL; else `localhost`.");
        let host = host.above_file(HOST).or(Optional::NONE);
        let port = reader.key("db.port").about("Its port; a port alone chooses no server.");
        let Port(port) = port.above_file(PORT).or(Port(5432));
        let user = reader.key("db.user").about("Who connects; else `postgres`.");
        let user = user.above_file(USER).or(Optional::NONE);
        let name = reader.key("db.name").about("The database on that server; else `postgres`.");
        let name = name.above_file(NAME).or(Optional::NONE);
        let password = reader.secret(PASSWORD);
        let parts = [&host, &user, &name].into_iter().any(|part| part.get().is_some());
        if url.is_some() {
            refuse_parts(reader);
        }
        let url = url.unwrap_or_else(|| {
            if parts || password.is_some() {
                let or_postgres = |part: &Optional| part.get().unwrap_or("postgres").to_owned();
                DatabaseUrl(Server::Parts {
                    host: host.get().unwrap_or("localhost").to_owned(),
                    port,
                    user: or_postgres(&user),
                    name: or_postgres(&name),
                })
            } else {
                DatabaseUrl::memory()
            }
        });
        let db = Self { url, password, ca_file: ca_file.map(Path::to_owned), ..Self::keys(reader) };
        for (key, url) in [("db.url", Some(&db.url)), ("db.replica_url", db.replica_url.as_ref())] {
            if db.replica_url.is_some() && url.is_some_and(|url| url.postgres().is_none()) {
                reader.problem(key, "only PostgreSQL has replicas; write a URL such as postgres://host/name");
            }
        }
        db
    }
}

/// Beside `db.url` they would be set in vain. The variables of a Service that is called `postgres` are in every pod of its
/// namespace: nobody has meant anything by them.
fn refuse_parts(reader: &mut Reader) {
    for key in ["db.host", "db.port", "db.user", "db.name"] {
        let origin = reader.origin(key).to_owned();
        if origin != "default" && !origin.starts_with("variable POSTGRES_SERVICE_") {
            let url = reader.origin("db.url");
            let reason =
                format!("db.url ({url}) says already where the database is; remove {key}, or db.url");
            reader.problem(format!("{key} ({origin})"), reason);
        }
    }
}

/// How connections to PostgreSQL are protected, by the names that `sslmode` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbTls {
    /// Plain text.
    Disable,
    /// TLS where the server has it.
    Prefer,
    /// TLS, whoever vouches for the server's certificate.
    Require,
    /// TLS with a certificate for the server's name, from an authority that is believed.
    VerifyFull,
}

impl DbTls {
    pub(crate) fn mode(self) -> PgSslMode {
        match self {
            Self::Disable => PgSslMode::Disable,
            Self::Prefer => PgSslMode::Prefer,
            Self::Require => PgSslMode::Require,
            Self::VerifyFull => PgSslMode::VerifyFull,
        }
    }
}

impl OrNone for DbTls {
    const WRITE: &'static str = "disable, prefer, require, verify-full or none";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "disable" => Some(Self::Disable),
            "prefer" => Some(Self::Prefer),
            "require" => Some(Self::Require),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        }
        .to_owned()
    }
}

/// Where a database is: `postgres://user:password@host:5432/name?sslmode=require`, `sqlite:FILE` or `sqlite::memory:`.
/// Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Server);

#[derive(Clone, PartialEq, Eq)]
enum Server {
    Url(String),
    Parts { host: String, port: u16, user: String, name: String },
}

impl DatabaseUrl {
    /// SQLite in memory.
    pub fn memory() -> Self {
        Self(Server::Url("sqlite::memory:".to_owned()))
    }

    /// Whether it is SQLite in memory, which ends with the process.
    pub fn is_memory(&self) -> bool {
        matches!(&self.0, Server::Url(url) if is_sqlite(url) && (url.contains(":memory:") || url.contains("mode=memory")))
    }

    /// For PostgreSQL, how it is reached.
    pub(crate) fn postgres(&self) -> Option<PgConnectOptions> {
        match &self.0 {
            Server::Url(url) if is_sqlite(url) => None,
            Server::Url(url) => PgConnectOptions::from_str(url).ok(),
            Server::Parts { host, port, user, name } => {
                let options = PgConnectOptions::new_without_pgpass();
                Some(options.host(host).port(*port).username(user).database(name))
            }
        }
    }

    /// Whether the URL says how connections are protected.
    pub(crate) fn has_tls(&self) -> bool {
        matches!(&self.0, Server::Url(url) if url.contains("sslmode=") || url.contains("ssl-mode="))
    }

    /// For SQLite, how it is opened.
    pub(crate) fn sqlite(&self) -> Option<SqliteConnectOptions> {
        match &self.0 {
            Server::Url(url) if is_sqlite(url) => SqliteConnectOptions::from_str(url).ok(),
            _ => None,
        }
    }

    /// Whether the URL has a password of its own.
    pub(crate) fn has_password(&self) -> bool {
        // The library shows the password of its options only in their URL.
        let url = self.postgres().map(|options| options.to_url_lossy());
        url.is_some_and(|url| url.password().is_some())
    }
}

/// As Python's SQLAlchemy has it, the path begins after three slashes: `sqlite:///new-app.db` is beside the program, and
/// `sqlite:////data/new-app.db` at the root. Without a path it is in memory.
fn of_python(url: &str) -> Cow<'_, str> {
    match url.strip_prefix("sqlite://").map(|path| path.strip_prefix('/').unwrap_or(path)) {
        Some("") => "sqlite::memory:".into(),
        Some(path) => format!("sqlite:{path}").into(),
        None => url.into(),
    }
}

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.postgres()) {
            (_, Some(options)) => {
                let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
                write!(out, "postgres://{user}@{host}:{port}/{}", options.get_database().unwrap_or(user))
            }
            (Server::Url(url), None) => out.write_str(url),
            (Server::Parts { .. }, None) => Ok(()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl OrNone for DatabaseUrl {
    const WRITE: &'static str =
        "a URL such as postgres://user@host:5432/name, sqlite:/data/service.db or sqlite::memory:, or none";

    fn parse(text: &str) -> Option<Self> {
        let text = &*of_python(text.trim());
        let url = Self(Server::Url(text.to_owned()));
        let scheme = text.split_once(':')?.0;
        let usable = match scheme {
            "sqlite" => text.len() > "sqlite:".len() && url.sqlite().is_some(),
            "postgres" | "postgresql" => text[scheme.len()..].starts_with("://") && url.postgres().is_some(),
            _ => false,
        };
        let is_shown = [HIDDEN, "%28hidden%29"].iter().any(|hidden| text.contains(hidden));
        (usable && !is_shown).then_some(url)
    }

    /// With all of its parameters, and [`HIDDEN`] for the password.
    fn text(&self) -> String {
        let Server::Url(text) = &self.0 else { return self.to_string() };
        let Some(mut url) = Url::parse(text).ok().filter(|_| !is_sqlite(text)) else { return text.clone() };
        if url.password().is_some() {
            // A URL with a password has a host, and may have another password.
            _ = url.set_password(Some(HIDDEN));
        }
        let hidden = |name: &str| name == "password";
        if url.query_pairs().any(|(name, _)| hidden(&name)) {
            let shown = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
                let value = if hidden(&name) { HIDDEN.to_owned() } else { value.into_owned() };
                (name.into_owned(), value)
            };
            let pairs: Vec<_> = url.query_pairs().map(shown).collect();
            url.query_pairs_mut().clear().extend_pairs(pairs);
        }
        url.into()
    }

    fn refusal(text: &str) -> String {
        if text.contains(HIDDEN) || text.contains("%28hidden%29") {
            return format!(
                "{HIDDEN} stands for a password that is not shown; write it, or leave it out and set db.password_file"
            );
        }
        // Not repeated: it may hold a password.
        format!("the URL is not valid; write {}", Self::WRITE)
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Loaded, Sources, Value, load};

    use super::*;

    fn read(env: &[(&str, &str)]) -> Result<Loaded<Db>, ConfigError> {
        load(&Sources::default().with_env(env.iter().copied()), |reader| Db::read(reader, None))
    }

    fn url(env: &[(&str, &str)]) -> String {
        read(env).unwrap().config.url.to_string()
    }

    #[test]
    fn contract_5_5_23_each_variable_of_postgres_chooses_it_and_the_others_have_defaults() {
        assert_eq!(url(&[]), "sqlite::memory:");
        for (name, value, wanted) in [
            ("POSTGRES_SERVICE_HOST", "db", "postgres://postgres@db:5432/postgres"),
            ("POSTGRES_SERVICE_USER", "me", "postgres://me@localhost:5432/postgres"),
            ("POSTGRES_SERVICE_PASSWORD", "x", "postgres://postgres@localhost:5432/postgres"),
            ("POSTGRES_SERVICE_DB_NAME", "users", "postgres://postgres@localhost:5432/users"),
            ("CHASSIS_DB__HOST", "db", "postgres://postgres@db:5432/postgres"),
        ] {
            assert_eq!(url(&[(name, value)]), wanted, "{name}");
        }
        assert_eq!(
            url(&[("POSTGRES_SERVICE_PORT", "6432")]),
            "sqlite::memory:",
            "a port alone names no server"
        );
        let both = [("POSTGRES_SERVICE_HOST", "db"), ("POSTGRES_SERVICE_PORT", "6432")];
        assert_eq!(url(&both), "postgres://postgres@db:6432/postgres");
        // As Kubernetes sets it for a Service named postgres that is linked in the old way.
        let linked = [("POSTGRES_SERVICE_HOST", "db"), ("POSTGRES_SERVICE_PORT", "tcp://10.0.0.1:5432")];
        assert_eq!(url(&linked), "postgres://postgres@db:5432/postgres");
        assert_eq!(url(&[("DATABASE_URL", "postgresql://u:p@h/n"), both[0]]), "postgres://u@h:5432/n");
    }

    #[test]
    fn a_password_in_a_url_is_nowhere_to_be_read() {
        for url in ["postgres://u:geheim@h/n", "postgres://h/n?user=u&password=geheim"] {
            let loaded = read(&[("CHASSIS_DB__URL", url), ("CHASSIS_DB__REPLICA_URL", url)]).unwrap();
            let shown = format!("{loaded:?} {}", loaded.settings.to_yaml());
            assert!(!shown.contains("geheim") && shown.contains("postgres://u@h:5432/n"), "{shown}");
            // What is shown is not taken for the password.
            let printed = loaded.settings.get("db.url").unwrap().value.clone();
            let error = read(&[("CHASSIS_DB__URL", &printed)]).unwrap_err().to_string();
            assert!(error.contains("(hidden) stands for a password"), "{printed} {error}");
            assert!(loaded.config.url.has_password());
        }
        assert!(!DatabaseUrl(Server::Url("postgres://u@h/n".to_owned())).has_password());
        for bad in
            ["mysql://u:geheim@h/n", "postgres:u:geheim", "geheim", "sqlite:", "postgres://u:geheim@h:x/n"]
        {
            let error = read(&[("CHASSIS_DB__URL", bad)]).unwrap_err().to_string();
            assert!(
                error.contains("write a URL such as postgres://") && !error.contains("geheim"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_url_is_shown_with_its_parameters() {
        for url in
            ["postgres://u@h:5432/n?sslmode=require", "postgres:///n?host=/run/pg", "sqlite:/data/service.db"]
        {
            assert_eq!(<Option<DatabaseUrl> as Value>::parse(url).unwrap().text(), url);
        }
    }

    #[test]
    fn a_file_of_sqlite_is_where_python_has_it() {
        for (url, shown) in [
            ("sqlite:///new-app.db", "sqlite:new-app.db"),
            ("sqlite:////data/new-app.db", "sqlite:/data/new-app.db"),
            ("sqlite:/data/new-app.db", "sqlite:/data/new-app.db"),
            ("sqlite://", "sqlite::memory:"),
            ("sqlite:///:memory:", "sqlite::memory:"),
        ] {
            assert_eq!(<Option<DatabaseUrl> as Value>::parse(url).unwrap().text(), shown, "{url}");
        }
    }

    #[test]
    fn a_url_and_a_host_contradict_each_other() {
        let url = ("DATABASE_URL", "postgres://h/n");
        for (name, key) in [("CHASSIS_DB__HOST", "db.host"), ("CHASSIS_DB__USER", "db.user")] {
            let error = read(&[url, (name, "x")]).unwrap_err().to_string();
            let wanted = format!(
                "{key} (variable {name}): db.url (variable DATABASE_URL) says already where the database is; remove {key}, or db.url"
            );
            assert!(error.contains(&wanted), "{error}");
        }
        assert!(read(&[url, ("POSTGRES_SERVICE_HOST", "10.0.0.1")]).is_ok(), "a Service's variable");
    }

    #[test]
    fn only_postgres_has_replicas() {
        let error = read(&[("CHASSIS_DB__REPLICA_URL", "postgres://h/n")]).unwrap_err().to_string();
        assert!(error.contains("db.url: only PostgreSQL has replicas"), "{error}");
    }
}
