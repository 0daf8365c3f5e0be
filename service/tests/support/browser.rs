//! A headless Chromium, driven by WebDriver: JSON over HTTP, so that no library is needed.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{http::Connection, soon};

/// The member under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One window.
pub struct Browser {
    driver: u16,
    session: String,
    _profile: TempDir,
    process: Child,
}

impl Browser {
    pub async fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver: {error}; e2e/scripts/setup.sh browser installs it")
            });
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let driver = loop {
            let line = soon("chromedriver", lines.next_line()).await.unwrap().expect("chromedriver ended");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let data = format!("--user-data-dir={}", profile.path().display());
        // Tests may run as root, where the sandbox refuses to; what is opened is our own.
        let args =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1600", &data];
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
            // Elements appear when scripts have run.
            "timeouts": { "implicit": 10_000 },
        });
        let mut browser = Self { driver, session: String::new(), _profile: profile, process };
        let session =
            browser.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } })).await;
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    pub async fn open(&self, url: &str) {
        self.command("/url", &json!({ "url": url })).await;
    }

    pub async fn url(&self) -> String {
        text(&self.ask("GET", &format!("{}/url", self.session), &Value::Null).await)
    }

    pub async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.command(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Replaces what a field has.
    pub async fn write(&self, css: &str, value: &str) {
        let element = self.element(css).await;
        self.command(&format!("/element/{element}/clear"), &json!({})).await;
        self.command(&format!("/element/{element}/value"), &json!({ "text": value })).await;
    }

    /// What an element shows.
    pub async fn text(&self, css: &str) -> String {
        let element = self.element(css).await;
        text(&self.ask("GET", &format!("{}/element/{element}/text", self.session), &Value::Null).await)
    }

    /// Scrolls to an element.
    pub async fn show(&self, css: &str) {
        let script = format!("document.querySelector({}).scrollIntoView()", json!(css));
        self.command("/execute/sync", &json!({ "script": script, "args": [] })).await;
    }

    /// Keeps a picture of the window beside the build's results.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let picture = text(&self.ask("GET", &format!("{}/screenshot", self.session), &Value::Null).await);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, STANDARD.decode(picture).unwrap()).unwrap();
        path
    }

    /// What the pages complained about, such as files that were refused.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.command("/se/log", &json!({ "type": "browser" })).await;
        log.as_array().unwrap().iter().map(|entry| text(&entry["message"])).collect()
    }

    /// The addresses of all that the page has asked for, answered or not.
    pub async fn loaded(&self) -> Vec<String> {
        let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
        let urls = self.command("/execute/sync", &json!({ "script": script, "args": [] })).await;
        urls.as_array().unwrap().iter().map(text).filter(|url| !url.starts_with("data:")).collect()
    }

    async fn element(&self, css: &str) -> String {
        let found = self.command("/element", &json!({ "using": "css selector", "value": css })).await;
        text(&found[ELEMENT])
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}{path}", self.session), body).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut connection = Connection::open(([127, 0, 0, 1], self.driver).into()).await;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        connection.send(head + &body).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, 200, "{method} {path} {body}: {}", answer.body);
        answer.json()["value"].clone()
    }
}

/// The driver with all that it has started.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = self.process.id() {
            _ = std::process::Command::new("kill").args(["-s", "KILL", "--", &format!("-{group}")]).status();
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
