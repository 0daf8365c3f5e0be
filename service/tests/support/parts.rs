//! Real programs that the service talks to; `e2e/scripts/parts.sh` gets them.

use std::{io::Write, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use chassis::http_client::fetch;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{LONG, until};

/// The path of `part`, got when it is missing. `None`, said even where the output of passed tests is not shown, when
/// this machine cannot have it.
pub(super) async fn program(part: &str) -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/scripts/parts.sh");
    let output = Command::new(script).arg(part).stderr(Stdio::piped()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{part}: {said}");
    let path = String::from_utf8(output.stdout).unwrap().trim_end().to_owned();
    if path == "-" {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        writeln!(std::io::stderr(), "SKIPPED {test}: {}", said.trim_end()).unwrap();
        return None;
    }
    Some(path.into())
}

/// A port that was free just now.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Prometheus' statsd exporter.
pub struct StatsdExporter {
    /// UDP.
    pub statsd: SocketAddr,
    web: SocketAddr,
    _child: Child,
}

impl StatsdExporter {
    pub async fn start() -> Option<Self> {
        let program = program("statsd-exporter").await?;
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (statsd, web) = (local(free_port()), local(free_port()));
        let child = Command::new(program)
            .arg(format!("--statsd.listen-udp={statsd}"))
            .args(["--statsd.listen-tcp=", "--log.level=warn"])
            .arg(format!("--web.listen-address={web}"))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until(true, async || tokio::net::TcpStream::connect(web).await.is_ok()).await;
        Some(Self { statsd, web, _child: child })
    }

    async fn page(&self) -> String {
        let page = fetch(&format!("http://{}/metrics", self.web), None, LONG).await.unwrap();
        String::from_utf8(page.body.to_vec()).unwrap()
    }

    /// The value of a series, for example `a_total{x="1"}`.
    pub async fn value(&self, series: &str) -> Option<f64> {
        let page = self.page().await;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// The sum over all series of a name.
    pub async fn sum(&self, name: &str) -> f64 {
        let page = self.page().await;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        page.lines()
            .filter(of_name)
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }
}

/// The Zipkin server, with its spans in memory.
pub struct Zipkin {
    pub address: SocketAddr,
    _child: Child,
}

impl Zipkin {
    pub async fn start() -> Option<Self> {
        let jar = program("zipkin").await?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new("java")
            // It starts in half the time.
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar"])
            .arg(jar)
            .env("QUERY_PORT", address.port().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let zipkin = Self { address, _child: child };
        let started = Duration::from_secs(90);
        let up = timeout(started, async {
            while zipkin.get("/health").await.is_none_or(|health| health["status"] != "UP") {
                sleep(Duration::from_millis(100)).await;
            }
        });
        assert!(up.await.is_ok(), "Zipkin has not started within {started:?}");
        Some(zipkin)
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let answer = fetch(&format!("http://{}{path}", self.address), None, LONG).await.ok()?;
        answer.status.is_success().then(|| serde_json::from_slice(&answer.body).unwrap())
    }

    /// The spans of a trace, once there are `count`.
    pub async fn trace(&self, id: &str, count: usize) -> Vec<Value> {
        let path = format!("/api/v2/trace/{id}");
        let spans = async || {
            self.get(&path).await.and_then(|spans| Some(spans.as_array()?.clone())).unwrap_or_default()
        };
        until(count, async || spans().await.len()).await;
        spans().await
    }

    pub async fn services(&self) -> Vec<String> {
        serde_json::from_value(self.get("/api/v2/services").await.unwrap()).unwrap()
    }
}
