//! Contract 5.11: the test kit, on the bundled service.

#![cfg(test)]

use axum::http::{HeaderValue, Method, StatusCode, header};
use chassis::{
    App,
    client::{Cause, Upstream},
    config::{self, Reader, Sources, load},
    upstream_keys,
};
use chassis_testkit::{Kit, Mock, Reply};
use serde_json::{Value, json};
use service::Config;

async fn bundled() -> Kit {
    let config = Config::load(&Sources::default()).unwrap().config;
    let app = config.profile.mount(App::new().unwrap(), &config).unwrap();
    Kit::new(&config.chassis, app).await.unwrap()
}

/// contract 5.11.37
#[tokio::test]
async fn handlers_are_called_by_name_with_data_parameters_and_parts_of_the_path() {
    let kit = bundled().await;
    let echoed = kit.call("microservice").data(&json!({ "hello": 1 })).send().await.unwrap();
    assert_eq!(echoed.json::<Value>().unwrap()["hello"], 1);
    let list = kit.call("products").param("limit", 3).param("offset", 2).send().await.unwrap();
    let list: Value = list.json().unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 3);
    assert_eq!(list["data"][0]["name"], "product No.2");
    let simple = kit.call("simple").arg("id", "a b/c").send().await.unwrap();
    assert_eq!(simple.json::<Value>().unwrap()["data"], "It works for a b/c");

    let missing = kit.call("simple").send().await.unwrap_err().to_string();
    assert_eq!(missing, "/simple/{id} needs a value for {id}; give one with `arg`");
    let unknown = kit.call("products_").send().await.unwrap_err().to_string();
    assert!(unknown.starts_with("no handler is called products_; there are: "), "{unknown}");
    assert!(unknown.contains("products, ") || unknown.ends_with("products"), "{unknown}");
}

/// contract 5.11.37
#[tokio::test]
async fn a_request_meets_what_it_meets_at_the_port() {
    let kit = bundled().await;
    let refused = kit.request(Method::POST, "/microservice").body("no JSON").send().await.unwrap();
    assert_eq!(
        (refused.status(), refused.headers().contains_key("x-operation-id")),
        (StatusCode::BAD_REQUEST, true)
    );
    let large = kit.request(Method::POST, "/microservice").body(vec![b'x'; 2 << 20]).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let lost = kit.request(Method::GET, "/simple").send().await.unwrap();
    assert_eq!(
        (lost.status(), lost.body().as_ref()),
        (StatusCode::NOT_FOUND, &b"{\"message\":\"Not Found\"}\n"[..])
    );
    let compact =
        (header::HeaderName::from_static("x-requested-with"), HeaderValue::from_static("XMLHttpRequest"));
    let numbers =
        kit.call("fibonacci_list_api").param("count", 3).header(compact.0, compact.1).send().await.unwrap();
    assert_eq!(numbers.body().as_ref(), b"{\"answer\":[0,1,1]}\n");
    assert_eq!(kit.admin("/readyz").send().await.unwrap().status(), StatusCode::OK);
    let metrics = kit.admin("/metrics").send().await.unwrap();
    let metrics = std::str::from_utf8(metrics.body()).unwrap();
    assert!(metrics.contains("\npymicro_req_total 1\n"), "{metrics}");
}

/// contract 5.11.37
#[tokio::test]
async fn a_mock_is_asked_by_method_and_url_with_the_parameters_sorted() {
    let mock = Mock::new();
    let read = |reader: &mut Reader| config::Upstream::read(reader, upstream_keys!("regions"));
    let env = [
        ("CHASSIS_UPSTREAMS__REGIONS__URL", "http://regions/api"),
        ("CHASSIS_UPSTREAMS__REGIONS__RETRY_DELAY", "1ms"),
    ];
    let config = load(&Sources::default().with_env(env), read).unwrap().config;
    let regions: Upstream = App::new().unwrap().mocked(&mock).upstream(&config).unwrap();

    let tag = HeaderValue::from_static("\"1\"");
    let created =
        Reply::json(&json!({ "id": 1 })).status(StatusCode::CREATED).header(header::ETAG, tag.clone());
    mock.on(Method::POST, "http://regions/api/cities?b=2&a=1", created);
    let answer = regions.post("/cities?a=1&b=2", &json!({ "name": "Oslo" })).send().await.unwrap();
    assert_eq!((answer.status(), answer.headers().get(header::ETAG)), (StatusCode::CREATED, Some(&tag)));
    assert_eq!(answer.json::<Value>().unwrap(), json!({ "id": 1 }));
    let asked = &mock.calls()[0];
    assert_eq!((&asked.method, asked.url.as_str()), (&Method::POST, "http://regions/api/cities?a=1&b=2"));
    assert_eq!(asked.body, "{\"name\":\"Oslo\"}");

    let error = regions.get("/cities?a=1&b=2").send().await.unwrap_err();
    assert!(matches!(error.cause, Cause::Broken(_)), "{error}");
    assert!(
        error.to_string().contains("the mock has nothing on GET http://regions/api/cities?a=1&b=2"),
        "{error}"
    );
    assert_eq!(mock.calls().len(), 4, "tried three times, as the real one would be");
}
