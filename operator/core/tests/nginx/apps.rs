//! nginx before applications that are made as teams make them: Flask on gunicorn, FastAPI on uvicorn,
//! Node with ws, and Go, each with a short time for idle connections. What arrives is what was sent.

use std::{
    env,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::proxy::{Proxy, free_port, read_until, until};

#[derive(Clone, Copy, Debug, PartialEq)]
enum App {
    Flask,
    FastApi,
    Node,
    Go,
}

const ALL: [App; 4] = [App::Flask, App::FastApi, App::Node, App::Go];

/// An application that runs until its pipe ends: with this, or with the process of the tests, however
/// that ends.
struct Running {
    port: u16,
    process: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Running {
    fn start(app: App) -> Option<Self> {
        let port = free_port();
        let Some(command) = command(app, port) else {
            eprintln!("{app:?}: not on this machine, as parts.sh has said");
            return None;
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", "\"$@\" & pid=$!; cat >/dev/null; kill $pid; wait", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(command.get_current_dir()?).stdin(Stdio::piped());
        let running = Self { port, process: shell.spawn().unwrap() };
        assert!(until(|| TcpStream::connect(("127.0.0.1", port)).is_ok()), "{app:?} does not start");
        Some(running)
    }

    /// The one that the tests share.
    fn shared(app: App) -> Option<&'static Self> {
        static SHARED: [OnceLock<Option<Running>>; 4] = [const { OnceLock::new() }; 4];
        SHARED[app as usize].get_or_init(|| Self::start(app)).as_ref()
    }
}

/// nginx before an application.
struct Served {
    proxy: Proxy,
}

/// The program that `e2e/scripts/nginx.sh` got; none where the machine can't have it.
fn part(variable: &str) -> Option<PathBuf> {
    let path =
        env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run e2e/scripts/nginx.sh"));
    (path != "-").then(|| path.into())
}

fn command(app: App, port: u16) -> Option<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx/apps");
    let port = port.to_string();
    let python = || part("PYTHON_SERVERS").map(Command::new);
    let mut command = match app {
        App::Flask => {
            let mut command = python()?;
            command.args(["-m", "gunicorn", "--threads", "8", "--keep-alive", "1", "--log-level", "error"]);
            command.args(["--limit-request-line", "0", "--limit-request-field_size", "100000"]);
            command.args(["--bind", &format!("127.0.0.1:{port}"), "--no-control-socket", "flask_app:app"]);
            command
        }
        App::FastApi => {
            let mut command = python()?;
            command.args(["fastapi_app.py", &port]);
            command
        }
        App::Node => {
            let mut command = Command::new("node");
            command.env("NODE_PATH", part("NODE_MODULES")?).args(["node_app.js", &port]);
            command
        }
        App::Go => {
            let mut command = Command::new(part("GO_APP")?);
            command.arg(&port);
            command
        }
    };
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

impl Served {
    fn before(running: &Running, spec: &Value) -> Self {
        let mut spec = spec.clone();
        spec["image"] = json!("app:1");
        let served = Self { proxy: Proxy::before("app", &spec, false, running.port, free_port()) };
        assert!(served.proxy.ready().contains(" 200 "), "{}", served.proxy.ready());
        served
    }

    /// What arrived at the application.
    fn echo(&self, head: &str, body: &str) -> Value {
        let answer = self.proxy.send(&format!("{head}\r\nConnection: close\r\n\r\n{body}"));
        let (head_of, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let body = if head_of.contains("chunked") { whole(body) } else { body.into() };
        let sent: String = head.chars().take(100).collect();
        serde_json::from_str(&body).unwrap_or_else(|_| panic!("{sent}: {answer}"))
    }
}

/// A body out of its chunks.
fn whole(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = chunks.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        body.push_str(&rest[..length]);
        chunks = &rest[length + 2..];
        if length == 0 {
            break;
        }
    }
    body
}

/// With nginx as for `spec`, what is wrong with each application.
fn each(apps: &[App], spec: &Value, check: impl Fn(App, &Served) -> Result<(), String> + Sync) {
    let wrong: Vec<_> = thread::scope(|scope| {
        let check = &check;
        let one = |app: App| {
            move || Running::shared(app).and_then(|running| check(app, &Served::before(running, spec)).err())
        };
        let all: Vec<_> = apps.iter().map(|app| (app, scope.spawn(one(*app)))).collect();
        all.into_iter()
            .filter_map(|(app, check)| Some(format!("{app:?}: {}", check.join().unwrap()?)))
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn ensure(good: bool, words: impl AsRef<str>) -> Result<(), String> {
    if good { Ok(()) } else { Err(words.as_ref().chars().take(2000).collect()) }
}

fn header<'a>(echo: &'a Value, name: &str) -> Option<&'a str> {
    let headers = echo["headers"].as_array()?;
    headers.iter().find(|header| header[0] == name)?[1].as_str()
}

#[test]
#[ignore = "needs nginx"]
fn web_sockets_pass() {
    each(&[App::FastApi, App::Node], &json!({}), |_, served| {
        let mut stream = served.proxy.connect();
        let head = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n")?;
        ensure(
            answer.starts_with("HTTP/1.1 101") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            &answer,
        )?;
        // One masked frame of text, and the same without a mask.
        stream.write_all(&[0x81, 0x85, 0, 0, 0, 0]).unwrap();
        stream.write_all(b"hello").unwrap();
        read_until(&mut stream, "hello").map(drop)
    });
}

/// Requests meet the moment at which the application closes its idle connections, again and again.
/// Node, uvicorn and Go are set to 5 ms here, gunicorn to its least, 1 s.
#[test]
#[ignore = "needs nginx"]
fn no_request_meets_a_connection_that_the_application_closed_or_is_executed_twice() {
    each(&ALL, &json!({}), |_, served| {
        let end = Instant::now() + Duration::from_millis(2500);
        let sent = AtomicUsize::new(0);
        let failed: Vec<String> = thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|client| {
                    let (proxy, sent) = (&served.proxy, &sent);
                    scope.spawn(move || {
                        let mut failed = Vec::new();
                        for turn in 0_u64.. {
                            if Instant::now() > end {
                                break;
                            }
                            let request = if (client + turn) % 2 == 0 {
                                "GET /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                            } else {
                                "POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
                            };
                            let answer = proxy.send(request);
                            sent.fetch_add(1, Ordering::Relaxed);
                            if !answer.starts_with("HTTP/1.1 200") {
                                failed.push(answer);
                            }
                            // Around the time that connections are kept: that is the moment.
                            thread::sleep(Duration::from_micros(4000 + (client * 400 + turn * 130) % 3000));
                        }
                        failed
                    })
                })
                .collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let (sent, failures) = (sent.into_inner(), failed.len());
        let executed = served.proxy.send("GET /executed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        ensure(sent > 200, format!("only {sent} requests"))?;
        ensure(failures == 0, format!("{failures} of {sent} failed: {:?}", failed.first()))?;
        ensure(executed.contains(&sent.to_string()), format!("{sent} sent: {executed}"))
    });
}

#[test]
#[ignore = "needs nginx"]
fn an_answer_with_30_kb_of_headers_arrives() {
    each(&ALL, &json!({}), |_, served| {
        let answer = served.proxy.get("/headers/28000", &[]);
        let large = answer.lines().filter(|line| line.len() > 4000).count();
        ensure(answer.contains(" 200 ") && large == 7, &answer)
    });
}

#[test]
#[ignore = "needs nginx"]
fn a_url_or_a_header_of_60_kb_arrives() {
    each(&ALL, &json!({}), |_, served| {
        let long = "x".repeat(60_000);
        let echo = served.echo(&format!("GET /echo/{long} HTTP/1.1\r\nHost: a"), "");
        ensure(echo["target"] == format!("/echo/{long}"), "another URL")?;
        let echo = served.echo(&format!("GET /echo HTTP/1.1\r\nHost: a\r\nX-Long: {long}"), "");
        ensure(header(&echo, "x-long") == Some(&long), "another header")
    });
}

#[test]
#[ignore = "needs nginx"]
fn a_streamed_answer_arrives_as_it_comes() {
    each(&ALL, &json!({}), |_, served| {
        let mut stream = served.proxy.connect();
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        read_until(&mut stream, "data: first\n\n")?;
        served.proxy.get("/release", &[]);
        read_until(&mut stream, "data: last\n\n").map(drop)
    });
}

fn received(served: &Served) -> usize {
    let answer = served.proxy.get("/received", &[]);
    answer.lines().last().and_then(|line| line.parse().ok()).unwrap_or_default()
}

fn begin_upload(served: &Served) -> TcpStream {
    let mut stream = served.proxy.connect();
    // gunicorn gives its application 1 KiB at a time.
    let first = "x".repeat(0x800);
    let head = "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}800\r\n{first}\r\n").as_bytes()).unwrap();
    stream
}

#[test]
#[ignore = "needs nginx"]
fn a_streamed_body_arrives_as_it_comes() {
    each(&ALL, &json!({}), |_, served| {
        let mut stream = begin_upload(served);
        ensure(until(|| received(served) >= 0x400), format!("{} bytes", received(served)))?;
        stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").unwrap();
        read_until(&mut stream, "HTTP/1.1 200").map(drop)?;
        ensure(received(served) == 0x804, "not all")
    });
}

#[test]
#[ignore = "needs nginx"]
fn with_buffering_no_slow_client_is_seen_by_the_application() {
    // Another one than that which the others upload to.
    let Some(running) = Running::start(App::Go) else { return };
    let served = Served::before(&running, &json!({ "proxy": { "buffering": true } }));
    let mut stream = begin_upload(&served);
    // Whatever came after it has been answered.
    assert!((0..20).all(|_| received(&served) == 0), "part of a body");
    stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").unwrap();
    read_until(&mut stream, "HTTP/1.1 200").unwrap();
    assert_eq!(received(&served), 0x804);
}

#[test]
#[ignore = "needs nginx"]
fn what_arrives_is_what_was_sent() {
    each(&ALL, &json!({}), |app, served| {
        for target in ["/echo/a%2Fb%20c%C3%BC/", "/echo//b/./c/", "/echo/?q=%2F&r=a+b&s=", "/echo/a;b=c,d'e"]
        {
            let echo = served.echo(&format!("GET {target} HTTP/1.1\r\nHost: shop.example.com:8443"), "");
            ensure(echo["target"] == target, format!("{target} became {}", echo["target"]))?;
            let host = header(&echo, "host");
            ensure(host == Some("shop.example.com:8443"), format!("another host: {host:?}"))?;
        }
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let head = format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nx_api_key: 1\r\nX.Dot: 2\r\ntraceparent: {trace}\r\n\
            Transfer-Encoding: chunked"
        );
        let echo = served.echo(&head, "3\r\nabc\r\n0\r\n\r\n");
        ensure(echo["body"] == "abc", format!("another body: {echo}"))?;
        ensure(header(&echo, "traceparent") == Some(trace), echo.to_string())?;
        ensure(header(&echo, "x.dot") == Some("2"), echo.to_string())?;
        // gunicorn itself drops them.
        ensure(app == App::Flask || header(&echo, "x_api_key") == Some("1"), echo.to_string())?;

        let old = served.echo("GET /echo HTTP/1.0", "");
        ensure(old["method"] == "GET", old.to_string())?;
        let head = served.proxy.send("HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        ensure(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), &head)?;
        ensure(!head.contains("chunked") || app != App::Flask, &head)
    });
}

#[test]
#[ignore = "needs nginx"]
fn trailers_of_an_answer_arrive() {
    each(&[App::Go], &json!({}), |_, served| {
        let answer = served.proxy.get("/echo", &["--raw"]);
        ensure(answer.contains("X-Checksum: sum"), &answer)
    });
}

/// The redirect loop of an application that wants HTTPS, behind an Ingress that ends it.
#[test]
#[ignore = "needs nginx"]
fn behind_an_ingress_with_a_certificate_an_application_does_not_redirect_for_ever() {
    let spec = json!({ "expose": { "ingress": { "host": "a.example.com", "tls": { "secretName": "t" } } } });
    each(&ALL, &spec, |_, served| {
        let host = ["--header", "Host: a.example.com"];
        let plain = served.proxy.get("/secure", &host);
        ensure(plain.contains("https://a.example.com/secure"), &plain)?;
        let secure =
            served.proxy.get("/secure", &[&host[..], &["--header", "X-Forwarded-Proto: https"]].concat());
        ensure(secure.contains(" 200 "), &secure)
    });
}

/// A client that is told to go on sends its body at once.
#[test]
#[ignore = "needs nginx"]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    each(&ALL, &json!({}), |_, served| {
        let mut stream = served.proxy.connect();
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        read_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.write_all(b"ok").unwrap();
        read_until(&mut stream, "HTTP/1.1 200 OK").map(drop)
    });
}

/// As one that refuses a token does: what it says must arrive, not nginx's 502. gunicorn resets the
/// connection under an unread body; then nginx may not get to read the answer, whatever it is set to.
#[test]
#[ignore = "needs nginx"]
fn an_answer_before_the_body_was_read_arrives() {
    each(&[App::FastApi, App::Node, App::Go], &json!({}), |_, served| {
        let body = "x".repeat(900_000);
        let head = "POST /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 900000\r\n\r\n";
        let answers: Vec<_> = (0..20).map(|_| served.proxy.send(&format!("{head}{body}"))).collect();
        let wrong: Vec<_> = answers.iter().filter(|answer| !answer.starts_with("HTTP/1.1 401")).collect();
        ensure(wrong.is_empty(), format!("{} of 20: {:?}", wrong.len(), wrong.first()))
    });
}
