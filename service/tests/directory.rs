//! Contract 5.3 and 5.12: users, the cities and provinces they live in, and the roles they have.

#![cfg(test)]

mod support;

use std::{net::SocketAddr, sync::Arc};

use axum::{http::StatusCode, routing::get as on_get};
use chassis::App;
use serde_json::{Value, json};
use support::{
    collector::Collector,
    http::{Answer, ask, coded, get, get_with, post},
    parts::Zipkin,
    postgres::{TestDatabase, postgres},
    process::{Process, run, stderr},
    running::Running,
    soon, until,
};
use tokio::sync::Barrier;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn directory(test: &TestDatabase) -> Running {
    Running::bundled(&[test.env(), ("CHASSIS_PROFILE", "directory")]).await
}

async fn add(service: SocketAddr, path: &str, body: Value) -> i64 {
    let answer = post(service, path, &body.to_string()).await;
    let id = answer.json()["data"]["id"].as_i64();
    assert_eq!((answer.status, answer.json()), (200, json!({ "code": 0, "data": { "id": id } })), "{path}");
    id.unwrap()
}

fn user() -> Value {
    json!({ "name": "test", "age": 2, "city_id": 1, "role_id": 1 })
}

fn refused(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json(), coded(status, message));
}

/// contract 5.3.12, contract 5.3.13, contract 5.3.14, contract 5.3.16, contract 0b.6
#[tokio::test]
async fn a_user_is_added_listed_and_shown_with_city_and_role() {
    for test in TestDatabase::each().await {
        let running = directory(&test).await;
        let service = running.service;
        let province = add(service, "/regions/provinces", json!({ "name": "Shanghai Shi" })).await;
        let city = json!({ "name": "shanghai", "province_id": province });
        assert_eq!(add(service, "/regions/cities", city).await, 1);
        assert_eq!(add(service, "/regions/roles/", json!({ "name": "admin" })).await, 1);
        for (id, path) in [(1, "/users/"), (2, "/users")] {
            assert_eq!(add(service, path, user()).await, id);
        }
        let sexed = json!({ "name": "ü", "age": 0, "city_id": 7, "role_id": 7, "sex": "f", "other": [] });
        assert_eq!(add(service, "/users", sexed).await, 3);

        let city = json!({ "id": 1, "name": "shanghai", "province_id": { "id": 1, "name": "Shanghai Shi" } });
        let role = json!({ "id": 1, "name": "admin" });
        for (path, wanted) in [
            ("/cities/1", &city),
            ("/cities/1/", &city),
            ("/regions/cities/1", &city),
            ("/regions/cities/1/", &city),
            ("/roles/1", &role),
            ("/roles/1/", &role),
            ("/regions/roles/1", &role),
            ("/provinces/1", &city["province_id"]),
            ("/regions/provinces/1", &city["province_id"]),
        ] {
            assert_eq!(get(service, path).await.json(), json!({ "code": 0, "data": wanted }), "{path}");
        }

        for path in ["/users", "/users/"] {
            let mut list = get(service, path).await.json();
            let users = list["data"].as_array_mut().unwrap();
            let times: Vec<_> = users.iter_mut().map(|user| user["create_time"].take().to_string()).collect();
            assert!(
                times.is_sorted() && times[0].len() == r#""2026-01-31T12:00:00.000000Z""#.len(),
                "{times:?}"
            );
            let one = json!({ "id": 1, "create_time": null, "name": "test", "age": 2, "city_id": 1, "role_id": 1, "sex": null });
            assert_eq!(users[0], one);
            assert_eq!(users[2]["sex"], "f");
            assert_eq!(list["pagination"], json!({ "next": null, "prev": null }));
        }
        let page = get(service, "/users?limit=2").await.json();
        assert_eq!(page["data"].as_array().unwrap().len(), 2);
        assert_eq!(page["pagination"]["next"], "http://test/users?limit=2&offset=2");

        for path in ["/users/1", "/users/1/"] {
            let shown = get(service, path).await.json();
            assert_eq!((&shown["code"], &shown["data"]["name"]), (&json!(0), &json!("test")));
            assert_eq!((&shown["data"]["city_id"], &shown["data"]["role_id"]), (&city, &role), "{path}");
        }
        let shown = get(service, "/users/3").await.json();
        assert_eq!((&shown["data"]["city_id"], &shown["data"]["role_id"]), (&Value::Null, &Value::Null));
    }
}

/// contract 5.3.15
#[tokio::test]
async fn a_deleted_user_is_gone() {
    for test in TestDatabase::each().await {
        let running = directory(&test).await;
        add(running.service, "/users", user()).await;
        let deleted = ask(running.service, "DELETE", "/users/1", "").await;
        assert_eq!((deleted.status, deleted.json()), (200, json!({ "code": 0, "data": { "id": 1 } })));
        refused(&ask(running.service, "DELETE", "/users/1/", "").await, 404, "Not Found");
        refused(&get(running.service, "/users/1").await, 404, "Not Found");
        assert_eq!(add(running.service, "/users", user()).await, 2, "a number is given once");
    }
}

/// contract 5.1.6, contract 5.1.8
#[tokio::test]
async fn what_is_wrong_is_refused_and_nothing_is_kept_of_it() {
    for test in TestDatabase::each().await {
        let running = directory(&test).await;
        let service = running.service;
        for (body, status, message) in [
            ("{", 400, "the body is not JSON: EOF while parsing an object"),
            ("", 400, "the body is not JSON: EOF while parsing a value"),
            (r#"["ann",7,1,1]"#, 422, "expected a JSON object, not a list"),
            ("{}", 422, "missing field `name`"),
            (r#"{"name":1}"#, 422, "name: invalid type: integer `1`, expected a string"),
            (r#"{"name":""}"#, 422, "name: must have 1 to 128 characters"),
            (r#"{"name":"\u0000"}"#, 422, "name: must not contain the character NUL"),
            (r#"{"age":-1}"#, 422, "age: must not be negative"),
            (
                r#"{"age":3000000000}"#,
                422,
                "age: invalid value: integer `3000000000`, expected a whole number from -2147483648 to 2147483647",
            ),
            (
                r#"{"city_id":"1"}"#,
                422,
                "city_id: invalid type: string \"1\", expected a whole number from -2147483648 to 2147483647",
            ),
        ] {
            let answer = post(service, "/users/", body).await;
            let said = answer.said();
            assert!(said.starts_with(message), "{body}: {said}");
            refused(&answer, status, &said);
        }
        assert_eq!(get(service, "/users").await.json()["data"], json!([]));
        for id in ["0", "-1", "3000000000", "99999999999999999999"] {
            refused(&get(service, &format!("/users/{id}")).await, 404, "Not Found");
        }
        for path in ["/users/abc", "/users/1.0", "/cities/x", "/regions/roles/%FF", "/users/1/2"] {
            let answer = get(service, path).await;
            let message = format!("Requested URL http://test{path} not found");
            assert_eq!((answer.status, answer.json()), (404, json!({ "message": message })));
        }
        refused(
            &ask(service, "PUT", "/users", "").await,
            405,
            "The method is not allowed for the requested URL.",
        );
        refused(&get(service, "/users?limit=0").await, 400, "Invalid parameter 'limit=0'");
    }
}

/// contract 0b.10, contract 5.3.17
#[tokio::test]
async fn a_service_of_the_directory_says_at_its_root_which_one_it_is() {
    let env = [("CHASSIS_PROFILE", "roles"), ("CST_PROJECT_NAME", "role")];
    let running = Running::bundled(&env).await;
    let root = get(running.service, "/").await;
    assert_eq!((root.status, root.json()), (200, json!({ "code": 0, "data": "role service" })));
    assert_eq!(get(running.service, "/users").await.status, 404);
    let output = run(&[("CHASSIS_PROFILE", "users")], &["config", "check"]).await;
    assert_eq!(output.status.code(), Some(64));
    let said = stderr(&output);
    assert!(
        said.contains("upstreams.regions.url: is missing") && said.contains("upstreams.roles.url"),
        "{said}"
    );
}

/// The profile `users` with one user; cities and roles are asked for at `url`.
async fn users_of(url: &str, more: &[(&str, &str)]) -> Running {
    let own = [
        ("CHASSIS_PROFILE", "users"),
        ("CHASSIS_UPSTREAMS__REGIONS__URL", url),
        ("CHASSIS_UPSTREAMS__ROLES__URL", url),
        ("CHASSIS_UPSTREAMS__ROLES__TIMEOUT", "300ms"),
        ("CHASSIS_UPSTREAMS__ROLES__TRIES", "1"),
        ("CHASSIS_UPSTREAMS__REGIONS__TRIES", "1"),
    ];
    let running = Running::bundled(&[&own[..], more].concat()).await;
    add(running.service, "/users/", user()).await;
    running
}

fn url_of(running: &Running) -> String {
    format!("http://{}", running.service)
}

/// contract 5.3.14
#[tokio::test]
async fn city_and_role_are_asked_for_at_the_same_time() {
    // Neither is answered before both were asked for.
    let both = Arc::new(Barrier::new(2));
    let answer = |name: &'static str| {
        let both = Arc::clone(&both);
        on_get(async move || {
            both.wait().await;
            json!({ "id": 1, "name": name }).to_string()
        })
    };
    let app = App::new().unwrap().route("/cities/1", answer("shanghai")).route("/roles/1", answer("admin"));
    let others = Running::with(&[], app).await;
    let running = users_of(&url_of(&others), &[("CHASSIS_UPSTREAMS__ROLES__TIMEOUT", "10s")]).await;
    let shown = soon("the user", get(running.service, "/users/1")).await.json();
    assert_eq!(shown["data"]["city_id"], json!({ "id": 1, "name": "shanghai" }), "{shown}");
    assert_eq!(shown["data"]["role_id"], json!({ "id": 1, "name": "admin" }));
}

/// contract 0b.6
#[tokio::test]
async fn what_others_answer_is_told_in_words_of_ours() {
    let wrapped = on_get(async || json!({ "code": 0, "data": { "id": 1, "name": "shanghai" } }).to_string());
    let missing = || on_get(async || StatusCode::NOT_FOUND);
    let failing = || on_get(async || StatusCode::INTERNAL_SERVER_ERROR);
    let slow = on_get(async || std::future::pending::<String>().await);
    for (role, status, wanted) in [
        (missing(), 200, json!(null)),
        (failing(), 502, json!({ "message": "Bad Gateway", "code": 100_001 })),
        (slow, 504, json!({ "message": "Gateway Timeout", "code": 100_001 })),
    ] {
        let app = App::new().unwrap().route("/cities/1", wrapped.clone()).route("/roles/1", role);
        let others = Running::with(&[], app).await;
        let running = users_of(&url_of(&others), &[]).await;
        let answer = get(running.service, "/users/1").await;
        assert_eq!(answer.status, status, "{answer:?}");
        let body = answer.json();
        if status == 200 {
            assert_eq!(body["data"]["city_id"]["name"], "shanghai");
            assert_eq!(body["data"]["role_id"], wanted);
        } else {
            assert_eq!(body, wanted);
        }
    }
}

/// contract 5.7.28
#[tokio::test]
async fn in_one_process_the_trace_looks_as_in_three() {
    for test in TestDatabase::each().await {
        let collector = Collector::start("/api/v2/spans").await;
        let url = collector.url("/api/v2/spans");
        let env = [
            test.env(),
            ("CHASSIS_PROFILE", "directory"),
            ("ZIPKIN_SERVER", url.as_str()),
            ("CHASSIS_TRACING__INTERVAL", "10ms"),
        ];
        let running = Running::bundled(&env).await;
        add(running.service, "/users/", user()).await;
        let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
        get_with(running.service, "/users/1", &[("traceparent", &traceparent)]).await;
        let spans = || -> Vec<Value> {
            collector.spans().into_iter().filter(|span| span["traceId"] == TRACE).collect()
        };
        until(6, async || spans().len()).await;
        let mut names: Vec<_> =
            spans().iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["fetchrow", "fetchrow", "fetchrow", "get", "get", "get_user"]);
    }
}

/// Three processes of one program, as three Microservices run them, with one PostgreSQL and one Zipkin.
#[tokio::test]
async fn three_services_make_one_trace_with_their_sql() {
    let Some(postgres) = postgres().await else { return };
    let Some(zipkin) = Zipkin::start().await else { return };
    let url = postgres.url(&postgres.create().await);
    let common = format!(
        "db: {{url: '{url}'}}\ntracing: {{zipkin_url: 'http://{}/api/v2/spans', interval: 10ms}}",
        zipkin.address
    );
    let one = async |profile: &str, more: &str| {
        Process::start(&format!("profile: {profile}\nservice: {{name: {profile}}}\n{common}\n{more}")).await
    };
    let (regions, roles) = tokio::join!(one("regions", ""), one("roles", ""));
    let upstreams = format!(
        "upstreams: {{regions: {{url: 'http://{}'}}, roles: {{url: 'http://{}'}}}}",
        regions.service, roles.service
    );
    let users = one("users", &upstreams).await;
    for process in [&regions, &roles, &users] {
        until(200, async || get(process.admin, "/readyz").await.status).await;
    }
    add(regions.service, "/cities", json!({ "name": "shanghai" })).await;
    add(roles.service, "/roles", json!({ "name": "admin" })).await;
    add(users.service, "/users", user()).await;
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let shown = get_with(users.service, "/users/1", &[("traceparent", &traceparent)]).await.json();
    assert_eq!(shown["data"]["city_id"]["name"], "shanghai");
    assert_eq!(shown["data"]["role_id"]["name"], "admin");
    // The requests of three services, two of which the first has made, and three statements.
    let spans = zipkin.trace(TRACE, 8).await;
    let services = |kind: &str, name: &str| {
        let of = spans.iter().filter(|span| span["kind"] == kind && span["name"] == name);
        let mut services: Vec<_> =
            of.map(|span| span["localEndpoint"]["serviceName"].as_str().unwrap()).collect();
        services.sort_unstable();
        services
    };
    assert_eq!(services("SERVER", "get_user"), ["users"]);
    assert_eq!(services("SERVER", "get_city"), ["regions"]);
    assert_eq!(services("SERVER", "get_role"), ["roles"]);
    assert_eq!(services("CLIENT", "get"), ["users", "users"]);
    assert_eq!(services("CLIENT", "fetchrow"), ["regions", "roles", "users"]);
    assert!(spans.iter().any(|span| span["tags"]["db.sql"] == "SELECT id, name FROM roles WHERE id = $1"));
}

/// contract 5.4.19
#[tokio::test]
async fn the_tables_have_the_columns_of_the_document() {
    let Some(postgres) = postgres().await else { return };
    let name = postgres.create().await;
    let url = postgres.url(&name);
    let _running = Running::bundled(&[("DATABASE_URL", &url), ("CHASSIS_PROFILE", "directory")]).await;
    let columns = postgres
        .sql(
            &name,
            "SELECT table_name || ': ' || string_agg(column_name || ' ' || udt_name ||
                coalesce('(' || character_maximum_length || ')', ''), ', ' ORDER BY ordinal_position)
             FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name ORDER BY table_name",
        )
        .await;
    let wanted = [
        "cities: id int4, name varchar(32), province_id int4, create_time timestamptz",
        "migrate_record: id int4, table varchar(128), version varchar(32), author varchar(128), create_time timestamptz",
        "provinces: id int4, name varchar(32), create_time timestamptz",
        "roles: id int4, name varchar(128), create_time timestamptz",
        "users: id int4, create_time timestamptz, name varchar(128), age int4, city_id int4, role_id int4, sex varchar(32)",
    ];
    assert_eq!(columns, wanted.join("\n"));
}

/// contract 5.9.35
#[tokio::test]
async fn the_definitions_are_those_of_the_document() {
    let running = Running::bundled(&[("CHASSIS_PROFILE", "directory")]).await;
    let spec = get(running.service, "/openapi/spec.json").await.json();
    let definitions = &spec["definitions"];
    let user = &definitions["User"]["properties"];
    assert_eq!(user["create_time"]["format"], "date-time");
    assert!(user["create_time"]["description"].is_string() && user["name"]["type"] == "string", "{user}");
    for (member, wanted) in [("city_id", "CityApi"), ("role_id", "RoleApi")] {
        assert!(user[member].to_string().contains(&format!("#/definitions/{wanted}")), "{}", user[member]);
        assert_eq!(definitions[wanted]["properties"]["id"]["format"], "int64");
    }
    let province = &definitions["CityApi"]["properties"]["province_id"];
    assert!(province.to_string().contains("#/definitions/ProvinceApi"), "{province}");
    assert_eq!(definitions["ProvinceApi"]["properties"]["name"]["type"], "string");
    let paths = &spec["paths"];
    assert_eq!(paths["/users/"]["post"]["operationId"], "create_user");
    assert_eq!(paths["/users"]["post"]["operationId"], "create_user_");
    let id = &paths["/users/{id}"]["get"]["parameters"][0];
    assert_eq!(
        (&id["type"], &id["format"], &id["required"]),
        (&json!("integer"), &json!("int64"), &json!(true))
    );
}
