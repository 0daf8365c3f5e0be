//! Cities and the provinces they are in (contract 5.3.16).

use axum::extract::State;
use axum::http::StatusCode;
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

use super::{created::Created, name::Name, number::Number};

/// A province.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProvinceApi)]
pub(super) struct Province {
    /// Its number.
    #[schema(format = Int64)]
    id: i32,
    /// What it is called.
    name: String,
}

/// A city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CityApi)]
pub(super) struct City {
    /// Its number.
    #[schema(format = Int64)]
    id: i32,
    /// What it is called.
    #[schema(example = "shanghai")]
    name: String,
    /// Where it is, null if that is not known.
    province_id: Option<Province>,
}

/// A province to be.
#[derive(Debug, Deserialize, ToSchema)]
struct NewProvince {
    /// What it is called.
    #[schema(inline)]
    name: Name<32>,
}

/// A city to be.
#[derive(Debug, Deserialize, ToSchema)]
struct NewCity {
    /// What it is called.
    #[schema(inline, example = "shanghai")]
    name: Name<32>,
    /// The number of its province.
    #[schema(value_type = Option<i32>, format = Int32)]
    province_id: Option<Number>,
}

pub(super) fn tables() -> [Table; 2] {
    let name = || Column::text("name", 32);
    [
        Table::new("provinces", [Column::serial("id"), name(), Column::time("create_time")]),
        Table::new(
            "cities",
            [
                Column::serial("id"),
                name(),
                Column::integer("province_id").nullable(),
                Column::time("create_time"),
            ],
        ),
    ]
}

impl FromRow for Province {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self { id: row.get("id")?, name: row.get("name")? })
    }
}

impl FromRow for City {
    fn from_row(row: &Row<'_>) -> Result<Self, DbError> {
        let province = row.get::<Option<i32>>("province_id")?.zip(row.get("province_name")?);
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            province_id: province.map(|(id, name)| Province { id, name }),
        })
    }
}

/// A city with its province.
pub(super) async fn city(database: &Database, id: i64) -> Result<Option<City>, ServiceError> {
    const CITY: &str =
        "SELECT cities.id, cities.name, provinces.id AS province_id, provinces.name AS province_name
        FROM cities LEFT JOIN provinces ON provinces.id = cities.province_id WHERE cities.id = $1";
    Ok(database.acquire().await?.fetch_row(CITY, &[id.into()]).await?)
}

/// The same under the names that the original gave them and under short ones.
pub(super) fn routes(database: &Database) -> Routes {
    let state = || database.clone();
    Routes::new(Envelope::Code)
        .described(routes!(create_city), state())
        .described(routes!(get_city), state())
        .described(routes!(create_province), state())
        .described(routes!(get_province), state())
        .aliased("/regions")
        .either_slash()
}

/// Adds a city
#[utoipa::path(
    post,
    path = "/cities",
    operation_id = "create_city",
    tag = "region",
    request_body = NewCity,
    responses((status = 200, body = Created), (status = 400, description = "No JSON", body = CodedMessage), (status = 422, description = "Not a city", body = CodedMessage)),
)]
async fn create_city(
    State(database): State<Database>,
    Input(NewCity { name, province_id }): Input<NewCity>,
) -> Result<Data<Created>, ServiceError> {
    const INSERT: &str =
        "INSERT INTO cities(name, province_id, create_time) VALUES ($1, $2, $3) RETURNING id";
    trace::name("create_city");
    let arguments = [name.as_str().into(), province_id.map(|Number(id)| id).into(), Timestamp::now().into()];
    Created::by(&database, INSERT, &arguments).await
}

/// One city with its province
#[utoipa::path(
    get,
    path = "/cities/{id}",
    operation_id = "get_city",
    tag = "region",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = City), (status = 404, description = "There is none", body = CodedMessage)),
)]
async fn get_city(State(database): State<Database>, Id(id): Id) -> Result<Data<City>, ServiceError> {
    trace::name("get_city");
    Ok(Data::new(city(&database, id).await?.ok_or(Failure::new(StatusCode::NOT_FOUND))?))
}

/// Adds a province
#[utoipa::path(
    post,
    path = "/provinces",
    operation_id = "create_province",
    tag = "region",
    request_body = NewProvince,
    responses((status = 200, body = Created), (status = 400, description = "No JSON", body = CodedMessage), (status = 422, description = "Not a province", body = CodedMessage)),
)]
async fn create_province(
    State(database): State<Database>,
    Input(NewProvince { name }): Input<NewProvince>,
) -> Result<Data<Created>, ServiceError> {
    const INSERT: &str = "INSERT INTO provinces(name, create_time) VALUES ($1, $2) RETURNING id";
    trace::name("create_province");
    Created::by(&database, INSERT, &[name.as_str().into(), Timestamp::now().into()]).await
}

/// One province
#[utoipa::path(
    get,
    path = "/provinces/{id}",
    operation_id = "get_province",
    tag = "region",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = Province), (status = 404, description = "There is none", body = CodedMessage)),
)]
async fn get_province(State(database): State<Database>, Id(id): Id) -> Result<Data<Province>, ServiceError> {
    const PROVINCE: &str = "SELECT id, name FROM provinces WHERE id = $1";
    trace::name("get_province");
    let province = database.acquire().await?.fetch_row(PROVINCE, &[id.into()]).await?;
    Ok(Data::new(province.ok_or(Failure::new(StatusCode::NOT_FOUND))?))
}
