//! Databases for tests: SQLite in files, and those of a real PostgreSQL server.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::OnceCell,
};

use super::{
    parts::{free_port, program},
    soon,
};

/// The password of the user `postgres`.
pub const PASSWORD: &str = "geheim";

/// A server. It ends with the test's process, whatever happens to it.
pub struct Postgres {
    pub port: u16,
    programs: PathBuf,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _keeper: Child,
}

impl Postgres {
    /// One of its own, for a test that stops it.
    pub async fn start() -> Option<Self> {
        let programs = program("postgres").await?;
        let port = free_port();
        let mut keeper = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/scripts/postgres.sh"))
            .arg(&programs)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = keeper.stdin.take().unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap()).lines();
        let mut postgres = Self { port, programs, commands, answers, _keeper: keeper };
        postgres.tell("start").await;
        Some(postgres)
    }

    /// A command of `e2e/scripts/postgres.sh`.
    pub async fn tell(&mut self, command: &str) {
        self.commands.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        let done = soon(command, self.answers.next_line()).await.unwrap();
        assert_eq!(done.as_deref(), Some("done"), "{command}");
    }

    /// Runs SQL in the database `name`; what it answers, one row a line.
    pub async fn sql(&self, name: &str, sql: &str) -> String {
        self.try_sql(name, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn try_sql(&self, name: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"])
            .args(["-p", &self.port.to_string(), "-d", name, "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .await
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// A new, empty database; its name.
    pub async fn create(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}")).await;
        name
    }

    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }
}

/// The server that the tests of a file share, if this machine can have one.
pub async fn postgres() -> Option<&'static Postgres> {
    static SHARED: OnceCell<Option<Postgres>> = OnceCell::const_new();
    SHARED.get_or_init(Postgres::start).await.as_ref()
}

/// An empty database.
pub struct TestDatabase {
    pub url: String,
    _directory: Option<TempDir>,
}

impl TestDatabase {
    /// One of each kind that this machine can have.
    pub async fn each() -> Vec<Self> {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("service.db").display());
        let mut each = vec![Self { url, _directory: Some(directory) }];
        if let Some(postgres) = postgres().await {
            each.push(Self { url: postgres.url(&postgres.create().await), _directory: None });
        }
        each
    }

    /// The variable that names it.
    pub fn env(&self) -> (&'static str, &str) {
        ("DATABASE_URL", &self.url)
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres:")
    }
}
