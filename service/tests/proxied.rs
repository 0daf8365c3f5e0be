//! Contract 2.5: pages of strangers through a SOCKS proxy.

#![cfg(test)]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get as on_get,
};
use chassis::{
    App,
    config::{Config, Sources, load},
    proxied_client::{DownloadError, GetError, OpenError, ProxiedClient, UserAgentsError},
};
use futures::future::join_all;
use support::{
    parts::Tor,
    process::{Process, command, run, stderr, stdout},
    running::Running,
    socks::Socks,
    soon,
    tls::TlsServer,
    until,
};

type Variables<'a> = &'a [(&'a str, &'a str)];

async fn opened(proxy: &str, env: Variables<'_>) -> Result<ProxiedClient, OpenError> {
    let quick = [
        ("CHASSIS_PROXY__SOCKS_URL", proxy),
        ("CHASSIS_PROXY__PAUSE_FROM", "0s"),
        ("CHASSIS_PROXY__PAUSE_TO", "0s"),
    ];
    let sources = Sources::default().with_env(quick).with_env(env.iter().copied());
    ProxiedClient::open(&load(&sources, Config::read).unwrap().config.proxy).await
}

async fn client(proxy: &str, env: Variables<'_>) -> ProxiedClient {
    opened(proxy, env).await.unwrap()
}

fn none() -> HeaderMap {
    HeaderMap::new()
}

/// A site at `site.test` that only the proxy finds. It answers with what the script says, the last of it for ever:
/// a status, a status with a body, or a path to go to.
struct Site {
    socks: Socks,
    requests: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    running: Running,
}

impl Site {
    async fn start(script: &'static [&'static str]) -> Self {
        let requests = Arc::<Mutex<Vec<(String, HeaderMap)>>>::default();
        let kept = Arc::clone(&requests);
        let handler = on_get(async move |request: Request| {
            let line = format!("{} {}", request.method(), request.uri().path());
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push((line, request.headers().clone()));
                kept.len() - 1
            };
            answer(script[number.min(script.len() - 1)]).await
        });
        let app = App::new().unwrap().route("/{*rest}", handler);
        let running = Running::with(&[("WEB_CONCURRENCY", "64"), ("CHASSIS_HTTP__ROOT", "index")], app).await;
        let socks = Socks::start(&[("site.test:80", running.service)]).await;
        Self { socks, requests, running }
    }

    async fn client(&self, env: Variables<'_>) -> ProxiedClient {
        client(&self.socks.url(), env).await
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    fn headers(&self, name: &header::HeaderName) -> Vec<Option<String>> {
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        self.requests.lock().unwrap().iter().map(|(_, headers)| headers.get(name).map(text)).collect()
    }
}

async fn answer(line: &str) -> Response {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("hang", _) => std::future::pending().await,
        ("to", target) => Redirect::temporary(target).into_response(),
        (status, body) => {
            let status = StatusCode::from_u16(status.parse().unwrap()).unwrap();
            (status, Body::from(body.to_owned())).into_response()
        }
    }
}

const PAGE: &str = "http://site.test/page";

/// contract 2.5.24, contract 0b.8
#[tokio::test]
async fn http_goes_through_the_proxy_and_the_name_is_left_to_it() {
    let site = Site::start(&["200 hello"]).await;
    let client = site.client(&[]).await;
    let answer = client.get(PAGE, &none(), None).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"hello"[..]));
    assert_eq!(site.socks.targets(), ["site.test:80"]);
    assert_eq!(site.headers(&header::HOST), [Some("site.test".to_owned())]);
    assert!(tokio::net::lookup_host("site.test:80").await.is_err(), "nobody else finds the name");
}

/// contract 2.5.24
#[tokio::test]
async fn https_goes_through_the_proxy_too() {
    let server = TlsServer::start("secret.test").await;
    let at = SocketAddr::from(([127, 0, 0, 1], server.port));
    let socks = Socks::start(&[("secret.test:443", at)]).await;
    let certificate = server.certificate();
    let env = [
        ("CHASSIS_TLS__CA_FILE", certificate.to_str().unwrap()),
        ("env_tor_socks_proxy", &socks.url()),
        ("CHASSIS_PROXY__PAUSE_TO", "0s"),
        ("CHASSIS_PROXY__PAUSE_FROM", "0s"),
    ];
    let fetched = run(&env, &["fetch", "--proxied", "https://secret.test/"]).await;
    assert!(stdout(&fetched).contains("TLSv1.3"), "{}", stderr(&fetched));
    assert_eq!(socks.targets(), ["secret.test:443"]);
    // A server with the certificate of another is none to talk to.
    let socks = Socks::start(&[("other.test:443", at)]).await;
    let env = [env[0], ("env_tor_socks_proxy", &socks.url()), env[2], env[3]];
    let refused = run(&env, &["fetch", "--proxied", "https://other.test/"]).await;
    assert!(
        stderr(&refused).contains("Connection refused for https://other.test/: "),
        "{}",
        stderr(&refused)
    );
}

/// contract 2.5.25, contract 0b.8
#[tokio::test]
async fn the_26th_request_has_a_new_identity_however_many_are_on_their_way() {
    let site = Site::start(&["200"]).await;
    let client = site.client(&[]).await;
    for _ in 0..25 {
        client.get(PAGE, &none(), None).await.unwrap();
    }
    assert_eq!((site.socks.identities(), site.socks.asked().len()), (1, 1), "one connection is kept");
    client.get(PAGE, &none(), None).await.unwrap();
    assert_eq!((site.socks.identities(), site.socks.asked().len()), (2, 2));
    assert!(
        join_all((0..74).map(async |_| client.get(PAGE, &none(), None).await))
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!((site.socks.identities(), site.requests()), (4, 100));
}

/// contract 2.5.24, contract 2.5.25, contract 0b.8
#[tokio::test]
async fn tor_is_told_the_name_and_who_asks() {
    let Some(mut tor) = Tor::start().await else { return };
    let proxy = format!("socks5://{}", tor.socks);
    let env = [
        ("CHASSIS_PROXY__FALLBACK", "strict"),
        ("CHASSIS_PROXY__ROTATE_EVERY", "2"),
        ("CHASSIS_PROXY__ATTEMPTS", "1"),
    ];
    let client = client(&proxy, &env).await;
    let mut users = Vec::new();
    for url in ["http://one.test/", "https://two.test/", "http://one.test/", "http://three.test:81/"] {
        // Without its network Tor does not answer.
        let error = client.get(url, &none(), Some(Duration::from_millis(300))).await.unwrap_err();
        assert!(matches!(error, GetError::Timeout { .. }), "{error}");
        let (target, user) = tor.request().await;
        users.push((target, user));
    }
    let (targets, users): (Vec<_>, Vec<_>) = users.into_iter().unzip();
    assert_eq!(targets, ["one.test:80", "two.test:443", "one.test:80", "three.test:81"]);
    assert!(users[0] == users[1] && users[1] != users[2] && users[2] == users[3], "{users:?}");
}

/// contract 2.5.26
#[tokio::test]
async fn each_request_has_a_user_agent_of_the_list() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("user-agents.txt");
    fs::write(&list, "one/1\ntwo/2\n\n# old\nthree/3\n").unwrap();
    let site = Site::start(&["200"]).await;
    let client = site.client(&[("CHASSIS_PROXY__USER_AGENTS_FILE", list.to_str().unwrap())]).await;
    for _ in 0..60 {
        client.get(PAGE, &none(), None).await.unwrap();
    }
    let seen: BTreeSet<_> = site.headers(&header::USER_AGENT).into_iter().map(Option::unwrap).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["one/1", "three/3", "two/2"]);
    let own = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static("own/1"))]);
    client.get(PAGE, &own, None).await.unwrap();
    assert_eq!(site.headers(&header::USER_AGENT).last().unwrap().as_deref(), Some("own/1"));

    let missing = [("CHASSIS_PROXY__USER_AGENTS_FILE", "/nowhere/list.txt")];
    let error = opened(&site.socks.url(), &missing).await.unwrap_err().to_string();
    for part in ["/nowhere/list.txt", "write one in each line", "proxy.user_agents_file"] {
        assert!(error.contains(part), "{error}");
    }
}

/// contract 2.5.26
#[tokio::test]
async fn the_list_is_got_anew_and_kept_when_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("user-agents.txt");
    let site = Site::start(&["200 new/1\nnew/2\n", "200 <html>\n", "200 newer/1\n"]).await;
    let env = [
        ("CHASSIS_PROXY__USER_AGENTS_FILE", list.to_str().unwrap()),
        ("CHASSIS_PROXY__USER_AGENTS_URL", "http://site.test/list"),
        ("CHASSIS_PROXY__USER_AGENTS_INTERVAL", "20ms"),
    ];
    let client = site.client(&env).await;
    client.get_missing_user_agents().await;
    assert_eq!(fs::read_to_string(&list).unwrap(), "new/1\nnew/2\n");
    let error = client.update_user_agents().await.unwrap_err();
    assert!(matches!(error, UserAgentsError::Empty { .. }), "{error}");
    assert_eq!(fs::read_to_string(&list).unwrap(), "new/1\nnew/2\n");
    client.get(PAGE, &none(), None).await.unwrap();
    let agent = site.headers(&header::USER_AGENT).pop().unwrap().unwrap();
    assert!(agent.starts_with("new/"), "{agent}");

    let fresh = tokio::spawn(client.clone().keep_user_agents_fresh());
    until("newer/1\n".to_owned(), async || fs::read_to_string(&list).unwrap()).await;
    fresh.abort();
    let entries = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(entries, 1, "nothing half written is left");
}

/// contract 2.5.28
#[tokio::test]
async fn a_404_is_final_and_other_failures_are_tried_five_times() {
    for (script, requests, identities, outcome) in [
        (&["200 x"][..], 1, 1, Ok(200)),
        (&["404"], 1, 1, Err("404 Page not found")),
        (&["500"], 5, 1, Err("No data response")),
        (&["403", "500", "200 x"], 3, 1, Ok(200)),
        (&["500", "404"], 2, 1, Err("404 Page not found")),
        // Neither a page nor a failure: perhaps another identity gets more.
        (&["204"], 5, 5, Ok(204)),
        (&["204", "304", "200 x"], 3, 3, Ok(200)),
        (&["to /other", "200 x"], 2, 1, Ok(200)),
    ] {
        let site = Site::start(Box::leak(script.to_vec().into())).await;
        let answer = site.client(&[]).await.get(PAGE, &none(), None).await;
        let answer = answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string());
        assert_eq!(answer, outcome.map_err(str::to_owned), "{script:?}");
        assert_eq!((site.requests(), site.socks.identities()), (requests, identities), "{script:?}");
    }
}

/// contract 2.5.28
#[tokio::test]
async fn redirects_timeouts_and_connections_that_fail_say_so_in_the_words_of_the_contract() {
    let site = Site::start(&["to /page"]).await;
    let few = site.client(&[("CHASSIS_PROXY__MAX_REDIRECTS", "3"), ("CHASSIS_PROXY__ATTEMPTS", "2")]).await;
    let error = few.get(PAGE, &none(), None).await.unwrap_err().to_string();
    assert_eq!(error, format!("Too many redirects have occurred for {PAGE}: more than 3"));
    assert_eq!(site.requests(), 8, "four requests in each of two tries");

    let slow = Site::start(&["hang", "hang", "200 x"]).await;
    // Long enough for a busy machine to bring each request to the site.
    let limit = Some(Duration::from_millis(400));
    let client = slow.client(&[]).await;
    assert!(client.get(PAGE, &none(), limit).await.is_ok(), "the third try");
    let stuck = Site::start(&["hang"]).await;
    let error = stuck.client(&[]).await.get(PAGE, &none(), limit).await.unwrap_err().to_string();
    assert_eq!(error, format!("A timeout has occurred for {PAGE}: no answer within 400ms"));
    assert_eq!(stuck.requests(), 5);

    let error = client.get("http://unknown.test/", &none(), None).await.unwrap_err().to_string();
    assert!(error.starts_with("Connection refused for http://unknown.test/: "), "{error}");
    assert_eq!(slow.socks.targets().iter().filter(|target| *target == "unknown.test:80").count(), 5);
    for bad in ["site.test", "ftp://site.test/", "http://u:geheim@site.test/"] {
        let error = client.get(bad, &none(), None).await.unwrap_err();
        assert!(matches!(error, GetError::Url(_)), "{error}");
    }
}

/// contract 2.5.28
#[tokio::test]
async fn there_are_pauses_after_a_page_and_before_most_further_tries() {
    let pause = Duration::from_millis(500);
    let pauses = [("CHASSIS_PROXY__PAUSE_FROM", "500ms"), ("CHASSIS_PROXY__PAUSE_TO", "500ms")];
    for (script, count) in
        [(&["200"][..], 1), (&["500", "500", "200"], 1), (&["204", "200"], 2), (&["404"], 0)]
    {
        let site = Site::start(Box::leak(script.to_vec().into())).await;
        let client = site.client(&pauses).await;
        let began = Instant::now();
        _ = client.get(PAGE, &none(), None).await;
        let took = began.elapsed();
        assert!((pause * count..pause * (count + 1)).contains(&took), "{script:?} {took:?}");
    }
}

#[tokio::test]
async fn a_page_larger_than_allowed_is_not_taken_in() {
    let site = Site::start(&["200 0123456789"]).await;
    let client = site.client(&[("CHASSIS_PROXY__MAX_BODY", "9")]).await;
    let error = client.get(PAGE, &none(), None).await.unwrap_err().to_string();
    assert_eq!((error, site.requests()), (format!("{PAGE} is larger than 9 bytes"), 1));
}

#[tokio::test]
async fn what_is_for_one_server_is_not_told_to_another() {
    let site = Site::start(&["to /inside", "to http://other.test/x", "200"]).await;
    let socks =
        Socks::start(&[("site.test:80", site.running.service), ("other.test:80", site.running.service)])
            .await;
    let client = client(&socks.url(), &[]).await;
    let token = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer geheim"))]);
    client.get(PAGE, &token, None).await.unwrap();
    let token = Some("Bearer geheim".to_owned());
    assert_eq!(site.headers(&header::AUTHORIZATION), [token.clone(), token, None]);
    assert_eq!(socks.targets(), ["site.test:80", "other.test:80"]);
}

/// contract 2.5.29
#[tokio::test]
async fn a_download_is_in_the_file_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page");
    let site = Site::start(&["200 hello"]).await;
    site.client(&[]).await.download(PAGE, &file).await.unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello");
    let empty = Site::start(&["204"]).await;
    let error = empty.client(&[]).await.download(PAGE, &file).await.unwrap_err();
    assert_eq!(error.to_string(), format!("Status code 204 received for {PAGE}"));
    let missing = Site::start(&["404"]).await;
    let error = missing.client(&[]).await.download(PAGE, &file).await.unwrap_err();
    assert_eq!(error.to_string(), "404 Page not found");
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello", "what was there stays");
    let error = site.client(&[]).await.download(PAGE, Path::new("/nowhere/page")).await.unwrap_err();
    assert!(matches!(error, DownloadError::File { .. }), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// contract 2.5.29
#[tokio::test]
async fn whether_a_page_exists_and_who_asks_is_asked_through_the_proxy() {
    for (script, exists) in
        [(&["200"][..], true), (&["204"], false), (&["404"], false), (&["to /other", "200"], false)]
    {
        let site = Site::start(Box::leak(script.to_vec().into())).await;
        assert_eq!(site.client(&[]).await.exists(PAGE).await.unwrap(), exists, "{script:?}");
        assert_eq!((site.socks.targets(), site.requests()), (vec!["site.test:80".to_owned()], 1));
        assert_eq!(site.requests.lock().unwrap()[0].0, "HEAD /page");
    }
    let site = Site::start(&["200 192.0.2.7\n"]).await;
    let client = site.client(&[("CHASSIS_PROXY__IP_URL", "http://site.test/ip")]).await;
    assert_eq!(client.ip_address().await.unwrap(), "192.0.2.7");
}

/// contract 2.5.30
#[tokio::test]
async fn without_the_proxy_requests_fail_or_go_past_it_with_a_warning_or_nothing_starts() {
    let direct = Running::with(&[], App::new().unwrap().route("/page", on_get(async || "direct"))).await;
    let url = format!("http://{}/page", direct.service);
    let away = Socks::start(&[]).await;
    away.stop();
    let proxy = away.url();
    until(true, async || tokio::net::TcpStream::connect(away.address).await.is_err()).await;
    let few = ("CHASSIS_PROXY__ATTEMPTS", "2");

    let off = client(&proxy, &[few]).await;
    let error = off.get(&url, &none(), None).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("Connection refused for {url}: the SOCKS proxy ")), "{error}");

    let warn = client(&proxy, &[few, ("CHASSIS_PROXY__FALLBACK", "warn")]).await;
    assert_eq!(&warn.get(&url, &none(), None).await.unwrap().body()[..], b"direct");

    let error = opened(&proxy, &[("CHASSIS_PROXY__FALLBACK", "strict")]).await.unwrap_err();
    assert!(matches!(error, OpenError::Away(_)), "{error}");

    // A page that the proxy cannot reach is no reason to go past it.
    let there = Socks::start(&[]).await;
    let warn = client(&there.url(), &[few, ("CHASSIS_PROXY__FALLBACK", "warn")]).await;
    let name = format!("localhost:{}", direct.service.port());
    let error = warn.get(&format!("http://{name}/page"), &none(), None).await.unwrap_err();
    assert!(matches!(error, GetError::Refused { .. }), "{error}");
    assert_eq!(there.targets(), [name.clone(), name]);
}

/// contract 2.5.30
#[tokio::test]
async fn the_service_looks_for_the_proxy_when_it_starts() {
    let socks = Socks::start(&[]).await;
    socks.stop();
    until(true, async || tokio::net::TcpStream::connect(socks.address).await.is_err()).await;
    let sections =
        |fallback: &str| format!("proxy: {{socks_url: '{}', fallback: '{fallback}'}}", socks.url());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("service.yaml");
    fs::write(&file, sections("strict")).unwrap();
    let mut strict = command();
    strict.args(["--config", file.to_str().unwrap(), "--set", "server.listen=http://127.0.0.1:0"]);
    let output = soon("the end of the program", strict.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("proxy.fallback is strict: the SOCKS proxy 127.0.0.1:"), "{text}");

    for (fallback, consequence) in
        [("off", "requests fail until it is back"), ("warn", "until it is back requests go past it")]
    {
        let log = directory.path().join(fallback);
        let logging = format!("logging: {{file: {}, file_format: cst}}", log.display());
        let _process = Process::start(&format!("{}\n{logging}", sections(fallback))).await;
        let log = fs::read_to_string(log).unwrap();
        let warned = |line: &&str| line.contains("[WARNING]") && line.contains("is away: Connection refused");
        assert!(log.lines().find(warned).unwrap_or_default().contains(consequence), "{log}");
    }
}

#[tokio::test]
async fn fetch_writes_a_file_with_or_without_the_proxy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page");
    let out = file.to_str().unwrap();
    let site = Site::start(&["200 hello"]).await;
    let proxy = site.socks.url();
    let env = [
        ("CHASSIS_PROXY__SOCKS_URL", proxy.as_str()),
        ("CHASSIS_PROXY__PAUSE_FROM", "0s"),
        ("CHASSIS_PROXY__PAUSE_TO", "0s"),
    ];
    let done = run(&env, &["fetch", PAGE, "--proxied", "--out", out]).await;
    assert!(done.status.success() && done.stdout.is_empty(), "{}", stderr(&done));
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello");
    let plain = format!("http://{}/page", site.running.service);
    let done = run(&[], &["fetch", &plain]).await;
    assert_eq!(stdout(&done), "hello");
    let none = run(&[], &["fetch", PAGE, "--proxied"]).await;
    assert!(stderr(&none).contains("write its URL in proxy.socks_url"), "{}", stderr(&none));
    let both = run(&env, &["fetch", PAGE, "--proxied", "--data", "{}"]).await;
    assert_eq!(both.status.code(), Some(2), "what is posted is posted once, and not to strangers");
}
