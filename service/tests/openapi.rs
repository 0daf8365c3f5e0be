//! Contract 5.9 (Swagger), 7.1 (OpenAPI 3.1) and the pages that show them.

#![cfg(test)]

mod support;

use std::{fs, path::Path};

use chassis::{App, Data, Envelope, Routes, answer::ServiceError};
use serde_json::{Value, json};
use support::{
    http::{Answer, Connection, get},
    process::{run, stdout},
    running::Running,
};
use utoipa_axum::routes;

const SPEC: &str = "/openapi/spec.json";
const V3: &str = "/openapi/v3.json";

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `document` against the schema of its language, as the OpenAPI Initiative publishes it (Apache-2.0).
fn valid(schema: &str, document: &Value) {
    let schema = serde_json::from_str(&file(schema)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

async fn with(running: &Running, path: &str, headers: &str) -> Answer {
    let mut connection = Connection::open(running.service).await;
    connection.send(format!("GET {path} HTTP/1.1\r\nhost: h\r\n{headers}\r\n")).await;
    connection.answer().await
}

/// contract 5.9.33
#[tokio::test]
async fn the_swagger_document_is_valid_and_says_whose_it_is() {
    let running = Running::bundled(&[
        ("CST_PROJECT_NAME", "USER API"),
        ("CST_PROJECT_VERSION", "1.0.0"),
        ("CHASSIS_OPENAPI__TERMS_OF_SERVICE", "https://example.cn/terms"),
        ("CHASSIS_OPENAPI__CONTACT_EMAIL", "it@example.cn"),
    ])
    .await;
    let answer = get(running.service, SPEC).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let spec = answer.json();
    valid("tests/data/swagger-2.0.schema.json", &spec);
    assert_eq!((&spec["swagger"], &spec["schemes"]), (&json!("2.0"), &json!(["http"])));
    let info = &spec["info"];
    assert_eq!((&info["title"], &info["version"]), (&json!("USER API"), &json!("1.0.0")));
    assert_eq!(info["termsOfService"], "https://example.cn/terms");
    assert_eq!(info["contact"], json!({ "email": "it@example.cn" }));
    assert!(info["description"].is_string());
    for member in ["definitions", "tags", "paths"] {
        assert!(!spec[member].is_null(), "{member}");
    }
}

/// contract 5.9.34
#[tokio::test]
async fn an_operation_is_described_with_its_parameters_body_and_answers() {
    let running = Running::bundled(&[]).await;
    let spec = get(running.service, SPEC).await.json();
    let list = &spec["paths"]["/fibonacci/list"]["get"];
    assert_eq!((&list["operationId"], &list["tags"]), (&json!("fibonacci_list_api"), &json!(["fibonacci"])));
    assert_eq!(list["summary"], "The first `count` Fibonacci numbers");
    assert_eq!(list["produces"], json!(["application/json"]));
    let count = &list["parameters"][0];
    assert_eq!(
        (&count["name"], &count["in"], &count["type"]),
        (&json!("count"), &json!("query"), &json!("integer"))
    );
    assert_eq!(list["responses"]["200"]["schema"], json!({"$ref": "#/definitions/List"}));
    let message = &spec["paths"]["/microservice"]["post"];
    assert_eq!(message["consumes"], json!(["application/json"]));
    let body = &message["parameters"][0];
    assert_eq!(
        (&body["in"], &body["name"], &body["required"]),
        (&json!("body"), &json!("body"), &json!(true))
    );
}

#[tokio::test]
async fn the_document_of_3_1_is_valid() {
    let running = Running::bundled(&[]).await;
    let spec = get(running.service, V3).await.json();
    assert_eq!(spec["openapi"], "3.1.0");
    valid("tests/data/openapi-3.1.schema.json", &spec);
}

/// What is committed is what is served. `BLESS=1` writes it anew.
#[tokio::test]
async fn the_committed_documents_are_those_of_this_program() {
    for version in ["v2", "v3"] {
        let printed = run(&[], &["openapi", "--version", version]).await;
        let printed = stdout(&printed);
        let path = format!("openapi/{version}.json");
        if std::env::var_os("BLESS").is_some() {
            fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path), printed).unwrap();
        }
        assert!(file(&path) == printed, "{path} is stale: BLESS=1 cargo test -p service --test openapi");
        let running = Running::bundled(&[]).await;
        let served = get(running.service, if version == "v2" { SPEC } else { V3 }).await.json();
        assert_eq!(served, serde_json::from_str::<Value>(printed).unwrap());
    }
}

/// contract 5.9.35
#[tokio::test]
async fn each_profile_describes_what_it_serves_and_nothing_of_the_chassis() {
    let users = ["/users", "/users/", "/users/{id}", "/users/{id}/"];
    let cities = ["/cities", "/cities/", "/cities/{id}", "/cities/{id}/"];
    let provinces = ["/provinces", "/provinces/", "/provinces/{id}", "/provinces/{id}/"];
    let roles = ["/roles", "/roles/", "/roles/{id}", "/roles/{id}/"];
    let catalog = ["/products", "/simple/{id}"];
    let mut all =
        [&users[..], &cities, &provinces, &roles, &catalog, &["/", "/fibonacci/list", "/microservice"]]
            .concat();
    all.sort_unstable();
    for (profile, paths) in [
        ("all", all),
        ("regions", [cities, provinces].concat()),
        ("roles", roles.to_vec()),
        ("catalog", vec!["/products", "/simple/{id}"]),
        ("message", vec!["/microservice"]),
        ("fibonacci", vec!["/fibonacci/list"]),
        ("quickstart", vec!["/"]),
    ] {
        let running = Running::bundled(&[("CHASSIS_PROFILE", profile)]).await;
        for path in [SPEC, V3] {
            let spec = get(running.service, path).await.json();
            let described: Vec<_> = spec["paths"].as_object().unwrap().keys().collect();
            assert_eq!(described, paths, "{profile} {path}");
        }
    }
}

#[tokio::test]
async fn limits_that_are_settings_are_described_as_they_are_set() {
    let env = [("CHASSIS_FIBONACCI__MAX_COUNT", "7"), ("CHASSIS_API__PAGE_SIZE", "10")];
    let running = Running::bundled(&env).await;
    let spec = get(running.service, SPEC).await.json();
    for (path, parameter, most) in [("/fibonacci/list", "count", 7), ("/products", "limit", 40)] {
        let parameters = spec["paths"][path]["get"]["parameters"].as_array().unwrap();
        let described = parameters.iter().find(|described| described["name"] == parameter).unwrap();
        assert_eq!(described["maximum"], most, "{described}");
    }
}

#[utoipa::path(
    get,
    path = "/things",
    responses((status = 200, body = u32, content_type = "application/json"), (status = 204)),
)]
async fn things() -> Result<Data<u32>, ServiceError> {
    Ok(Data::new(1))
}

/// contract 5.9.35
#[tokio::test]
async fn one_document_shows_the_envelope_and_the_other_what_is_in_it() {
    for (envelope, members) in [(Envelope::Meta, ["data", "meta"]), (Envelope::Code, ["code", "data"])] {
        let routes = Routes::new(envelope).described(routes!(things), ());
        let running = Running::with(&[], App::new().unwrap().mount(routes)).await;
        let inside = get(running.service, SPEC).await.json();
        valid("tests/data/swagger-2.0.schema.json", &inside);
        assert_eq!(inside["paths"]["/things"]["get"]["responses"]["200"]["schema"]["type"], "integer");
        let whole = get(running.service, V3).await.json();
        valid("tests/data/openapi-3.1.schema.json", &whole);
        let schema =
            &whole["paths"]["/things"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert_eq!(schema["required"].as_array().unwrap().len(), 2);
        assert!(members.iter().all(|member| !schema["properties"][member].is_null()), "{schema}");
        valid_answer(schema, &get(running.service, "/things").await.json());
    }
}

fn valid_answer(schema: &Value, answer: &Value) {
    assert!(jsonschema::is_valid(schema, answer), "{answer} is not {schema}");
}

#[tokio::test]
async fn behind_a_proxy_the_documents_say_what_to_put_before_the_paths() {
    let running = Running::bundled(&[("CHASSIS_SERVER__TRUST_FORWARDED", "true")]).await;
    let prefix = "x-forwarded-prefix: /shop\r\n";
    let swagger = with(&running, SPEC, prefix).await.json();
    assert_eq!(swagger["basePath"], "/shop");
    valid("tests/data/swagger-2.0.schema.json", &swagger);
    assert_eq!(with(&running, V3, prefix).await.json()["servers"], json!([{ "url": "/shop" }]));
    assert_eq!(with(&running, "/openapi", prefix).await.header("location"), Some("/shop/openapi/"));
}

#[tokio::test]
async fn files_are_sent_compressed_to_those_who_understand_it() {
    let running = Running::bundled(&[]).await;
    let path = "/openapi/swagger-ui.css";
    let plain = with(&running, path, "").await;
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    assert!(plain.body.contains(".swagger-ui"));
    let mut connection = Connection::open(running.service).await;
    connection.send(format!("HEAD {path} HTTP/1.1\r\nhost: h\r\naccept-encoding: gzip\r\n\r\n")).await;
    let compressed = connection.head().await.unwrap();
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    let length: usize = compressed.header("content-length").unwrap().parse().unwrap();
    assert!(length * 4 < plain.body.len(), "{length}");
}

#[tokio::test]
async fn who_has_a_file_is_not_sent_it_again() {
    let running = Running::bundled(&[]).await;
    for path in ["/openapi/", "/openapi/swagger-ui.css"] {
        let first = with(&running, path, "").await;
        let tag = first.header("etag").unwrap();
        assert_eq!(first.header("cache-control"), Some("public, max-age=3600"), "{path}");
        for known in [tag, &format!("\"other\", {tag}"), "*"] {
            let again = with(&running, path, &format!("if-none-match: {known}\r\n")).await;
            assert_eq!((again.status, again.header("etag"), &*again.body), (304, Some(tag), ""), "{path}");
        }
        let other = with(&running, path, "if-none-match: \"other\"\r\n").await;
        assert_eq!((other.status, other.body), (200, first.body.clone()), "{path}");
    }
}

#[tokio::test]
async fn pages_may_load_nothing_from_elsewhere() {
    let running = Running::bundled(&[]).await;
    for path in ["/openapi/", "/static/index.html"] {
        let page = get(running.service, path).await;
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
        assert!(!page.body.contains("//"), "{path} names another host");
    }
}
