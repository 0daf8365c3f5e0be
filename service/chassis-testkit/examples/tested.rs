//! A service that asks another one, and its test, which needs neither that one nor a socket:
//!
//! ```text
//! cargo test -p chassis-testkit --example tested
//! ```

use std::error::Error;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use chassis::{
    App, Config, Data, Envelope, Routes, Server, Shutdown,
    answer::{Failure, ServiceError},
    client,
    config::{Reader, Sources, Upstream, load},
    upstream_keys,
};
use serde_json::{Value, json};
use utoipa_axum::routes;

/// A user, with the city that another service knows
#[utoipa::path(get, path = "/users/{id}", operation_id = "get_user", params(("id" = u64, Path,)), responses((status = 200, body = Value)))]
async fn user(
    State(regions): State<client::Upstream>,
    Path(id): Path<u64>,
) -> Result<Data<Value>, ServiceError> {
    let city = regions.get(format!("/cities/{id}?fields=name&lang=no")).send().await;
    let city: Option<Value> = city.and_then(|city| city.found()).map_err(|error| {
        tracing::warn!("no city: {error}");
        Failure::new(StatusCode::BAD_GATEWAY)
    })?;
    Ok(Data::new(json!({ "id": id, "city": city })))
}

fn read(reader: &mut Reader) -> (Config, Upstream) {
    (Config::read(reader), Upstream::read(reader, upstream_keys!("regions")))
}

fn mount(app: App, regions: &Upstream) -> Result<App, Box<dyn Error>> {
    let regions = app.upstream(regions)?;
    Ok(app.mount(Routes::new(Envelope::Code).described(routes!(user), regions)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (config, regions) = load(&Sources::from_process(None, Vec::new()), read)?.config;
    let app = App::new()?;
    let _log = chassis::logging::init(&config.logging, app.metrics())?;
    let server = Server::bind(&config, mount(app, &regions)?).await?;
    server.run(Shutdown::on_signals()?).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use chassis_testkit::{Kit, Mock, Reply};

    use super::*;

    const CITY: &str = "http://regions/cities/7?lang=no&fields=name";

    async fn kit(mock: &Mock) -> Kit {
        let env = [("CHASSIS_UPSTREAMS__REGIONS__URL", "http://regions")];
        let (config, regions) = load(&Sources::default().with_env(env), read).unwrap().config;
        let app = mount(App::new().unwrap().mocked(mock), &regions).unwrap();
        Kit::new(&config, app).await.unwrap()
    }

    /// contract 5.11.37
    #[tokio::test]
    async fn a_user_has_the_city_that_the_other_service_says() {
        let mock = Mock::new();
        let kit = kit(&mock).await;
        let oslo = json!({ "name": "Oslo" });
        for (reply, status, city) in [
            (Reply::json(&oslo), 200, &oslo),
            (Reply::json(&json!({ "code": 0, "data": oslo })), 200, &oslo),
            (Reply::empty(StatusCode::NOT_FOUND), 200, &Value::Null),
            (Reply::json(&oslo).status(StatusCode::BAD_REQUEST), 502, &Value::Null),
            (Reply::failure("no route to host"), 502, &Value::Null),
        ] {
            mock.on(Method::GET, CITY, reply);
            let answer = kit.call("get_user").arg("id", 7).send().await.unwrap();
            let body: Value = answer.json().unwrap();
            assert_eq!((answer.status().as_u16(), &body["data"]["city"]), (status, city), "{body}");
        }
        let asked = mock.calls();
        assert!(asked.iter().all(|asked| asked.url == "http://regions/cities/7?fields=name&lang=no"));
        assert!(asked.iter().all(|asked| asked.headers.contains_key("x-operation-id")));
        assert_eq!(asked.len(), 7, "what breaks is tried three times");
    }
}
