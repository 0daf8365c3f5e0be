//! Every part that works beside requests, at SIGTERM on a day on which its peer is away, slow or refusing: the program
//! ends soon, what must not be lost is on the disk, and the log says what was given up.

#![cfg(test)]

mod support;

use std::{
    fs::{self, OpenOptions},
    net::SocketAddr,
    path::Path,
    process::Stdio,
};

use chassis::{App, config::Sources};
use futures::future::join_all;
use serde_json::{Value, json};
use service::Config;
use support::{
    http::{Connection, post},
    peer::{
        Badness::{self, Away, Refusing, Slow},
        Peer,
    },
    process::{Process, command},
    soon,
};
use tokio::{net::TcpListener, process::Command};

/// Longer than any test waits: what ends sooner has a bound of its own.
const LONG: &str = "1h";

/// A part that works beside requests.
struct Part {
    name: &'static str,
    /// With whom it is to talk.
    sections: fn(SocketAddr, &Path) -> Value,
    /// How its peer refuses.
    refusal: &'static [u8],
    /// What the log says of what is given up.
    says: fn(Badness) -> Option<&'static str>,
    /// What a later start needs.
    kept: Option<Kept>,
}

#[derive(Clone, Copy)]
enum Kept {
    Notification,
    Lines,
}

const UNAVAILABLE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nno.\n";

/// PostgreSQL's `ErrorResponse`.
const STARTING_UP: &[u8] = b"E\0\0\0\x3eSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";

const PARTS: [Part; 9] = [
    Part {
        name: "spans to Zipkin",
        sections: |peer, _| json!({ "tracing": { "zipkin_url": format!("http://{peer}/api/v2/spans"), "timeout": LONG } }),
        refusal: UNAVAILABLE,
        says: |_| Some("1 spans are lost, the collector http://"),
        kept: None,
    },
    Part {
        name: "spans to OpenTelemetry",
        sections: |peer, _| json!({ "tracing": { "otlp_url": format!("http://{peer}"), "timeout": LONG } }),
        refusal: UNAVAILABLE,
        says: |_| Some("1 spans are lost, the collector http://"),
        kept: None,
    },
    Part {
        name: "metrics to statsd",
        sections: |peer, _| json!({ "metrics": { "push": true, "statsd": format!("http://{peer}"), "push_interval": LONG } }),
        refusal: b"",
        // Nobody listens to UDP there.
        says: |_| Some(" is not reached, "),
        kept: None,
    },
    Part {
        name: "log lines",
        sections: |peer, data| {
            let (endpoint, file) = (format!("http://{peer}/bulk/token/tag/bulk/"), data.join("ship.log"));
            json!({ "logship": { "enabled": true, "endpoint": endpoint, "file": file, "interval": LONG, "timeout": LONG } })
        },
        refusal: UNAVAILABLE,
        says: |_| Some("the last log lines wait in "),
        kept: Some(Kept::Lines),
    },
    Part {
        name: "e-mail",
        sections: |peer, _| {
            json!({ "notify": { "batch_minutes": "30", "email": {
                "enabled": true, "server": peer.ip(), "port": peer.port(), "security": "none", "timeout": LONG,
                "from": "service@example.com", "to": "ops@example.com",
            } } })
        },
        refusal: b"421 not now\r\n",
        says: |badness| match badness {
            Slow => Some("not all notifications are sent, they are kept for the next start"),
            Away | Refusing => Some("notifications are not sent by email and kept: "),
        },
        kept: Some(Kept::Notification),
    },
    Part {
        name: "Slack",
        sections: |peer, _| {
            let url = format!("http://{peer}/api");
            json!({ "notify": { "slack": { "enabled": true, "token": "xoxb", "url": url, "timeout": LONG } } })
        },
        refusal: UNAVAILABLE,
        says: |badness| match badness {
            Slow => Some("not all notifications are sent, they are kept for the next start"),
            Away | Refusing => Some("notifications are not sent by slack and kept: "),
        },
        kept: Some(Kept::Notification),
    },
    // The rest has nothing in hand that could be given up.
    Part {
        name: "the database and its replica",
        sections: |peer, _| {
            let url = format!("postgres://service@{peer}/service");
            json!({ "db": { "url": url, "replica_url": url, "tls": "disable", "connect_timeout": "100ms" } })
        },
        refusal: STARTING_UP,
        says: |_| None,
        kept: None,
    },
    Part {
        name: "the keys of tokens",
        sections: |peer, _| json!({ "auth": { "issuer": format!("http://{peer}"), "audience": "orders", "exempt": "/" } }),
        refusal: UNAVAILABLE,
        says: |_| None,
        kept: None,
    },
    Part {
        name: "the list of user agents, through a proxy",
        sections: |peer, _| {
            let (socks, list) = (format!("socks5h://{peer}"), "http://list.example/");
            json!({ "proxy": { "socks_url": socks, "user_agents_url": list, "connect_timeout": "100ms", "timeout": LONG } })
        },
        refusal: b"\x05\xff",
        says: |_| None,
        kept: None,
    },
];

/// Leaves something to do for `part` and ends the program.
async fn ends(part: &Part, badness: Badness) {
    let what = format!("{}, {badness:?}", part.name);
    let peer = Peer::start(badness, part.refusal);
    let data = tempfile::tempdir().unwrap();
    let mut config = (part.sections)(peer.address, data.path());
    config["server"] = json!({ "drain_timeout": LONG });
    config["storage"] = json!({ "data_dir": data.path() });
    let mut process = Process::start(&config.to_string()).await;
    assert_eq!(post(process.service, "/", "the last words").await.status, 204, "{what}");
    process.signal("TERM").await;
    let said = process.rest().await;
    assert_eq!(process.exit_code().await, Some(0), "{what}: {said:#?}");
    if let Some(says) = (part.says)(badness) {
        assert!(said.iter().any(|line| line.contains(says)), "{what}: {said:#?}");
    }
    match part.kept {
        Some(Kept::Notification) => {
            let config = Config::load(&Sources::default().with_file(process.file())).unwrap().config;
            let app = config.profile.mount(App::new().unwrap(), &config).unwrap();
            assert_eq!(app.notifier().unwrap().waiting().await.unwrap(), 1, "{what}");
        }
        Some(Kept::Lines) => {
            let lines = fs::read_to_string(data.path().join("ship.log.1")).unwrap();
            assert!(lines.contains("every request is answered"), "{what}: {lines}");
        }
        None => {}
    }
}

async fn all_end(badness: Badness) {
    join_all(PARTS.iter().map(|part| ends(part, badness))).await;
}

#[tokio::test]
async fn no_peer_that_is_away_holds_up_the_end() {
    all_end(Away).await;
}

#[tokio::test]
async fn no_peer_that_is_slow_holds_up_the_end() {
    all_end(Slow).await;
}

#[tokio::test]
async fn no_peer_that_refuses_holds_up_the_end() {
    all_end(Refusing).await;
}

/// A pipe to which nobody writes hangs those who read, and one from which nobody reads those who write.
#[tokio::test]
async fn nor_does_a_disk_that_hangs() {
    for file in ["ship.log.7", "ship.log"] {
        let peer = Peer::start(Away, b"");
        let data = tempfile::tempdir().unwrap();
        let pipe = data.path().join(file);
        assert!(Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
        let is_written = file == "ship.log";
        let _other_end = is_written.then(|| OpenOptions::new().read(true).write(true).open(&pipe).unwrap());
        let config = json!({
            "logging": { "level": "DEBUG" },
            "logship": {
                "enabled": true, "interval": LONG, "endpoint": format!("http://{}/", peer.address),
                "file": data.path().join("ship.log"),
            },
        });
        let mut process = Process::start(&config.to_string()).await;
        // More than the pipe has room for.
        let path = format!("/nowhere/{}", "x".repeat(2000));
        let mut connection = Connection::open(process.service).await;
        for _ in 0..if is_written { 50 } else { 1 } {
            assert_eq!(connection.request("GET", &path, "").await.status, 404);
        }
        process.signal("TERM").await;
        process.logs("the last log lines wait in ").await;
        assert_eq!(process.exit_code().await, Some(0), "{file}");
    }
}

#[tokio::test]
async fn a_start_that_waits_for_somebody_can_be_ended() {
    let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = slow.local_addr().unwrap();
    for variables in [
        [
            ("CHASSIS_DB__URL", format!("postgres://{address}/service")),
            ("CHASSIS_DB__CONNECT_TIMEOUT", LONG.to_owned()),
        ],
        [
            ("CHASSIS_PROXY__SOCKS_URL", format!("socks5h://{address}")),
            ("CHASSIS_PROXY__CONNECT_TIMEOUT", LONG.to_owned()),
        ],
    ] {
        let ports = ["LISTEN", "ADMIN"].map(|port| (format!("CHASSIS_SERVER__{port}"), "http://127.0.0.1:0"));
        let mut command = command();
        command.envs(ports).envs(variables.clone()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let _waits = soon("a connection", slow.accept()).await.unwrap();
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().await.unwrap().success());
        assert_eq!(soon("the end", child.wait()).await.unwrap().code(), Some(0), "{variables:?}");
    }
}
