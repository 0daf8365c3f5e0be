//! Contract 1.6: the names of the document's own programs.

#![cfg(test)]

mod support;

use std::{os::unix::fs::symlink, path::PathBuf, process::Stdio};

use serde_json::Value;
use support::{
    process::{bare, run, stderr, stdout},
    soon,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};

/// The program under another name.
fn link(name: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    symlink(env!("CARGO_BIN_EXE_microservice"), &path).unwrap();
    (directory, path)
}

/// What it prints until it serves.
async fn start(name: &str, args: &[&str], env: &[(&str, &str)]) -> Vec<String> {
    let (_directory, path) = link(name);
    let mut child = bare(path)
        .args(args)
        .env("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0")
        // Others say something of the database.
        .env("CHASSIS_PROFILE", "message")
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.last().is_some_and(|line: &String| line.contains("serving ")) {
        said.push(soon("a line", lines.next_line()).await.unwrap().unwrap_or_else(|| panic!("{said:?}")));
    }
    said
}

/// contract 1.6.31
#[tokio::test]
async fn pymicro_uwsgi_says_what_it_is_going_to_do() {
    let said =
        start("pymicro_uwsgi", &[], &[("PYMICRO", "http://127.0.0.1:0"), ("PYMICRO_TIMEOUT", "5")]).await;
    assert_eq!(
        said[..said.len() - 1],
        [
            "PYMICRO_CONCURRENCY is not set, server.workers is 4",
            "PYMICRO_SEND_METRICS is not set, metrics.push is false",
            "PYMICRO_STATSD is not set, metrics.statsd is http://0.0.0.0:9125",
            "PYMICRO_LOGLEVEL is not set, logging.level is INFO",
            "starts app in PYMICRO=http://127.0.0.1:0, HOST=127.0.0.1, PORT=0",
            "metrics in http://127.0.0.1:0/metrics",
        ]
    );
    let push = [
        ("PYMICRO", "http://127.0.0.1:0"),
        ("PYMICRO_SEND_METRICS", "True"),
        ("PYMICRO_STATSD", "http://127.0.0.1:9"),
    ];
    let said = start("pymicro_uwsgi", &[], &push).await;
    assert!(said.contains(&"metrics sent to http://127.0.0.1:9".to_owned()), "{said:?}");
}

/// contract 1.6.31
#[tokio::test]
async fn pymicro_uwsgi_refuses_a_bad_boolean() {
    let (_directory, path) = link("pymicro_uwsgi");
    let mut command = bare(path);
    let output = command.env("PYMICRO_SEND_METRICS", "yes").output();
    let output = soon("the end", output).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("PYMICRO_SEND_METRICS: \"yes\" is not valid; write true or false"), "{said}");
}

/// contract 1.6.32
#[tokio::test]
async fn pymicro_server_serves_and_says_nothing_else() {
    let said = start("pymicro_server", &[], &[("PYMICRO", "http://127.0.0.1:0")]).await;
    assert!(said.len() == 1 && said[0].contains("serving "), "{said:?}");
}

/// The files of `conf/` are what holds without them.
fn conf(name: &str) -> String {
    format!("{}/conf/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// contract 1.5.30
#[tokio::test]
async fn pymicro_uwsgi_takes_the_documents_ini_and_names_what_has_no_effect() {
    let (_directory, path) = link("pymicro_uwsgi");
    let printed = async |file: &str, env: &[(&str, &str)]| {
        let mut command = bare(&path);
        let output = command.args(["--ini", file, "config", "print"]).envs(env.iter().copied()).output();
        soon("the end", output).await.unwrap()
    };
    let output = printed(&conf("uwsgi.ini"), &[]).await;
    assert!(
        stdout(&output).contains("  workers: 4  # variable PYMICRO_CONCURRENCY\n"),
        "{}",
        stdout(&output)
    );
    for (key, reason) in [
        ("master", "one process serves, and its workers are slots"),
        ("file", "the program serves itself"),
        ("callable", "the program serves itself"),
    ] {
        let warning = format!("warning: {}: {key} has no effect: {reason}", conf("uwsgi.ini"));
        assert!(stderr(&output).contains(&warning), "{}", stderr(&output));
    }
    assert_eq!(stderr(&output).lines().count(), 3, "{}", stderr(&output));
    let own = printed(&conf("uwsgi.ini"), &[("PYMICRO_CONCURRENCY", "2")]).await;
    assert!(stdout(&own).contains("  workers: 2  # variable PYMICRO_CONCURRENCY\n"), "{}", stdout(&own));
    let missing = printed("/nowhere.ini", &[]).await;
    assert!(stderr(&missing).contains("/nowhere.ini cannot be read: No such file"), "{}", stderr(&missing));
}

/// contract 1.5.27, contract 1.5.29
#[tokio::test]
async fn the_default_files_say_what_holds_without_them() {
    let printed = async |env: &[(&str, &str)]| {
        let output = run(env, &["config", "print", "--format", "json"]).await;
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        let mut settings: serde_json::Map<String, Value> = serde_json::from_str(stdout(&output)).unwrap();
        settings.remove("logging.config_file");
        settings.into_iter().map(|(key, setting)| (key, setting["value"].clone())).collect::<Vec<_>>()
    };
    let (service, logging) = (conf("service.toml"), conf("logging_config.ini"));
    let files = [("PYMICRO_CONFIG", service.as_str()), ("PYMICRO_LOGCONFIG", logging.as_str())];
    assert_eq!(printed(&files).await, printed(&[]).await);
    let checked = run(&files[1..], &["config", "check"]).await;
    assert!(!stderr(&checked).contains("logging_config.ini"), "{}", stderr(&checked));
}
