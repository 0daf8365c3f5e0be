//! A database: PostgreSQL in production, SQLite for development and tests (contract 5.4, 5.5).
//!
//! A feature declares its tables and asks for connections: [`Database::acquire`] for reads, [`Database::transaction`]
//! for changes. Connections are pooled, limited in number and time, and each statement is a span. While a database is
//! away or its tables are not migrated, `/readyz` says so and requests get 503 at once; when it is back, all works again
//! by itself.
//!
//! ```
//! use chassis::{
//!     App, Config,
//!     config::{Sources, load},
//!     db::{DbError, FromRow, Row, migration::{Column, Table}},
//! };
//!
//! struct City {
//!     id: i32,
//!     name: String,
//! }
//!
//! impl FromRow for City {
//!     fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
//!         Ok(Self { id: row.get("id")?, name: row.get("name")? })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = load(&Sources::default(), Config::read)?.config;
//! let cities = Table::new("cities", [Column::serial("id"), Column::text("name", 32)]);
//! let database = App::new()?.database(&config, vec![cities])?;
//! # database.migrate(&mut drop).await?;
//!
//! let id: Option<i32> = database
//!     .transaction(async |connection| {
//!         let insert = "INSERT INTO cities(name) VALUES ($1) RETURNING id";
//!         connection.fetch_value(insert, &["Oslo".into()]).await
//!     })
//!     .await?;
//! let mut connection = database.acquire().await?;
//! let cities: Vec<City> = connection.fetch("SELECT id, name FROM cities", &[]).await?;
//! assert_eq!((Some(cities[0].id), cities[0].name.as_str()), (id, "Oslo"));
//! # Ok(())
//! # }
//! ```

mod argument;
mod connection;
mod database;
mod error;
mod health;
mod metrics;
pub mod migration;
mod monitor;
mod pool;
mod row;
mod server;

pub(crate) use self::monitor::Monitor;
pub use self::{
    argument::Argument,
    connection::Connection,
    database::Database,
    error::DbError,
    row::{Column, FromRow, Index, Row},
};
