//! A service with one route, one setting and one metric of its own:
//!
//! ```text
//! CHASSIS_GREETING__TEXT=hi cargo run -p chassis --example hello
//! curl localhost:8080/hello; curl localhost:9090/readyz; curl localhost:9090/metrics
//! ```

use axum::{extract::State, routing::get};
use chassis::{App, Config, config::Reader, metrics::Counter};

fn read(reader: &mut Reader) -> (Config, String) {
    (Config::read(reader), reader.key("greeting.text").or("hello".to_owned()))
}

async fn hello(State((greeting, greeted)): State<(String, Counter)>) -> String {
    greeted.inc();
    format!("{greeting}\n")
}

fn mount(app: App, (_, greeting): &(Config, String)) -> Result<App, prometheus::Error> {
    let greeted = app.metrics().counter("greetings_total", "Greetings given")?;
    Ok(app.route("/hello", get(hello).with_state((greeting.clone(), greeted))))
}

fn main() -> std::process::ExitCode {
    chassis::run(read, mount)
}
