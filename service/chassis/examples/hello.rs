//! A service with one route, one setting and one metric of its own:
//!
//! ```text
//! GREETING_TEXT=hi cargo run -p chassis --example hello -- --config service.yaml
//! curl localhost:8080/hello; curl localhost:9090/readyz; curl localhost:9090/metrics
//! ```

use std::error::Error;

use axum::{extract::State, routing::get};
use chassis::{
    App, Config, Outcome, Server, Shutdown,
    config::{Legacy, Reader, Sources, load},
    logging,
};
use prometheus::IntCounter;

/// The service's own sections beside those of the chassis.
struct Settings {
    chassis: Config,
    greeting: String,
}

fn read(reader: &mut Reader) -> Settings {
    const TEXT: &[Legacy] = &[Legacy::same("GREETING_TEXT")];
    Settings {
        chassis: Config::read(reader),
        greeting: reader.key("greeting.text").above_file(TEXT).or("hello".to_owned()),
    }
}

async fn hello(State((greeting, greeted)): State<(String, IntCounter)>) -> String {
    greeted.inc();
    format!("{greeting}\n")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().skip_while(|arg| arg != "--config").nth(1);
    let loaded = load(&Sources::from_process(file.map(Into::into), Vec::new()), read)?;
    let Settings { chassis, greeting } = loaded.config;
    let app = App::new()?;
    let _log = logging::init(&chassis.logging, app.metrics())?;

    let greeted = IntCounter::new("greetings_total", "Greetings given")?;
    app.registry().register(Box::new(greeted.clone()))?;
    let app = app.route("/hello", get(hello).with_state((greeting, greeted)));

    let server = Server::bind(&chassis, app).await?;
    match server.run(Shutdown::on_signals()?).await {
        Outcome::Drained => Ok(()),
        Outcome::CutOff { connections } => Err(format!("{connections} connections were cut off").into()),
    }
}
