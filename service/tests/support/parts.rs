//! Real programs that the service talks to; `e2e/scripts/parts.sh` gets them.

use std::{io::Write, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use chassis::wire::fetch;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{LONG, http::Connection, soon, until};

/// The path of `part`, got when it is missing. `None`, said even where the output of passed tests is not shown, when
/// this machine cannot have it.
pub async fn program(part: &str) -> Option<PathBuf> {
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
pub fn free_port() -> u16 {
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

/// nginx as `compose.yaml` has it, in front of a service.
pub struct Nginx {
    pub address: SocketAddr,
    _directory: tempfile::TempDir,
    _child: Child,
}

impl Nginx {
    pub async fn start(service: SocketAddr) -> Option<Self> {
        let program = program("nginx").await?;
        let directory = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut server = include_str!("../../proxy.conf").to_owned();
        for (theirs, ours) in [
            ("listen 80;", format!("listen {address};")),
            ("http://service:8080;", format!("http://{service};")),
        ] {
            assert!(server.contains(theirs), "{theirs}");
            server = server.replace(theirs, &ours);
        }
        let config = directory.path().join("nginx.conf");
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};"))
            .concat();
        let main = "daemon off; master_process off; pid pid; error_log stderr error; \
                    events { worker_connections 8192; }";
        std::fs::write(&config, format!("{main} http {{ access_log off; {paths} {server} }}")).unwrap();
        let child = Command::new(program)
            .args(["-e", "stderr", "-p"])
            .args([directory.path(), "-c".as_ref(), &config])
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until(true, async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
        Some(Self { address, _directory: directory, _child: child })
    }
}

/// A certified OpenID provider with one client, which may `orders.read`.
pub struct OidcProvider {
    address: SocketAddr,
    _child: Child,
}

impl OidcProvider {
    pub async fn start() -> Option<Self> {
        let library = program("oidc-provider").await?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/oidc-provider.mjs");
        let child = Command::new("node")
            .arg(script)
            .arg(library)
            .arg(address.port().to_string())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until(true, async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
        Some(Self { address, _child: child })
    }

    pub fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An access token for the client.
    pub async fn token(&self) -> String {
        let form = "grant_type=client_credentials&client_id=shop&client_secret=geheim&scope=orders.read";
        let length = form.len();
        let mut connection = Connection::open(self.address).await;
        let head = format!("POST /token HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n", self.address);
        connection.send(head + "content-type: application/x-www-form-urlencoded\r\n\r\n" + form).await;
        let answer = connection.answer().await.json();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// Prometheus, which scrapes one service as OpenMetrics.
pub struct Prometheus {
    web: SocketAddr,
    _directory: tempfile::TempDir,
    _child: Child,
}

impl Prometheus {
    pub async fn start(target: SocketAddr) -> Option<Self> {
        let program = program("prometheus").await?;
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 100ms, scrape_timeout: 100ms, scrape_protocols: [OpenMetricsText1.0.0]}}\n\
             scrape_configs: [{{job_name: service, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
        );
        std::fs::write(&config, text).unwrap();
        let web = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={web}"))
            .arg("--log.level=error")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until(true, async || tokio::net::TcpStream::connect(web).await.is_ok()).await;
        Some(Self { web, _directory: directory, _child: child })
    }

    async fn ask(&self, path: &str) -> Value {
        let answer = fetch(&format!("http://{}/api/v1/{path}", self.web), None, LONG).await.unwrap();
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        body["data"].take()
    }

    /// The value of an expression that is one series.
    pub async fn value(&self, expression: &str) -> Option<f64> {
        let result = self.ask(&format!("query?query={expression}")).await;
        result["result"][0]["value"][1].as_str().map(|value| value.parse().unwrap())
    }

    /// What it knows of a metric.
    pub async fn kind(&self, metric: &str) -> Option<String> {
        let known = self.ask(&format!("metadata?metric={metric}")).await;
        known[metric][0]["type"].as_str().map(str::to_owned)
    }

    /// Why the last scrape failed; empty if it did not.
    pub async fn scrape_error(&self) -> String {
        self.ask("targets").await["activeTargets"][0]["lastError"].as_str().unwrap_or_default().to_owned()
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

/// Tor, cut off from its network: all that it may talk to is a bridge on a port of this machine where nobody is. It
/// takes requests, and says on its control port what it was told.
pub struct Tor {
    pub socks: SocketAddr,
    events: BufReader<TcpStream>,
    _data: TempDir,
    _child: Child,
}

impl Tor {
    pub async fn start() -> Option<Self> {
        let program = program("tor").await?;
        let data = tempfile::tempdir().unwrap();
        let (socks, control) = (free_port(), free_port());
        let child = Command::new(program)
            .args(["--ignore-missing-torrc", "-f", "/nonexistent/torrc", "--hush", "--ClientOnly", "1"])
            .args(["--UseBridges", "1", "--Bridge", "127.0.0.1:1", "--CookieAuthentication", "0"])
            .args(["--SocksPort", &format!("127.0.0.1:{socks}")])
            .args(["--ControlPort", &format!("127.0.0.1:{control}")])
            .args(["--DataDirectory".as_ref(), data.path().as_os_str()])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until(true, async || TcpStream::connect(("127.0.0.1", control)).await.is_ok()).await;
        let mut control = TcpStream::connect(("127.0.0.1", control)).await.unwrap();
        control.write_all(b"AUTHENTICATE\r\nSETEVENTS STREAM\r\n").await.unwrap();
        let socks = SocketAddr::from(([127, 0, 0, 1], socks));
        let mut tor = Self { socks, events: BufReader::new(control), _data: data, _child: child };
        assert_eq!((tor.line().await, tor.line().await), ("250 OK".to_owned(), "250 OK".to_owned()));
        Some(tor)
    }

    /// The next request that somebody made: `NAME:PORT` and the user.
    pub async fn request(&mut self) -> (String, String) {
        loop {
            let line = self.line().await;
            let words: Vec<_> = line.split(' ').collect();
            if words[3] == "NEW" && words.contains(&"PURPOSE=USER") {
                let user = words.iter().find_map(|word| word.strip_prefix("SOCKS_USERNAME=")).unwrap();
                return (words[5].to_owned(), user.to_owned());
            }
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        soon("a line of Tor", self.events.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }
}
