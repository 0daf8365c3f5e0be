//! Changes of the configuration file while the program runs.

#![cfg(test)]

mod support;

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::json;
use support::{
    http::Connection,
    process::{Process, run},
    until,
};

fn config(workers: u32) -> String {
    format!("server: {{workers: {workers}}}\n")
}

async fn has_workers(process: &Process, workers: u32) {
    until(json!(workers), async || process.workers().await["workers"].clone()).await;
}

/// contract 0b.12
#[tokio::test]
async fn a_rewrite_and_a_rename_over_the_file_resize_live() {
    let mut process = Process::start(&config(2)).await;
    has_workers(&process, 2).await;

    fs::write(process.file(), config(8)).unwrap();
    has_workers(&process, 8).await;
    process.logs("server.workers is now 8").await;

    let new = process.directory.path().join("service.yaml.new");
    fs::write(&new, "server: {workers: 3, requests_per_worker: 5}\n").unwrap();
    fs::rename(&new, process.file()).unwrap();
    has_workers(&process, 3).await;
    assert_eq!(process.workers().await["requestsPerWorker"], 5);
}

/// contract 2.2.8
#[tokio::test]
async fn what_config_set_writes_is_taken_up() {
    let process = Process::start("# how many\nserver: { workers: 2 } # slots\n").await;
    has_workers(&process, 2).await;
    let file = process.file();
    let set = async |key: &str, value: &str| {
        run(&[], &["config", "set", key, value, "--config", file.to_str().unwrap()]).await
    };
    assert_eq!(set("server.workers", "7").await.status.code(), Some(0));
    has_workers(&process, 7).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "# how many\nserver: { workers: 7 } # slots\n");
    for (key, value, code) in [("server.workers", "0", 64), ("cors.origin", "*", 1)] {
        assert_eq!(set(key, value).await.status.code(), Some(code), "{key}");
    }
    assert_eq!(process.workers().await["workers"], 7);
}

#[tokio::test]
async fn a_removed_line_goes_back_to_the_layer_below() {
    let process = Process::start(&config(9)).await;
    has_workers(&process, 9).await;
    fs::write(process.file(), "").unwrap();
    has_workers(&process, 4).await;
}

/// What the kubelet does to a volume: a new directory, a new link to it, and a rename over the old link.
fn publish(volume: &Path, generation: u32, files: &[(&str, &str)]) {
    let data = volume.join(format!("..{generation}"));
    fs::create_dir(&data).unwrap();
    for (name, text) in files {
        fs::write(data.join(name), text).unwrap();
    }
    let link = volume.join("..data_tmp");
    symlink(format!("..{generation}"), &link).unwrap();
    fs::rename(&link, volume.join("..data")).unwrap();
    if generation > 1 {
        fs::remove_dir_all(volume.join(format!("..{}", generation - 1))).unwrap();
    }
}

#[tokio::test]
async fn a_configmap_volume_resizes_live_again_and_again() {
    let volume = tempfile::tempdir().unwrap();
    publish(volume.path(), 1, &[("service.yaml", &config(1))]);
    let file = volume.path().join("service.yaml");
    symlink("..data/service.yaml", &file).unwrap();
    let process = Process::start_with(volume, &file).await;
    has_workers(&process, 1).await;
    for (generation, workers) in [(2, 8), (3, 2), (4, 1024)] {
        publish(process.directory.path(), generation, &[("service.yaml", &config(workers))]);
        has_workers(&process, workers).await;
    }
}

/// As in a pod: what takes a restart never changes, the number of workers stands in a file of its own.
#[tokio::test]
async fn the_live_file_of_a_volume_resizes_live() {
    const FILE: (&str, &str) = ("service.yaml", "message: {delay: 0s}");
    let volume = tempfile::tempdir().unwrap();
    publish(volume.path(), 1, &[FILE, ("live.yaml", &config(3))]);
    for name in ["service.yaml", "live.yaml"] {
        symlink(format!("..data/{name}"), volume.path().join(name)).unwrap();
    }
    let file = volume.path().join("service.yaml");
    let mut process = Process::start_with(volume, &file).await;
    has_workers(&process, 3).await;
    publish(process.directory.path(), 2, &[FILE, ("live.yaml", &config(8))]);
    has_workers(&process, 8).await;
    process.logs("server.workers is now 8").await;
}

#[tokio::test]
async fn requests_in_hand_survive_a_resize_by_file() {
    let process = Process::start("server: {workers: 2}\nmessage: {delay: 400ms}").await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut connection = Connection::open(process.service).await;
        connection.send(support::http::request("POST", "/microservice", "{}")).await;
        clients.push(connection);
    }
    until((json!(2), json!(2)), async || {
        let workers = process.workers().await;
        (workers["busy"].clone(), workers["queued"].clone())
    })
    .await;
    fs::write(process.file(), "server: {workers: 1}\nmessage: {delay: 400ms}").unwrap();
    has_workers(&process, 1).await;
    for mut connection in clients {
        assert_eq!(connection.answer().await.status, 200);
    }
}

#[tokio::test]
async fn a_bad_file_is_reported_and_the_old_values_stay() {
    let mut process = Process::start(&config(2)).await;
    for (bad, reason) in [
        ("server: {workers: many}", "\"many\" is not valid; write a whole number from 1 to 1024"),
        ("server: {worker: 8}", "did you mean server.workers?"),
        ("server: [", "is not valid YAML"),
    ] {
        fs::write(process.file(), bad).unwrap();
        let line = process.logs("the new configuration is not used, the old one stays").await;
        assert!(line.contains(reason), "{reason} is not in {line}");
        assert_eq!(process.workers().await["workers"], 2, "{bad}");
    }
    fs::write(process.file(), config(5)).unwrap();
    has_workers(&process, 5).await;
}

#[tokio::test]
async fn a_change_that_needs_a_restart_says_so() {
    let mut process = Process::start("message: {delay: 0s}").await;
    fs::write(process.file(), "message: {delay: 5s}\nserver: {workers: 6}").unwrap();
    let line = process.logs("needs a restart").await;
    assert!(line.contains("[WARNING][No operation_id]") && line.contains("message.delay = 5s"), "{line}");
    has_workers(&process, 6).await;
    fs::write(process.file(), "message: {delay: 0s}\nserver: {workers: 6}").unwrap();
    process.logs("message.delay is 0s again").await;
}
