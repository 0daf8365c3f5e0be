//! Contract 1.6: the names of the document's own programs.

#![cfg(test)]

mod support;

use std::{os::unix::fs::symlink, path::PathBuf, process::Stdio};

use support::{
    process::{bare, stderr},
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
async fn start(name: &str, env: &[(&str, &str)]) -> Vec<String> {
    let (_directory, path) = link(name);
    let mut child = bare(path)
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
    let said = start("pymicro_uwsgi", &[("PYMICRO", "http://127.0.0.1:0"), ("PYMICRO_TIMEOUT", "5")]).await;
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
    let said = start("pymicro_uwsgi", &push).await;
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
    let said = start("pymicro_server", &[("PYMICRO", "http://127.0.0.1:0")]).await;
    assert!(said.len() == 1 && said[0].contains("serving "), "{said:?}");
}
