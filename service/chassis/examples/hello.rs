//! A service with one route, one setting and one metric of its own:
//!
//! ```text
//! GREETING_TEXT=hi cargo run -p chassis --example hello -- --config service.yaml
//! curl localhost:8080/hello; curl localhost:9090/readyz; curl localhost:9090/metrics
//! ```

use axum::{extract::State, routing::get};
use chassis::{
    App, Config,
    config::{Legacy, Reader},
    metrics::Counter,
};

struct Settings {
    chassis: Config,
    greeting: String,
}

impl AsRef<Config> for Settings {
    fn as_ref(&self) -> &Config {
        &self.chassis
    }
}

fn read(reader: &mut Reader) -> Settings {
    const TEXT: &[Legacy] = &[Legacy::same("GREETING_TEXT")];
    let greeting = reader.key("greeting.text").above_file(TEXT).or("hello".to_owned());
    Settings { chassis: Config::read(reader), greeting }
}

async fn hello(State((greeting, greeted)): State<(String, Counter)>) -> String {
    greeted.inc();
    format!("{greeting}\n")
}

fn mount(app: App, settings: &Settings) -> Result<App, prometheus::Error> {
    let greeted = app.metrics().counter("greetings_total", "Greetings given")?;
    Ok(app.route("/hello", get(hello).with_state((settings.greeting.clone(), greeted))))
}

fn main() -> std::process::ExitCode {
    chassis::run(read, mount)
}
