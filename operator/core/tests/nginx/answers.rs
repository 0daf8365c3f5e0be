//! What a running nginx answers, before a service that answers with the request's head.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::program::{Folder, Nginx, config, start};

/// nginx as for a spec, on ports of its own.
struct Proxy {
    _nginx: Nginx,
    folder: Folder,
    http: u16,
    https: u16,
}

impl Proxy {
    fn new(name: &str, spec: &Value, ipv6: bool) -> Self {
        let folder = Folder::new(name);
        certificate(&folder, "first");
        let [http, https] = [free_port(), free_port()];
        let config = config(spec, ipv6)
            .unwrap()
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", service()))
            .replace("127.0.0.1:9090", &format!("127.0.0.1:{}", service()))
            .replace("listen 8081", &format!("listen {http}"))
            .replace("[::]:8081", &format!("[::1]:{http}"))
            .replace("listen 8443", &format!("listen {https}"))
            // As in a pod, but the test need not wait as long.
            .replace("valid=10s", "valid=1s");
        let proxy = Self { _nginx: start(&folder, &config), folder, http, https };
        let answered = until(|| proxy.get("/-/readyz", &[]).contains(" 200 "));
        assert!(answered, "nginx does not answer");
        proxy
    }

    /// The answer with its head.
    fn get(&self, path: &str, arguments: &[&str]) -> String {
        curl(&format!("http://127.0.0.1:{}{path}", self.http), arguments)
    }

    fn get_tls(&self, path: &str) -> String {
        curl(&format!("https://127.0.0.1:{}{path}", self.https), &["--insecure", "--verbose"])
    }
}

fn curl(url: &str, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--max-time", "5", "--globoff", "--noproxy", "*"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl is needed");
    String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn until(mut good: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if good() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

/// A self-signed certificate for `name`, where nginx looks for one.
fn certificate(folder: &Folder, name: &str) {
    let (key, certificate) = (folder.0.join("new.key"), folder.0.join("new.crt"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            &format!("/CN={name}"),
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is needed");
    assert!(made.status.success(), "{made:?}");
    // nginx's workers have another user.
    let key_text = fs::read(&key).unwrap();
    fs::write(folder.0.join("tls.key"), key_text).unwrap();
    fs::rename(&certificate, folder.0.join("tls.crt")).unwrap();
}

/// Answers every request with its head and much more; gives the port.
fn service() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(mut stream: impl Read + Write) -> Option<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let body = json!({ "head": String::from_utf8_lossy(&head), "more": "x".repeat(4000) }).to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .ok()
}

#[test]
#[ignore = "needs nginx"]
fn answers_are_compressed_for_those_who_ask() {
    let proxy = Proxy::new("gzip", &json!({ "proxy": { "gzip": true } }), false);
    let zipped = proxy.get("/", &["--header", "Accept-Encoding: gzip"]);
    assert!(zipped.contains("Content-Encoding: gzip"), "{zipped}");
    assert!(zipped.len() < 2000, "{} bytes", zipped.len());
    assert!(!proxy.get("/", &[]).contains("Content-Encoding"));
}

#[test]
#[ignore = "needs nginx"]
fn a_client_that_asks_too_often_gets_429_but_the_kubelet_does_not() {
    let limited = json!({ "proxy": { "rateLimit": { "requestsPerSecond": 1, "burst": 2 } } });
    let proxy = Proxy::new("limit", &limited, false);
    let answers: Vec<_> = (0..8).map(|_| proxy.get("/", &[])).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.contains(" 429 ")).collect();
    assert!(answers[0].contains(" 200 ") && refused.len() >= 4, "{answers:?}");
    assert!(
        refused[0].contains("Retry-After: 1") && refused[0].contains(r#"{"message":"Too Many Requests"}"#)
    );
    assert!((0..8).all(|_| proxy.get("/-/readyz", &[]).contains(" 200 ")));
}

#[test]
#[ignore = "needs nginx"]
fn only_trusted_proxies_say_who_the_client_is() {
    let says = ["--header", "X-Forwarded-For: 203.0.113.9, 10.1.1.1", "--header", "X-Forwarded-Proto: https"];
    let stranger = Proxy::new("stranger", &json!({ "proxy": { "trustedProxies": ["10.0.0.0/8"] } }), false);
    let seen = stranger.get("/", &says);
    assert!(seen.contains("X-Real-IP: 127.0.0.1") && seen.contains("X-Forwarded-Proto: http\\r"), "{seen}");

    let trusted = json!({ "proxy": { "trustedProxies": ["10.0.0.0/8", "127.0.0.1"] } });
    let seen = Proxy::new("trusted", &trusted, false).get("/", &says);
    for header in [
        "X-Real-IP: 203.0.113.9\\r",
        "X-Forwarded-For: 203.0.113.9, 10.1.1.1, 127.0.0.1\\r",
        "X-Forwarded-Proto: https\\r",
    ] {
        assert!(seen.contains(header), "{header} is not in {seen}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_new_certificate_is_used_without_a_restart() {
    let proxy = Proxy::new("tls", &json!({ "proxy": { "tls": { "secretName": "t" } } }), false);
    let answer = proxy.get_tls("/");
    assert!(answer.contains("CN=first") && answer.contains("X-Forwarded-Proto: https"), "{answer}");
    certificate(&proxy.folder, "second");
    assert!(until(|| proxy.get_tls("/").contains("CN=second")), "{}", proxy.get_tls("/"));
}

#[test]
#[ignore = "needs nginx"]
fn a_snippet_works_and_keeps_the_kubelet_s_question_open() {
    let server = "deny all;\nadd_header X-Extra $extra always;\nlocation /open { allow all; return 204; }";
    let http = "map $host $extra {\n    default yes;\n}";
    let spec = json!({ "proxy": { "extraConfig": { "http": http, "server": server } } });
    let proxy = Proxy::new("snippet", &spec, false);
    let refused = proxy.get("/", &[]);
    assert!(refused.contains(" 403 ") && refused.contains("X-Extra: yes"), "{refused}");
    assert!(proxy.get("/open", &[]).contains(" 204 "));
    assert!(proxy.get("/-/readyz", &[]).contains(" 200 "));
}

/// peers: restate-operator#93
#[test]
#[ignore = "needs nginx"]
fn ipv6_is_served_where_pods_have_it() {
    if fs::read_to_string("/proc/net/if_inet6").unwrap_or_default().is_empty() {
        eprintln!("this machine has no IPv6: only what nginx is told is tested");
        assert!(config(&json!({}), true).unwrap().contains("listen [::]:8081 ipv6only=on;"));
        return;
    }
    let proxy = Proxy::new("ipv6", &json!({}), true);
    let answer = curl(&format!("http://[::1]:{}/", proxy.http), &[]);
    assert!(answer.contains(" 200 "), "{answer}");
    assert!(proxy.get("/", &[]).contains(" 200 "), "IPv4 goes on");
}
