//! The pages in a real browser: contract 3.1.11 and 5.9.35.

#![cfg(test)]

mod support;

use support::{browser::Browser, running::Running};

/// contract 3.1.11
#[tokio::test]
async fn the_docs_page_tries_an_operation_and_shows_the_answer() {
    let running = Running::bundled(&[]).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/fibonacci/docs", running.service)).await;
    assert!(browser.url().await.ends_with("/static/index.html"));
    let form = "#fibonacci_list_api form";
    browser.click(&format!("{form} button")).await;
    let answer = browser.text(&format!("{form} output pre")).await;
    assert!(answer.starts_with("GET /fibonacci/list?count=10\n200\n"), "{answer}");
    assert!(answer.contains("\n    21,\n    34\n"), "{answer}");
    browser.write(&format!("{form} input"), "J").await;
    browser.click(&format!("{form} button")).await;
    let refused = "ERR_INVALID_TYPE:  'count' parameter must be an integer";
    let answer = browser.text(&format!("{form} output pre:not(:empty)")).await;
    assert!(answer.contains("403") && answer.contains(refused), "{answer}");
    browser.click("#microservice form button").await;
    let answer = browser.text("#microservice form output pre").await;
    assert!(answer.contains("200") && answer.contains("\"hello\":\"pymicro-flask\""), "{answer}");
    browser.show("#fibonacci_list_api").await;
    browser.screenshot("fibonacci-docs.png").await;
    assert_eq!(browser.complaints().await.len(), 1, "the 403 alone: {:?}", browser.complaints().await);
}

/// contract 5.9.35
#[tokio::test]
async fn swagger_ui_tries_an_operation_and_shows_the_answer() {
    let running = Running::bundled(&[]).await;
    let browser = Browser::start().await;
    browser.open(&format!("http://{}/openapi/", running.service)).await;
    let operation = "#operations-fibonacci-fibonacci_list_api";
    browser.click(&format!("{operation} .opblock-summary-control")).await;
    browser.click(&format!("{operation} .try-out__btn")).await;
    browser.write(&format!("{operation} tr[data-param-name=count] input"), "7").await;
    browser.click(&format!("{operation} .execute")).await;
    let live = format!("{operation} .live-responses-table");
    assert_eq!(browser.text(&format!("{live} .response .response-col_status")).await.trim(), "200");
    let body = browser.text(&format!("{live} .response .highlight-code")).await;
    let numbers: Vec<_> = body.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    assert_eq!(numbers, ["0", "1", "1", "2", "3", "5", "8"], "{body}");
    browser.show(&format!("{operation} .responses-wrapper")).await;
    browser.screenshot("swagger-ui.png").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
