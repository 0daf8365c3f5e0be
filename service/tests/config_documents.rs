//! Configuration files and variables as other services have them.

#![cfg(test)]

mod support;

use std::{fs, path::Path};

use support::process::{command, run, stderr, stdout};

const SERVICE_TOML: &str = r#"
title = "a service"

[server]
pymicro = "http://127.0.0.1:7001"

[statsd]
send_metrics = true
pymicro_statsd = "http://127.0.0.1:9125"

[output]
data_dir = "$PYMICRO_DATADIR/data"
"#;

const CONFIG_JSON: &str = r#"{
    "about": {"build_config": "dev", "service": "company.project.service", "version": "0.0.1"},
    "hosting": {"port": "5005"},
    "logging": "",
    "logging_bulk_enabled": true,
    "logging_bulk_endpoint": "https://logs.example.com/bulk/geheim/tag/bulk/",
    "logging_bulk_log_file": "/tmp/bulk.log",
    "logging_bulk_send_interval_in_seconds": 30,
    "env_tor_socks_proxy": "socks5://127.0.0.1:9150",
    "tor_container_id": "tor",
    "message_file": "/tmp/messages.db",
    "notifications": {
        "batch_minutes": "15",
        "email": {"enabled": true},
        "message_file_locked": false,
        "slack": {"channel": "", "enabled": "true", "icon_emoji": ":email:"}
    },
    "root_logs_folder": "/srv/logs"
}"#;

/// What that file leaves to variables (contract 2.2.6).
const SECRETS: [(&str, &str); 5] = [
    ("company.project.service__EMAIL_SERVER", "mail.example.com"),
    ("COMPANY_PROJECT_SERVICE__EMAIL_USERNAME", "service@example.com"),
    ("COMPANY_PROJECT_SERVICE__EMAIL_PASSWORD", "geheim"),
    ("COMPANY_PROJECT_SERVICE__EMAIL", "ops@example.com"),
    ("COMPANY_PROJECT_SERVICE__SLACK_TOKEN", "geheim"),
];

/// `microservice config print` with this file and these variables, each line with its origin.
async fn printed(file: &str, text: &str, env: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file);
    fs::write(&path, text).unwrap();
    let output = run(env, &["config", "print", "--config", path.to_str().unwrap()]).await;
    let text = stdout(&output).replace(directory.path().to_str().unwrap(), "DIR");
    format!("{text}{}", stderr(&output))
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// contract 1.5.27
#[tokio::test]
async fn the_toml_file_of_messages_and_metrics() {
    let lines = [
        "listen: http://127.0.0.1:7001  # server.pymicro in file DIR/service.toml",
        "push: true  # statsd.send_metrics in file DIR/service.toml",
        "statsd: http://127.0.0.1:9125  # statsd.pymicro_statsd in file DIR/service.toml",
        "data_dir: \"$PYMICRO_DATADIR/data\"  # output.data_dir in file DIR/service.toml",
    ];
    let env = [("PYMICRO_DATADIR", "/srv")];
    assert_has(&printed("service.toml", SERVICE_TOML, &env).await, &lines);
    let newer = SERVICE_TOML.replace("pymicro =", "pymicro_server =");
    let listen = "listen: http://127.0.0.1:7001  # server.pymicro_server in file";
    assert_has(&printed("service.toml", &newer, &env).await, &[listen]);
}

/// contract 1.5.28
#[tokio::test]
async fn a_bad_file_of_each_kind_is_refused_with_a_name() {
    for (file, text, reason) in [
        ("a.toml", "[server\n", "is not valid TOML: "),
        ("a.toml", "a = 2026-01-01", "a is a date; put it in quotes"),
        ("a.json", "{\"server\": }", "is not valid JSON: "),
        ("a.json", "[]", "is not a JSON object; write {\"section\""),
        ("a.json", "{\"a\": {\"b\": 1}, \"a\": {\"b\": 1}}", "is not valid JSON: duplicate"),
        ("a.toml", "[statsd]\nsend_metrics = 3", "\"3\" is not valid; write true or false"),
        ("a.toml", "[server]\npymicro = 'www.x.com'", "server.listen (server.pymicro in file"),
        ("a.toml", "[output]\ndata_dir = 5", "is a number or a truth value, not a text; put it in quotes"),
        ("a.toml", "[output]\ndata_dir = '$NOWHERE/x'", "$NOWHERE in \"$NOWHERE/x\" is not set"),
        ("a.toml", "[output]\ndata_dir = '/etc/hostname/x'", "/etc/hostname is not a directory"),
        ("a.toml", "[output]\npdf_dir = '/x'", "output.pdf_dir (file"),
        (
            "a.yaml",
            "{server: {listen: 'http://h:1'}, hosting: {port: 2}}",
            "server.listen and hosting.port (file",
        ),
        ("a.json", "{\"hosting\": {\"port\": \"abc\"}}", "\"abc\" is not valid; write a URL such as"),
    ] {
        assert_has(&printed(file, text, &[]).await, &[reason]);
    }
}

/// contract 2.2.4, contract 2.2.10
#[tokio::test]
async fn the_json_file_of_the_quickstart() {
    let printed = printed("config.json", CONFIG_JSON, &SECRETS).await;
    assert!(!printed.contains("geheim"), "{printed}");
    assert_has(
        &printed,
        &[
            "name: \"company.project.service\"  # about.service in file DIR/config.json",
            "version: \"0.0.1\"  # about.version in file DIR/config.json",
            "listen: http://0.0.0.0:5005  # hosting.port in file DIR/config.json",
            "batch_minutes: 15  # notifications.batch_minutes in file DIR/config.json",
            "email.enabled: true  # notifications.email.enabled in file DIR/config.json",
            "slack.enabled: true  # notifications.slack.enabled in file DIR/config.json",
            "slack.channel: \"notifications\"  # default",
            "slack.icon_emoji: \":email:\"  # notifications.slack.icon_emoji in file DIR/config.json",
            "file: \"/tmp/messages.db\"  # message_file in file DIR/config.json",
            "enabled: true  # logging_bulk_enabled in file DIR/config.json",
            "endpoint: \"(hidden)\"  # logging_bulk_endpoint in file DIR/config.json",
            "file: \"/tmp/bulk.log\"  # logging_bulk_log_file in file DIR/config.json",
            "interval: 30s  # logging_bulk_send_interval_in_seconds in file DIR/config.json",
            "socks_url: \"socks5h://127.0.0.1:9150\"  # env_tor_socks_proxy in file DIR/config.json",
            "email.server: \"mail.example.com\"  # variable company.project.service__EMAIL_SERVER",
            "email.password: \"(hidden)\"  # variable COMPANY_PROJECT_SERVICE__EMAIL_PASSWORD",
        ],
    );
    let checked = check(&SECRETS).await;
    assert_has(
        &checked,
        &[
            "the configuration can be used, with 2 warnings",
            "warning: root_logs_folder in the file has no effect",
            "warning: tor_container_id has no effect",
        ],
    );
}

async fn check(env: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, CONFIG_JSON).unwrap();
    let output = run(env, &["config", "check", "--config", path.to_str().unwrap()]).await;
    format!("{}{}", stdout(&output), stderr(&output))
}

/// contract 2.2.7
#[tokio::test]
async fn a_file_without_its_secrets_is_refused_with_the_names_of_all_of_them() {
    let checked = check(&SECRETS[1..3]).await;
    let name = |suffix| format!("or the variable COMPANY_PROJECT_SERVICE__{suffix}\n");
    assert_has(&checked, &["3 problems", &name("EMAIL_SERVER"), &name("EMAIL"), &name("SLACK_TOKEN")]);
}

/// contract 2.1.2
#[tokio::test]
async fn the_hosting_port_is_a_variable_or_stands_in_the_file() {
    const FILE: &str = r#"{"hosting": {"port": "5005"}}"#;
    let json = printed("config.json", FILE, &[("HOSTING_PORT", "6006")]).await;
    assert_has(&json, &["listen: http://0.0.0.0:6006  # variable HOSTING_PORT"]);
    let nearer = printed("config.json", FILE, &[("HOSTING_PORT", "6"), ("PYMICRO", "http://h:1")]);
    assert_has(&nearer.await, &["listen: http://h:1  # variable PYMICRO"]);
    // What a cluster sets for a Service called hosting.
    let link = printed("config.json", FILE, &[("HOSTING_PORT", "tcp://10.0.0.1:80")]).await;
    assert_has(&link, &["listen: http://0.0.0.0:5005  # hosting.port in file DIR/config.json"]);
}

/// contract 5.10.36
#[tokio::test]
async fn a_module_names_the_file_and_its_settings_have_names_in_capitals() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("mysite")).unwrap();
    let print = async |env: &[(&str, &str)]| {
        let run = command()
            .envs(env.iter().copied())
            .current_dir(directory.path())
            .args(["config", "print"])
            .output();
        let output = run.await.unwrap();
        format!("{}{}", stdout(&output), stderr(&output))
    };
    let missing = print(&[("SANIC_CONFIG_MODULE", "mysite.configs")]).await;
    assert_has(&missing, &["mysite/configs: cannot be read: No such file"]);
    for (file, text) in [
        (
            "mysite/configs.json",
            r#"{"APP_ID": "users", "HOST": "h", "PORT": 8030, "ZIPKIN_SERVER": "http://z:9411/api/v1/spans"}"#,
        ),
        (
            "mysite/configs.yaml",
            "{APP_ID: users, HOST: h, PORT: '8030', ZIPKIN_SERVER: 'http://z:9411/api/v1/spans'}",
        ),
        (
            "mysite/configs.toml",
            "APP_ID = 'users'\nHOST = 'h'\nPORT = 8030\nZIPKIN_SERVER = 'http://z:9411/api/v1/spans'",
        ),
    ] {
        fs::write(directory.path().join(file), text).unwrap();
        let whole = directory.path().join(file);
        for (variable, name) in [
            ("SANIC_CONFIG_MODULE", "mysite.configs"),
            ("SANIC_SETTINGS_MODULE", "mysite.configs"),
            ("SANIC_CONFIG_MODULE", file),
            ("SANIC_CONFIG_MODULE", whole.to_str().unwrap()),
        ] {
            let printed = print(&[(variable, name)]).await;
            assert_has(
                &printed,
                &[
                    "name: \"users\"  # APP_ID in file",
                    "listen: http://h:8030  # HOST and PORT in file",
                    "zipkin_url: \"http://z:9411/api/v1/spans\"  # ZIPKIN_SERVER in file",
                ],
            );
            assert!(printed.contains(Path::new(file).file_name().unwrap().to_str().unwrap()), "{printed}");
        }
    }
    let env = [("SERVER_HOST", "127.0.0.1"), ("SERVER_PORT", "8050"), ("APP_ID", "regions")];
    let listen = "listen: http://127.0.0.1:8050  # variable SERVER_HOST and SERVER_PORT";
    assert_has(&print(&env).await, &[listen, "name: \"regions\"  # variable APP_ID"]);
    assert_has(&print(&env[1..]).await, &["listen: http://0.0.0.0:8050  # variable SERVER_PORT"]);
}
