//! The pages in a real browser: contract 3.1.11 and 5.9.35.

#![cfg(test)]

mod support;

use support::{browser::Browser, running::Running};

const LIST: &str = "#operations-fibonacci-fibonacci_list_api";
const MESSAGE: &str = "#operations-message-microservice";
const ROLE: &str = "#operations-role-get_role";

/// Opens the form of an operation.
async fn open(browser: &Browser, operation: &str) {
    browser.click(&format!("{operation} .opblock-summary-control")).await;
    browser.click(&format!("{operation} .try-out__btn")).await;
}

/// Sends the form; the status of the answer and its body.
async fn execute(browser: &Browser, operation: &str) -> (String, String) {
    browser.click(&format!("{operation} .execute")).await;
    let live = format!("{operation} .live-responses-table .response");
    let status = browser.text(&format!("{live} .response-col_status")).await.trim().to_owned();
    (status, browser.text(&format!("{live} .highlight-code")).await)
}

/// contract 3.1.11
#[tokio::test]
async fn the_docs_page_tries_an_operation_and_shows_the_answer() {
    let running = Running::bundled(&[]).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/fibonacci/docs", running.service)).await;
    assert!(browser.url().await.ends_with("/static/index.html"));
    open(&browser, LIST).await;
    let (status, body) = execute(&browser, LIST).await;
    assert!(status == "200" && body.contains("    21,\n    34"), "{status} {body}");
    open(&browser, MESSAGE).await;
    let (status, body) = execute(&browser, MESSAGE).await;
    assert!(status == "200" && body.contains("pymicro-flask"), "{status} {body}");
    open(&browser, ROLE).await;
    browser.write(&format!("{ROLE} tr[data-param-name=id] input"), "999").await;
    let (status, body) = execute(&browser, ROLE).await;
    assert!(status == "404" && body.contains("Not Found"), "{status} {body}");
    browser.show(LIST).await;
    browser.screenshot("fibonacci-docs.png").await;
    assert_eq!(browser.complaints().await.len(), 1, "the 404 alone: {:?}", browser.complaints().await);
    let own = format!("http://{}/", running.service);
    let loaded = browser.loaded().await;
    assert!(loaded.len() > 3 && loaded.iter().all(|url| url.starts_with(&own)), "{loaded:?}");
}

/// contract 5.9.35
#[tokio::test]
async fn swagger_ui_tries_an_operation_and_shows_the_answer() {
    let running = Running::bundled(&[]).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/openapi/", running.service)).await;
    open(&browser, LIST).await;
    browser.write(&format!("{LIST} tr[data-param-name=count] input"), "7").await;
    let (status, body) = execute(&browser, LIST).await;
    assert_eq!(status, "200");
    let numbers: Vec<_> = body.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    assert_eq!(numbers, ["0", "1", "1", "2", "3", "5", "8"], "{body}");
    browser.show(&format!("{LIST} .responses-wrapper")).await;
    browser.screenshot("swagger-ui.png").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
