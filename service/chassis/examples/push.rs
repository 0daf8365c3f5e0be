//! Push mode, and what goes over the wire:
//!
//! ```text
//! cargo run -p chassis --example push
//! ```

use std::{error::Error, net::UdpSocket, time::Duration};

use chassis::{
    App, Config, Server, Shutdown,
    config::{Sources, load},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In place of a statsd server.
    let statsd = UdpSocket::bind("127.0.0.1:0")?;
    statsd.set_read_timeout(Some(Duration::from_millis(500)))?;
    let sources = Sources::default().with_env([
        ("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0".to_owned()),
        ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0".to_owned()),
        ("PYMICRO_SEND_METRICS", "true".to_owned()),
        ("PYMICRO_STATSD", format!("http://{}", statsd.local_addr()?)),
    ]);
    let config = load(&sources, Config::read)?.config;

    let app = App::new()?;
    let greeted = app.metrics().counters("greetings_total", "Greetings by language", &["language"])?;
    let (english, french) = (greeted.with(&["en"])?, greeted.with(&["fr"])?);

    let server = Server::bind(&config, app).await?;
    english.inc();
    french.add(2);
    // The end of the drain sends what is otherwise sent at intervals.
    let shutdown = Shutdown::new();
    shutdown.drain();
    server.run(shutdown).await;

    let mut datagram = [0; 1500];
    while let Ok(length) = statsd.recv(&mut datagram) {
        println!("{}\n", String::from_utf8_lossy(&datagram[..length]));
    }
    Ok(())
}
