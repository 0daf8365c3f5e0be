//! The products there are.

use chassis::db::{
    Database, DbError, FromRow, Row,
    migration::{Column, Step, Table},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::time::isoformat;

/// One product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Product {
    /// What it is called.
    #[schema(example = "product No.0")]
    name: String,
    /// When it was added, in UTC.
    #[serde(serialize_with = "isoformat")]
    #[schema(value_type = String, example = "2026-01-31T12:00:00.000001")]
    created: Timestamp,
}

impl FromRow for Product {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self { name: row.get("name")?, created: row.get("created")? })
    }
}

/// The table of products. As many as the document has are put into one that is empty (contract 4.4.21), each a
/// microsecond after the one before.
pub(crate) fn table() -> Table {
    Table::new("products", [Column::serial("id"), Column::text("name", 128), Column::time("created")])
        .step(Step::new(1).add_index(&["created", "id"]))
        .step(Step::new(2).run(
            "seed 107 products",
            "INSERT INTO products(name, created)
             SELECT 'product No.' || n, date_trunc('second', now()) + n * interval '1 microsecond'
             FROM generate_series(0, 106) AS n WHERE NOT EXISTS (SELECT 1 FROM products)",
            "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 106)
             INSERT INTO products(name, created)
             SELECT 'product No.' || n, strftime('%Y-%m-%dT%H:%M:%S', 'now') || printf('.%06dZ', n)
             FROM numbers WHERE NOT EXISTS (SELECT 1 FROM products)",
        ))
}

/// At most `limit` products after the first `offset`, the oldest first.
pub(super) async fn page(database: &Database, offset: i64, limit: i64) -> Result<Vec<Product>, DbError> {
    const PAGE: &str = "SELECT name, created FROM products ORDER BY created, id LIMIT $1 OFFSET $2";
    database.acquire().await?.fetch(PAGE, &[limit.into(), offset.into()]).await
}
