//! nginx as for a spec, on ports of its own, and how it is asked.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use operator_core::manifests::{READY_HOST, READY_PATH};
use serde_json::{Value, json};

use crate::program::{Folder, Nginx, config, start};

pub struct Proxy {
    _nginx: Nginx,
    pub folder: Folder,
    pub http: u16,
    pub https: u16,
}

impl Proxy {
    /// Before a service that answers with the request's head.
    pub fn new(name: &str, spec: &Value, ipv6: bool) -> Self {
        let port = service();
        Self::before(name, spec, ipv6, port, port)
    }

    /// Before what listens on these ports.
    pub fn before(name: &str, spec: &Value, ipv6: bool, service: u16, admin: u16) -> Self {
        let folder = Folder::new(name);
        if !spec["proxy"]["tls"].is_null() {
            certificate(&folder, "first");
        }
        let [http, https] = [free_port(), free_port()];
        let config = config(spec, ipv6)
            .unwrap()
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{service}"))
            .replace("127.0.0.1:9090", &format!("127.0.0.1:{admin}"))
            .replace("listen 8081", &format!("listen {http}"))
            .replace("[::]:8081", &format!("[::1]:{http}"))
            .replace("listen 8443", &format!("listen {https}"))
            .replace("/dev/stdout", "/tmp/out")
            .replace("/dev/stderr", "/tmp/err")
            // As in a pod, but the test need not wait as long.
            .replace("valid=10s", "valid=1s");
        let proxy = Self { _nginx: start(&folder, &config), folder, http, https };
        assert!(until(|| TcpStream::connect(("127.0.0.1", http)).is_ok()), "nginx does not start");
        proxy
    }

    /// The answer with its head.
    pub fn get(&self, path: &str, arguments: &[&str]) -> String {
        curl(&format!("http://127.0.0.1:{}{path}", self.http), arguments)
    }

    pub fn get_tls(&self, path: &str) -> String {
        curl(&format!("https://127.0.0.1:{}{path}", self.https), &["--insecure", "--verbose"])
    }

    /// What the kubelet is answered.
    pub fn ready(&self) -> String {
        self.get(READY_PATH, &["--header", &format!("Host: {READY_HOST}")])
    }

    /// What nginx wrote, `out` or `err`.
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.0.join(name)).unwrap_or_default()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// Sends these bytes and reads until nginx closes.
    pub fn send(&self, request: &str) -> String {
        let mut stream = self.connect();
        // nginx may answer and close before it has read all.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Reads until `wanted` has come; what has come when it never does.
pub fn read_until(stream: &mut TcpStream, wanted: &str) -> Result<String, String> {
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while !text.contains(wanted) {
        match stream.read(&mut part) {
            Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&part[..n])),
            _ => return Err(text),
        }
    }
    Ok(text)
}

pub fn curl(url: &str, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--max-time", "10", "--globoff", "--noproxy", "*", "--path-as-is"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl is needed");
    String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned()
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn until(mut good: impl FnMut() -> bool) -> bool {
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
pub fn certificate(folder: &Folder, name: &str) {
    let (key, certificate) = (folder.0.join("new.key"), folder.0.join("new.crt"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"])
        .args(["-subj", &format!("/CN={name}")])
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
