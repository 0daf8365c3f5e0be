//! Contract 4.4 and 4.7: pages of a list, with links.

#![cfg(test)]

mod support;

use axum::{extract::FromRef, routing::get};
use chassis::{App, Data, Envelope, Page, Paging, Routes, answer::ServiceError, config::Count};
use serde_json::{Value, json};
use support::{
    http::{Answer, Connection},
    running::Running,
};

#[derive(Clone)]
struct Feature {
    paging: Paging,
}

impl FromRef<Feature> for Paging {
    fn from_ref(feature: &Feature) -> Self {
        feature.paging
    }
}

/// 107 numbers, as the document has products.
async fn numbers(page: Page) -> Result<Data<Vec<i64>>, ServiceError> {
    page.read(async |offset: i64, limit: i64| {
        Ok((offset.min(107)..offset.saturating_add(limit).min(107)).collect())
    })
    .await
}

async fn running(env: &[(&str, &str)]) -> Running {
    let feature = Feature { paging: Paging::new(Count::new(25)) };
    let routes = Routes::new(Envelope::Meta).route("/products", get(numbers).with_state(feature));
    Running::with(env, App::new().unwrap().mount(routes)).await
}

async fn ask(running: &Running, target: &str, headers: &str) -> Answer {
    let mut connection = Connection::open(running.service).await;
    connection.send(format!("GET {target} HTTP/1.1\r\nhost: localhost:5000\r\n{headers}\r\n")).await;
    connection.answer().await
}

async fn page(running: &Running, query: &str) -> Value {
    let answer = ask(running, &format!("/products{query}"), "").await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.json()
}

fn links(page: &Value) -> (Option<&str>, Option<&str>) {
    let link = |name: &str| page["meta"]["pagination"][name].as_str();
    (link("next"), link("prev"))
}

/// contract 4.4.17, contract 4.4.18, contract 4.4.19
#[tokio::test]
async fn the_links_lead_through_all_107_and_back() {
    let running = running(&[]).await;
    let mut at = page(&running, "").await;
    let first = "http://localhost:5000/products?offset=25&limit=25";
    assert_eq!(links(&at), (Some(first), None));
    let mut seen = Vec::new();
    let mut lengths = Vec::new();
    loop {
        let data = at["data"].as_array().unwrap();
        lengths.push(data.len());
        seen.extend(data.iter().map(|number| number.as_i64().unwrap()));
        let Some(next) = links(&at).0.map(str::to_owned) else { break };
        at = page(&running, next.strip_prefix("http://localhost:5000/products").unwrap()).await;
    }
    assert_eq!(lengths, [25, 25, 25, 25, 7]);
    assert!(seen.into_iter().eq(0..107));
    for offset in [75, 50, 25, 0] {
        let prev = links(&at).1.unwrap().to_owned();
        assert_eq!(prev, format!("http://localhost:5000/products?offset={offset}&limit=25"));
        at = page(&running, prev.strip_prefix("http://localhost:5000/products").unwrap()).await;
    }
    assert_eq!(links(&at).1, None);
}

/// contract 4.4.20
#[tokio::test]
async fn the_previous_page_begins_at_the_first_item_at_the_earliest() {
    let running = running(&[]).await;
    let overlapping = page(&running, "?offset=10&limit=20").await;
    assert!(links(&overlapping).1.unwrap().ends_with("?offset=0&limit=20"));
    let beyond = page(&running, "?offset=500").await;
    assert_eq!(beyond["data"], json!([]));
    assert_eq!(links(&beyond), (None, Some("http://localhost:5000/products?offset=475&limit=25")));
    let exact = page(&running, "?offset=82&limit=25").await;
    assert_eq!((exact["data"].as_array().unwrap().len(), links(&exact).0), (25, None));
}

/// contract 4.4.22, contract 4.4.23, contract 4.4.24, contract 0b.5
#[tokio::test]
async fn bad_parameters_are_named_offset_first() {
    let running = running(&[]).await;
    for (query, wrong) in [
        ("offset=abc", vec!["offset=abc"]),
        ("offset=-1", vec!["offset=-1"]),
        ("offset=1.5", vec!["offset=1.5"]),
        ("offset=99999999999999999999", vec!["offset=99999999999999999999"]),
        ("offset=%3Cb%3E", vec!["offset=<b>"]),
        ("limit=101", vec!["limit=101"]),
        ("limit=0", vec!["limit=0"]),
        ("limit=-1&offset=x", vec!["offset=x", "limit=-1"]),
    ] {
        let answer = ask(&running, &format!("/products?{query}"), "").await;
        let errors: Vec<_> =
            wrong.iter().map(|text| json!({"message": format!("Invalid parameter '{text}'")})).collect();
        let body = answer.json();
        assert_eq!((answer.status, &body["errors"]), (400, &json!(errors)), "{query}");
        assert!(body["meta"]["operation_id"].is_string() && body.get("data").is_none(), "{query}");
    }
    assert_eq!(page(&running, "?limit=100").await["data"].as_array().unwrap().len(), 100);
    assert_eq!(page(&running, "?offset=&limit=").await["data"].as_array().unwrap().len(), 25);
    let huge = page(&running, "?offset=9223372036854775807").await;
    assert_eq!(huge["data"], json!([]));
}

/// contract 4.4.25, contract 0b.5
#[tokio::test]
async fn other_parameters_stay_in_the_links_as_they_are() {
    let running = running(&[]).await;
    let kept = page(&running, "?q=a%26b%20c&limit=10&tag=x&tag=y").await;
    let next = "http://localhost:5000/products?q=a%26b%20c&limit=10&tag=x&tag=y&offset=10";
    assert_eq!(links(&kept).0, Some(next));
}

/// contract 4.4.26
#[tokio::test]
async fn a_trusted_proxy_says_where_the_links_begin() {
    let headers =
        "x-forwarded-proto: https\r\nx-forwarded-host: api.example\r\nx-forwarded-prefix: /shop\r\n";
    let trusting = running(&[("CHASSIS_SERVER__TRUST_FORWARDED", "true")]).await;
    let answer = ask(&trusting, "/products", headers).await.json();
    assert_eq!(links(&answer).0, Some("https://api.example/shop/products?offset=25&limit=25"));
    // A proxy passes on what a stranger has written there, and only the scheme is its own.
    let cautious = running(&[]).await;
    let answer = ask(&cautious, "/products", headers).await.json();
    assert_eq!(links(&answer).0, Some("https://localhost:5000/products?offset=25&limit=25"));
    let wary = running(&[("CHASSIS_SERVER__TRUSTED_PROXIES", "none")]).await;
    let answer = ask(&wary, "/products", headers).await.json();
    assert_eq!(links(&answer).0, Some("http://localhost:5000/products?offset=25&limit=25"));
}
