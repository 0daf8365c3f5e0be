//! Users (contract 5.3.12-15).

use axum::{
    extract::{FromRef, State},
    http::StatusCode,
};
use chassis::{
    Data, Envelope, Id, Input, Page, Paging, Routes,
    answer::{Failure, ServiceError},
    db::{
        Database, DbError, FromRow, Row,
        migration::{Column, Step, Table},
    },
    openapi::schema::CodedMessage,
    trace,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    created::Created,
    name::Name,
    neighbour::Neighbour,
    number::Number,
    regions::{self, City},
    roles::{self, Role},
};
use crate::time::with_microseconds;

/// What users are kept in and whom they ask.
#[derive(Debug, Clone)]
pub(super) struct Feature {
    pub database: Database,
    pub paging: Paging,
    pub regions: Neighbour,
    pub roles: Neighbour,
}

impl FromRef<Feature> for Paging {
    fn from_ref(feature: &Feature) -> Self {
        feature.paging
    }
}

/// A user, with the numbers of city and role.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ListedUser {
    /// The user's number.
    id: i32,
    /// When the user was added.
    #[serde(serialize_with = "with_microseconds")]
    #[schema(value_type = String, format = "date-time", example = "2026-01-31T12:00:00.000000Z")]
    create_time: Timestamp,
    /// The user's name.
    name: String,
    /// The user's age.
    age: i32,
    /// The number of the city.
    city_id: i32,
    /// The number of the role.
    role_id: i32,
    /// The user's sex, null if it was not told.
    sex: Option<String>,
}

/// A user, with city and role.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct User {
    /// The user's number.
    id: i32,
    /// When the user was added.
    #[serde(serialize_with = "with_microseconds")]
    #[schema(value_type = String, format = "date-time", example = "2026-01-31T12:00:00.000000Z")]
    create_time: Timestamp,
    /// The user's name.
    name: String,
    /// The user's age.
    age: i32,
    /// The city, null if it is not there any more.
    #[schema(value_type = Option<City>)]
    city_id: Option<Value>,
    /// The role, null if it is not there any more.
    #[schema(value_type = Option<Role>)]
    role_id: Option<Value>,
    /// The user's sex, null if it was not told.
    sex: Option<String>,
}

/// A user to be.
#[derive(Debug, Deserialize, ToSchema)]
struct NewUser {
    /// The user's name.
    #[schema(inline, example = "test")]
    name: Name<128>,
    /// The user's age in years.
    #[schema(value_type = i32, minimum = 0, example = 2)]
    age: Age,
    /// The number of the city.
    #[schema(value_type = i32, example = 1)]
    city_id: Number,
    /// The number of the role.
    #[schema(value_type = i32, example = 1)]
    role_id: Number,
    /// The user's sex; may be left out.
    #[schema(inline)]
    sex: Option<Name<32>>,
}

/// Not negative.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Number")]
struct Age(i32);

impl TryFrom<Number> for Age {
    type Error = &'static str;

    fn try_from(Number(age): Number) -> Result<Self, Self::Error> {
        if age < 0 { Err("must not be negative") } else { Ok(Self(age)) }
    }
}

/// As the document's example has it: `sex` came later.
pub(super) fn table() -> Table {
    Table::new(
        "users",
        [
            Column::serial("id"),
            Column::time("create_time"),
            Column::text("name", 128),
            Column::integer("age"),
            Column::integer("city_id"),
            Column::integer("role_id"),
        ],
    )
    .step(Step::new(1).add_column(Column::text("sex", 32).nullable()))
}

impl FromRow for ListedUser {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            create_time: row.get("create_time")?,
            name: row.get("name")?,
            age: row.get("age")?,
            city_id: row.get("city_id")?,
            role_id: row.get("role_id")?,
            sex: row.get("sex")?,
        })
    }
}

pub(super) fn routes(feature: Feature) -> Routes {
    let paging = feature.paging;
    Routes::new(Envelope::Code)
        .described(routes!(get_users, create_user), feature.clone())
        .described(routes!(get_user, delete_user), feature)
        .paged(paging)
        .either_slash()
}

/// Adds a user
#[utoipa::path(
    post,
    path = "/users/",
    operation_id = "create_user",
    tag = "user",
    request_body = NewUser,
    responses((status = 200, body = Created), (status = 400, description = "No JSON", body = CodedMessage), (status = 422, description = "Not a user", body = CodedMessage)),
)]
async fn create_user(
    State(feature): State<Feature>,
    Input(user): Input<NewUser>,
) -> Result<Data<Created>, ServiceError> {
    const INSERT: &str = "INSERT INTO users(create_time, name, age, city_id, role_id, sex)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    trace::name("create_user");
    let NewUser { name, age: Age(age), city_id: Number(city_id), role_id: Number(role_id), sex } = user;
    let arguments = [
        Timestamp::now().into(),
        name.as_str().into(),
        age.into(),
        city_id.into(),
        role_id.into(),
        sex.as_ref().map(Name::as_str).into(),
    ];
    Created::by(&feature.database, INSERT, &arguments).await
}

/// Users, the oldest first
///
/// In pages: beside `data`, `pagination` has the links to the next and the previous one, or null.
#[utoipa::path(
    get,
    path = "/users/",
    operation_id = "get_users",
    tag = "user",
    params(
        ("offset" = Option<i64>, Query, description = "Users before the page", minimum = 0, nullable = false),
        ("limit" = Option<i64>, Query, description = "Users of the page; at most four times the default of 25", minimum = 1, nullable = false),
    ),
    responses((status = 200, body = Vec<ListedUser>), (status = 400, description = "No such page", body = CodedMessage)),
)]
async fn get_users(
    page: Page,
    State(feature): State<Feature>,
) -> Result<Data<Vec<ListedUser>>, ServiceError> {
    const USERS: &str = "SELECT id, create_time, name, age, city_id, role_id, sex FROM users
        ORDER BY id LIMIT $1 OFFSET $2";
    trace::name("get_users");
    page.read(async |offset, limit| {
        Ok(feature.database.acquire().await?.fetch(USERS, &[limit.into(), offset.into()]).await?)
    })
    .await
}

/// One user with city and role
///
/// Both are asked for at the same time.
#[utoipa::path(
    get,
    path = "/users/{id}",
    operation_id = "get_user",
    tag = "user",
    params(("id" = i64, Path, description = "The user's number")),
    responses(
        (status = 200, body = User),
        (status = 404, description = "There is none", body = CodedMessage),
        (status = 502, description = "City or role can't be asked for", body = CodedMessage),
    ),
)]
async fn get_user(State(feature): State<Feature>, Id(id): Id) -> Result<Data<User>, ServiceError> {
    const USER: &str = "SELECT id, create_time, name, age, city_id, role_id, sex FROM users WHERE id = $1";
    trace::name("get_user");
    let Feature { database, regions, roles, .. } = &feature;
    let user: Option<ListedUser> = database.acquire().await?.fetch_row(USER, &[id.into()]).await?;
    let ListedUser { id, create_time, name, age, city_id, role_id, sex } =
        user.ok_or(Failure::new(StatusCode::NOT_FOUND))?;
    let city =
        regions.find(format!("/cities/{city_id}"), async |here| regions::city(here, city_id.into()).await);
    let role = roles.find(format!("/roles/{role_id}"), async |here| roles::role(here, role_id.into()).await);
    let (city_id, role_id) = futures::try_join!(city, role)?;
    Ok(Data::new(User { id, create_time, name, age, city_id, role_id, sex }))
}

/// Deletes a user
#[utoipa::path(
    delete,
    path = "/users/{id}",
    operation_id = "delete_user",
    tag = "user",
    params(("id" = i64, Path, description = "The user's number")),
    responses((status = 200, body = Created), (status = 404, description = "There is none", body = CodedMessage)),
)]
async fn delete_user(State(feature): State<Feature>, Id(id): Id) -> Result<Data<Created>, ServiceError> {
    const DELETE: &str = "DELETE FROM users WHERE id = $1 RETURNING id";
    trace::name("delete_user");
    let deleted = feature.database.primary().await?.fetch_value(DELETE, &[id.into()]).await?;
    let id = deleted.ok_or(Failure::new(StatusCode::NOT_FOUND))?;
    Ok(Data::new(Created { id }))
}
