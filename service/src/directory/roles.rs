//! What users are to others (contract 5.3.16).

use axum::{extract::State, http::StatusCode};
use chassis::{
    Data, Envelope, Id, Input, Routes,
    answer::{Failure, ServiceError},
    db::{
        Database, DbError, FromRow, Row,
        migration::{Column, Table},
    },
    openapi::schema::CodedMessage,
    trace,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{created::Created, name::Name};

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RoleApi)]
pub(super) struct Role {
    /// Its number.
    #[schema(format = Int64)]
    id: i32,
    /// What it is called.
    #[schema(example = "admin")]
    name: String,
}

/// A role to be.
#[derive(Debug, Deserialize, ToSchema)]
struct NewRole {
    /// What it is called.
    #[schema(inline, example = "admin")]
    name: Name<128>,
}

pub(super) fn table() -> Table {
    Table::new("roles", [Column::serial("id"), Column::text("name", 128), Column::time("create_time")])
}

impl FromRow for Role {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self { id: row.get("id")?, name: row.get("name")? })
    }
}

/// One role.
pub(super) async fn role(database: &Database, id: i64) -> Result<Option<Role>, ServiceError> {
    const ROLE: &str = "SELECT id, name FROM roles WHERE id = $1";
    Ok(database.acquire().await?.fetch_row(ROLE, &[id.into()]).await?)
}

/// The same under the names that the original gave them and under short ones.
pub(super) fn routes(database: &Database) -> Routes {
    Routes::new(Envelope::Code)
        .described(routes!(create_role), database.clone())
        .described(routes!(get_role), database.clone())
        .aliased("/regions")
        .either_slash()
}

/// Adds a role
#[utoipa::path(
    post,
    path = "/roles",
    operation_id = "create_role",
    tag = "role",
    request_body = NewRole,
    responses((status = 200, body = Created), (status = 400, description = "No JSON", body = CodedMessage), (status = 422, description = "Not a role", body = CodedMessage)),
)]
async fn create_role(
    State(database): State<Database>,
    Input(NewRole { name }): Input<NewRole>,
) -> Result<Data<Created>, ServiceError> {
    const INSERT: &str = "INSERT INTO roles(name, create_time) VALUES ($1, $2) RETURNING id";
    trace::name("create_role");
    Created::by(&database, INSERT, &[name.as_str().into(), Timestamp::now().into()]).await
}

/// One role
#[utoipa::path(
    get,
    path = "/roles/{id}",
    operation_id = "get_role",
    tag = "role",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = Role), (status = 404, description = "There is none", body = CodedMessage)),
)]
async fn get_role(State(database): State<Database>, Id(id): Id) -> Result<Data<Role>, ServiceError> {
    trace::name("get_role");
    Ok(Data::new(role(&database, id).await?.ok_or(Failure::new(StatusCode::NOT_FOUND))?))
}
