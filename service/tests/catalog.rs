//! Contract 4.3.14 (`GET /simple/{id}`) and 4.4 (`GET /products`).

#![cfg(test)]

mod support;

use serde_json::{Value, json};
use support::{
    http::{ask, get},
    process::Process,
    running::Running,
};

/// contract 4.3.14
#[tokio::test]
async fn simple_works_for_everything_and_says_so_in_the_log() {
    let mut process = Process::start("profile: catalog").await;
    let answer = get(process.service, "/simple/123").await;
    let id = answer.header("x-operation-id").unwrap();
    assert_eq!(answer.json(), json!({ "meta": { "operation_id": id }, "data": "It works for 123" }));
    let line = process.logs("I received").await;
    assert!(line.contains(&format!("[INFO][{id}]")), "{line}");
    assert!(line.ends_with(": I received a GET request for 123"), "{line}");
    let answer = get(process.service, "/simple/a%0A2026-01-01%20%22x%22%1B").await;
    assert_eq!(answer.json()["data"], "It works for a\n2026-01-01 \"x\"\u{1b}");
    let line = process.logs("I received").await;
    assert!(line.ends_with(r#"for a\n2026-01-01 "x"\u{1b}"#), "{line}");
}

/// contract 4.3.16
#[tokio::test]
async fn other_methods_and_paths_have_no_envelope() {
    let running = Running::bundled(&[]).await;
    let answer = ask(running.service, "POST", "/simple/123", "").await;
    let message = "The method is not allowed for the requested URL.";
    assert_eq!((answer.status, answer.json()), (405, json!({ "message": message })));
    for path in ["/simple", "/simple/", "/simple/%FF", "/simple/1/2"] {
        let answer = get(running.service, path).await;
        assert_eq!((answer.status, answer.json()), (404, json!({ "message": "Not Found" })), "{path}");
    }
}

/// contract 4.4.19, contract 4.4.21
#[tokio::test]
async fn all_107_products_are_reached_by_the_links_in_their_order() {
    let running = Running::bundled(&[]).await;
    let (mut path, mut lengths, mut seen) = ("/products".to_owned(), Vec::new(), Vec::<Value>::new());
    loop {
        let page = get(running.service, &path).await.json();
        let data = page["data"].as_array().unwrap();
        lengths.push(data.len());
        seen.extend(data.iter().cloned());
        let Some(next) = page["meta"]["pagination"]["next"].as_str() else { break };
        path = next.strip_prefix("http://test").unwrap().to_owned();
    }
    assert_eq!(lengths, [25, 25, 25, 25, 7]);
    // As Python's isoformat(): no fraction that is zero, and no zone.
    let written: Vec<_> = seen.iter().map(|product| product["created"].as_str().unwrap().len()).collect();
    assert_eq!((written[0], written[1]), ("2021-02-22T16:42:54".len(), "2021-02-22T16:42:54.000001".len()));
    for (number, product) in seen.iter().enumerate() {
        assert_eq!(product["name"], format!("product No.{number}"));
        let created = format!("{}Z", product["created"].as_str().unwrap());
        let created: jiff::Timestamp = created.parse().unwrap();
        assert!(created <= jiff::Timestamp::now());
    }
    assert!(seen.is_sorted_by_key(|product| product["created"].as_str().unwrap().to_owned()));
}

/// contract 4.4.27
#[tokio::test]
async fn a_slash_at_the_end_is_kept_in_the_links() {
    let running = Running::bundled(&[]).await;
    let page = get(running.service, "/products/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.json()["meta"]["pagination"]["next"], "http://test/products/?offset=25&limit=25");
}

/// contract 4.4.17
#[tokio::test]
async fn the_page_size_is_a_setting_and_a_bad_one_is_25() {
    for (size, length) in [("10", 10), ("many", 25)] {
        let running = Running::bundled(&[("CST_API_DEFAULT_PAGE_SIZE", size)]).await;
        let page = get(running.service, "/products").await.json();
        assert_eq!(page["data"].as_array().unwrap().len(), length, "{size}");
    }
    let running = Running::bundled(&[("CST_API_DEFAULT_PAGE_SIZE", "10")]).await;
    assert_eq!(get(running.service, "/products?limit=40").await.status, 200);
    let refused = get(running.service, "/products?limit=41&offset=-1").await;
    let errors = json!([{ "message": "Invalid parameter 'offset=-1'" }, { "message": "Invalid parameter 'limit=41'" }]);
    assert_eq!((refused.status, &refused.json()["errors"]), (400, &errors));
}
