//! The command line as a person meets it: what was wrong, where it stands, and what to write instead.

#![cfg(test)]

mod support;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use support::{
    http::{get, post},
    postgres::{PASSWORD, postgres},
    process::{Process, command, run, stderr, stdout},
    soon, until,
};
use tempfile::TempDir;

/// A file of this text.
fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    (directory, path)
}

/// `microservice WORDS --config FILE`
async fn with_file(words: &[&str], text: &str, env: &[(&str, &str)]) -> std::process::Output {
    let (_directory, path) = file("service.yaml", text);
    run(env, &[words, &["--config", path.to_str().unwrap()]].concat()).await
}

/// What a start and a check say of this file, each with its exit code.
async fn start_and_check(text: &str) -> [(Option<i32>, String); 2] {
    let ports = "server: {listen: 'http://127.0.0.1:0', admin: 'http://127.0.0.1:0'}\n";
    let outcome = async |words: &[&str]| {
        let output = with_file(words, &format!("{ports}{text}"), &[]).await;
        (output.status.code(), stderr(&output).to_owned())
    };
    [outcome(&["serve"]).await, outcome(&["config", "check"]).await]
}

#[tokio::test]
async fn whoever_reads_may_go_away() {
    for words in [
        &["openapi"][..],
        &["config", "print"],
        &["config", "print", "--format", "json"],
        &["config", "print", "--format", "env"],
        &["config", "check"],
        &["config", "explain"],
        &["migrate"],
        &["migrate", "--status"],
        &["--help"],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = command().args(words).stdout(writer).output();
        let output = soon("the end of the program", output).await.unwrap();
        assert!(!stderr(&output).contains("panicked"), "{words:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    }
    for (words, code) in [(&["config", "check"][..], 64), (&["serve"], 64), (&["fetch", "x"], 1)] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let profile = if code == 64 { "none" } else { "all" };
        let mut program = command();
        program.args(words).env("CHASSIS_PROFILE", profile).stdout(Stdio::null()).stderr(writer);
        let status = soon("the end of the program", program.status()).await.unwrap();
        assert_eq!(status.code(), Some(code), "{words:?}");
    }
}

#[tokio::test]
async fn the_version_is_that_of_the_program_by_its_name() {
    let version = run(&[], &["--version"]).await;
    assert_eq!(stdout(&version), concat!("microservice ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[tokio::test]
async fn what_keeps_a_start_from_success_is_found_by_a_check() {
    let (directory, plain) = file("plain", "");
    let plain = plain.to_str().unwrap();
    for (text, reason) in [
        ("health: {path: /products}".to_owned(), "the path /products is used twice".to_owned()),
        ("health: {path: /metrics}".to_owned(), "the path /metrics is used twice".to_owned()),
        (
            format!("logging: {{file: '{plain}/log'}}"),
            format!("logging.file: {plain}/log cannot be written: "),
        ),
        (
            format!("logship: {{enabled: true, endpoint: 'http://h/', file: '{plain}/spool'}}"),
            format!("logship.file: what waits to be shipped cannot be kept in {plain}/spool: "),
        ),
        (
            format!("notify: {{file: '{plain}/n.db', slack: {{enabled: true, token: x}}}}"),
            format!("{plain}/n.db cannot be used; name another notify.file or storage.data_dir: "),
        ),
        (format!("tls: {{ca_file: '{plain}'}}"), format!("{plain} has no certificates")),
        (
            format!("proxy: {{socks_url: 'socks5h://127.0.0.1:1', user_agents_file: '{plain}'}}"),
            format!("{plain} has no user agents"),
        ),
        (
            "cors: {origin: 'http://a'}\ndb: {url: 'postgres://h/n', host: h}".to_owned(),
            "remove db.host, or db.url".to_owned(),
        ),
    ] {
        for (code, said) in start_and_check(&text).await {
            assert!(matches!(code, Some(1 | 64)) && said.contains(&reason), "{text}\n{code:?} {said}");
            assert!(said.matches("os error").count() <= 1, "said twice: {said}");
        }
    }
    // All at once, and without a trace.
    let text = format!("health: {{path: /metrics}}\nlogging: {{file: '{plain}/log'}}");
    let [_, (code, said)] = start_and_check(&text).await;
    assert_eq!((code, said.lines().count()), (Some(1), 2), "{said}");
    let log = directory.path().join("logs/log");
    let good = with_file(&["config", "check"], &format!("logging: {{file: '{}'}}", log.display()), &[]).await;
    assert!(good.status.success() && !log.parent().unwrap().exists(), "{}", stderr(&good));
}

#[tokio::test]
async fn a_check_with_warnings_says_so() {
    // A port in use is no warning: perhaps by the service, whose next configuration this is.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = format!("http://{}", taken.local_addr().unwrap());
    let env =
        [("CHASSIS_SERVER__LISTEN", listen.as_str()), ("PYMICRO_TIMEOUT", "soon"), ("PYMICRO_STATSD", "x")];
    let output = run(&env, &["config", "check"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "the configuration can be used, with 2 warnings\n");
    assert!(stderr(&output).contains("warning: variable PYMICRO_TIMEOUT ignored"), "{}", stderr(&output));
    assert_eq!(stdout(&run(&env[..1], &["config", "check"]).await), "the configuration is good\n");
    let strange = [("CHASSIS_SERVER__LISTEN", "http://192.0.2.1:80")];
    let output = run(&strange, &["config", "check"]).await;
    let wanted = "server.listen: cannot listen on http://192.0.2.1:80: Cannot assign requested address";
    assert!(output.status.code() == Some(1) && stderr(&output).contains(wanted), "{}", stderr(&output));
}

#[tokio::test]
async fn a_printed_secret_is_not_taken_for_one() {
    let text = "db: {url: 'postgres://me:geheim@h/n?sslmode=require'}\n\
        notify: {slack: {enabled: true, token: xoxb-geheim}}\n";
    let printed = with_file(&["config", "print"], text, &[]).await;
    assert!(!stdout(&printed).contains("geheim"), "{}", stdout(&printed));
    assert!(stdout(&printed).contains("postgres://me:(hidden)@h/n?sslmode=require"), "{}", stdout(&printed));
    let again = with_file(&["config", "check"], stdout(&printed), &[]).await;
    assert_eq!(again.status.code(), Some(64));
    for said in [
        "(hidden) stands for a password that is not shown; write it, or leave it out and set db.password_file",
        "(hidden) stands for a secret that is not shown; write the secret, or name a file that has it",
    ] {
        assert!(stderr(&again).contains(said), "{said} is not in {}", stderr(&again));
    }
}

#[tokio::test]
async fn an_unknown_name_gets_the_nearest_one_and_not_all_of_them() {
    let text = "workers: 3\nserver: {wrokers: 3, colour: red}\nlevel: INFO\nalpha: 1\nbeta: 1\ngamma: 1\n\
        delta: 1\nepsilon: 1\nzeta: 1\neta: 1\ntheta: 1\n";
    let output = with_file(&["config", "check"], text, &[("CHASSIS_SERVER__WROKERS", "3")]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    for (place, reason) in [
        ("  workers (file", "unknown key; did you mean server.workers?"),
        ("  server.wrokers (file", "unknown key; did you mean server.workers?"),
        ("  server.colour (file", "unknown key; known: server.admin, server.body_budget, "),
        ("  level (file", "unknown key; did you mean logging.level?"),
        ("  alpha (file", "unknown key; known sections: api, auth, "),
        ("  variable CHASSIS_SERVER__WROKERS", "unknown; did you mean CHASSIS_SERVER__WORKERS?"),
    ] {
        let line = said.lines().find(|line| line.starts_with(place)).unwrap_or_default();
        assert!(line.contains(reason), "{place}{reason} is not in {said}");
    }
    assert!(said.len() < 6000, "{} bytes: {said}", said.len());
}

#[tokio::test]
async fn a_misspelt_variable_is_told() {
    let (_directory, path) = file("service.yaml", "service: {name: orders}");
    let env = [
        ("CHASSIS_CONFIG", path.to_str().unwrap()),
        ("PYMICRO_CONCURENCY", "8"),
        ("CST_PROJECTNAME", "x"),
        ("PYMICRO_CALLABLE", "app"),
        ("ORDERS__EMAIL_PASWORD", "x"),
        // Of a Service of the namespace, and what `config print --format env` prints.
        ("PYMICRO_METRICS_PORT_9125_UDP", "udp://10.0.0.1:9125"),
        ("PYMICRO_METRICS_SERVICE_HOST", "10.0.0.1"),
        ("PYMICRO_PORT", "8080"),
        ("PYMICRO_DATADIR", "/tmp"),
    ];
    let output = run(&env, &["config", "check"]).await;
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    for line in [
        "warning: variable PYMICRO_CONCURENCY ignored: unknown; did you mean PYMICRO_CONCURRENCY?",
        "warning: variable CST_PROJECTNAME ignored: unknown; did you mean CST_PROJECT_NAME?",
        "warning: variable PYMICRO_CALLABLE ignored: metrics.push decides what is served",
        "warning: variable ORDERS__EMAIL_PASWORD ignored: unknown; did you mean ORDERS__EMAIL_PASSWORD?",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    assert_eq!(said.matches(" ignored: ").count(), 4, "{said}");
}

#[tokio::test]
async fn a_change_that_a_variable_overrides_says_so() {
    let (_directory, path) = file("service.json", r#"{"server": {"workers": 4}, "about": {"service": "a"}}"#);
    let set = async |env: &[(&str, &str)], key: &str, value: &str| {
        run(env, &["config", "set", key, value, "--config", path.to_str().unwrap()]).await
    };
    let live = set(&[], "server.workers", "8").await;
    assert_eq!(stdout(&live), "the file has server.workers now; a running service takes it up at once\n");
    let next = set(&[], "about.service", "b").await;
    assert_eq!(
        stdout(&next),
        "the file has about.service now; a running service takes it up with its next start\n"
    );
    // As it was written, and not sorted.
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.find("server").unwrap() < text.find("about").unwrap(), "{text}");
    for (env, key) in
        [(("CHASSIS_SERVER__WORKERS", "2"), "server.workers"), (("CST_PROJECT_NAME", "c"), "about.service")]
    {
        let output = set(&[env], key, "9").await;
        assert_eq!(output.status.code(), Some(1));
        let wanted = format!("the file has {key} now, but variable {} has the last word", env.0);
        assert!(stderr(&output).contains(&wanted), "{}", stderr(&output));
    }
}

#[tokio::test]
async fn a_setting_is_explained_by_any_of_its_names() {
    let sheet = async |key: &str| {
        let output = run(&[("PORT", "81")], &["config", "explain", key]).await;
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output).to_owned()
    };
    let listen = sheet("server.listen").await;
    for part in [
        "server.listen\n  The service port.\n",
        "  write      a URL such as http://0.0.0.0:8080\n",
        "  default    http://0.0.0.0:8080\n",
        "  now        http://0.0.0.0:81 (variable PORT)\n",
        "  a change   takes effect with the next start\n",
        "CHASSIS_SERVER__LISTEN, PYMICRO, PYMICRO_SERVER, HOSTING_PORT, ",
        "  the file   also as server.pymicro, server.pymicro_server, hosting.port, HOST, PORT\n",
    ] {
        assert!(listen.contains(part), "{part:?} is not in {listen}");
    }
    for name in ["PYMICRO", "CHASSIS_SERVER__LISTEN", "hosting.port"] {
        assert_eq!(sheet(name).await, listen, "{name}");
    }
    assert!(sheet("server.workers").await.contains("a change   takes effect at once"));
    let section = sheet("notify").await;
    assert!(
        section.lines().all(|line| line.starts_with("notify.")) && section.lines().count() > 20,
        "{section}"
    );
    let all = run(&[], &["config", "explain"]).await;
    assert!(stdout(&all).lines().count() > 120, "{}", stdout(&all));
    let unknown = run(&[], &["config", "explain", "workers"]).await;
    assert_eq!(stderr(&unknown), "microservice: workers: unknown key; did you mean server.workers?\n");
    assert_eq!(unknown.status.code(), Some(1));
    // It is asked for when something is wrong.
    let wrong = with_file(&["config", "explain", "server.workers"], "server: {workers: many}", &[]).await;
    assert!(stdout(&wrong).contains("write      a whole number from 1 to 1024"), "{}", stdout(&wrong));
}

/// What `docs/settings.md` begins with.
const HEAD: &str = "# The settings of the service

Made from the code by `BLESS=1 cargo test --workspace --test command_line`; `microservice config explain KEY` says the same
of one key, and what is in force. A key is written in the file (`server: {workers: 8}`), as a variable
(`CHASSIS_SERVER__WORKERS=8`) or as a flag (`--set server.workers=8`). A *live* one takes effect at once when the file
changes, all others with the next start. `none` and `nothing` (an empty text) switch a setting off. Other names are
variables of the systems that the service stands in for, unless they are said to stand in the file; `<SERVICE>` is
`service.name` in capitals, with `_` for all that is no letter and no digit.
";

#[test]
fn the_reference_of_settings_is_what_the_code_says() {
    let settings = service::Config::settings(&chassis::config::Sources::default());
    for (key, setting) in settings.iter() {
        assert!(!setting.about.is_empty(), "{key} says nothing about itself");
    }
    let text = HEAD.to_owned() + &settings.to_markdown();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let fresh = fs::read_to_string(&path).is_ok_and(|before| before == text);
    assert!(fresh, "docs/settings.md is stale: BLESS=1 cargo test --workspace --test command_line");
}

#[tokio::test]
async fn sighup_reads_the_configuration_again() {
    // A change behind a link is one that the watch does not see.
    let (behind, target) = file("target.yaml", "server: {workers: 2}");
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("service.yaml");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let mut process = Process::start_with(directory, &link).await;
    fs::write(&target, "server: {workers: 3}").unwrap();
    process.signal("HUP").await;
    process.logs("SIGHUP: the configuration is read again").await;
    until(json!(3), async || process.workers().await["workers"].clone()).await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    drop(behind);
}

#[tokio::test]
async fn a_message_is_kept_without_what_it_takes_to_send_it() {
    let (directory, path) = file("service.yaml", "");
    let text = format!(
        "storage: {{data_dir: '{}'}}\nnotify: {{email: {{enabled: true, to: a@example.com}}}}",
        directory.path().display()
    );
    fs::write(&path, text).unwrap();
    let config = path.to_str().unwrap();
    let kept = run(&[], &["notify", "send", "hello", "--config", config]).await;
    assert!(kept.status.success(), "{}", stderr(&kept));
    assert!(directory.path().join("notifications.db").exists());
    let flush = run(&[], &["notify", "flush", "--config", config]).await;
    assert_eq!(flush.status.code(), Some(64));
    assert!(stderr(&flush).contains("notify.email.password: is not set"), "{}", stderr(&flush));
    let size =
        run(&[("CHASSIS_NOTIFY__MAX_SIZE", "x")], &["notify", "send", "hello", "--config", config]).await;
    assert_eq!(size.status.code(), Some(64), "what keeping needs has to be right");
}

#[tokio::test]
async fn that_the_proxy_is_away_is_said_once() {
    let process = Process::start("").await;
    let url = format!("http://{}/status", process.service);
    let env = [
        ("CHASSIS_PROXY__SOCKS_URL", "socks5h://127.0.0.1:1"),
        ("CHASSIS_PROXY__FALLBACK", "warn"),
        ("CHASSIS_PROXY__PAUSE_FROM", "0s"),
        ("CHASSIS_PROXY__PAUSE_TO", "0s"),
    ];
    let output = run(&env, &["fetch", &url, "--proxied"]).await;
    assert!(output.status.success() && stdout(&output).contains("\"version\""), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("is away").count(), 1, "{}", stderr(&output));
}

#[tokio::test]
async fn a_start_in_memory_is_short() {
    let (directory, log) = file("log", "");
    let _process = Process::start(&format!("logging: {{file: '{}', file_format: cst}}", log.display())).await;
    let lines = || fs::read_to_string(&log).unwrap();
    until(true, async || lines().contains("serving ")).await;
    assert!(lines().contains("the database is in memory") && !lines().contains("Migrating"), "{}", lines());
    drop(directory);
}

#[tokio::test]
async fn the_admin_port_says_what_is_there() {
    let process = Process::start("").await;
    let index = get(process.admin, "/").await;
    assert_eq!(index.status, 200);
    for line in index.body.lines() {
        let path = line.split(' ').next().unwrap();
        assert_eq!(get(process.admin, path).await.status, 200, "{line}");
    }
    assert_eq!(index.body.lines().count(), 5);
}

#[tokio::test]
async fn an_access_log_is_there_for_those_who_want_it() {
    let mut process = Process::start("logging: {access: true}").await;
    post(process.service, "/microservice", "{}").await;
    let line = process.logs("/microservice").await;
    assert!(line.contains("[INFO]") && line.contains("POST") && line.contains("status=200"), "{line}");
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named() {
    let (_directory, path) = file("plain", "");
    let url = format!("sqlite:{}/service.db", path.display());
    let output = run(&[("DATABASE_URL", &url)], &["migrate"]).await;
    let wanted = format!("microservice: {url} cannot be used: unable to open database file\n");
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), wanted.as_str()));
    let Some(postgres) = postgres().await else { return };
    let wrong = postgres.url("postgres").replace(PASSWORD, "wrong");
    let output = run(&[("DATABASE_URL", &wrong)], &["migrate"]).await;
    let wanted = "microservice: the database refuses this service: password authentication failed for user \"postgres\"\n";
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), wanted));
}

#[tokio::test]
async fn requests_are_refused_while_migrations_are_pending() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "profile: catalog\ndb: {{url: 'sqlite:{}/service.db', migrate: false}}",
        directory.path().display()
    );
    let process = Process::start(&text).await;
    let answer = get(process.service, "/products").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.body);
    let ready = get(process.admin, "/readyz").await.json();
    let reason = ready["reasons"][0].as_str().unwrap().to_owned();
    assert!(
        reason.starts_with("migrations are pending: products v0, ")
            && reason.ends_with("; the command `migrate` takes them, or db.migrate: true at the start"),
        "{reason}"
    );
    let migrated = run(&[], &["migrate", "--config", process.file().to_str().unwrap()]).await;
    assert!(migrated.status.success(), "{}", stderr(&migrated));
    until(200, async || get(process.service, "/products").await.status).await;
}
