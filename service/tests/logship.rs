//! Contract 2.3.14 and 2.3.16-18: log lines are sent in bulk, and none is lost on the way.

#![cfg(test)]

mod support;

use std::{fs, path::Path, time::Instant};

use serde_json::Value;
use support::{
    http::{Connection, get},
    loggly::{Loggly, TOKEN},
    process::{Process, run, stderr, stdout},
    until,
};
use tempfile::TempDir;

/// Sections for a service that ships to `loggly` by way of `spool`.
fn sections(loggly: &Loggly, spool: &Path, more: &str) -> String {
    let (url, file) = (loggly.url(), spool.join("ship.log"));
    format!(
        "logging: {{format: brief}}\nlogship: {{enabled: true, endpoint: '{url}', file: {}, {more}}}",
        file.display()
    )
}

/// Requests whose log lines have these tokens, one after the other.
async fn log(process: &Process, tokens: impl Iterator<Item = String>) {
    let mut connection = Connection::open(process.service).await;
    for token in tokens {
        let request = format!("GET /fibonacci/list?count=1 HTTP/1.1\r\nhost: x\r\napitrace: {token}\r\n\r\n");
        connection.send(request).await;
        assert_eq!(connection.answer().await.status, 200);
    }
}

fn tokens(name: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{name}-{number};"))
}

/// Waits until each of them has come at least once; how many came more often.
async fn arrived(loggly: &Loggly, name: &str, count: usize) -> usize {
    let all = || {
        let lines = loggly.lines().concat();
        tokens(name, count).filter(|token| lines.contains(token)).count()
    };
    until(count, async || all()).await;
    assert_eq!(loggly.faults(), Vec::<String>::new());
    loggly.count(&format!("TRACE: {name}-")) - count
}

/// As `arrived`, where a line that is no text was sent too.
async fn arrived_in_spite(loggly: &Loggly, name: &str, count: usize) -> usize {
    until(true, async || loggly.count(&format!("TRACE: {name}-")) >= count).await;
    assert!(loggly.faults().iter().all(|fault| fault.contains("utf-8")), "{:?}", loggly.faults());
    loggly.count(&format!("TRACE: {name}-")) - count
}

/// Files with lines that wait.
fn waiting(spool: &Path) -> Vec<u64> {
    let sizes = fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    sizes.filter(|size| *size > 0).collect()
}

async fn metric(process: &Process, series: &str) -> u64 {
    let page = get(process.admin, "/metrics").await.body;
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in\n{page}")).parse().unwrap()
}

fn spool() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// contract 2.3.16, contract 2.3.14
#[tokio::test]
async fn lines_are_sent_at_intervals_in_the_format_of_the_build_and_then_removed() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let sections = sections(&loggly, spool.path(), "interval: 30ms") + "\nservice: {build: prod}";
    let process = Process::start(&sections).await;
    log(&process, tokens("a", 20)).await;
    assert_eq!(arrived(&loggly, "a", 20).await, 0, "each once");
    let (kind, lines) = loggly.batches().pop().unwrap();
    assert_eq!(kind, "application/json");
    let line: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert!(line["levelNo"].is_string() && line["logRecordCreationTime"].is_string(), "{line}");
    until(Vec::<u64>::new(), async || waiting(spool.path())).await;
    let spooled = metric(&process, "chassis_log_lines_spooled_total").await;
    until(spooled, async || metric(&process, "chassis_log_lines_shipped_total").await).await;
    assert_eq!(usize::try_from(spooled).unwrap(), loggly.lines().len());
}

/// contract 2.3.17
#[tokio::test]
async fn nothing_is_shipped_unless_somebody_wants_it() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let sections = sections(&loggly, spool.path(), "interval: 1ms").replace("enabled: true, ", "");
    let mut process = Process::start(&sections).await;
    log(&process, tokens("a", 3)).await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    assert_eq!((loggly.asked(), fs::read_dir(spool.path()).unwrap().count()), (0, 0));
}

/// contract 2.3.16
#[tokio::test]
async fn lines_wait_on_the_disk_while_the_endpoint_does_not_take_them() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let mut process = Process::start(&sections(&loggly, spool.path(), "interval: 20ms")).await;
    loggly.answers(503);
    log(&process, tokens("a", 10)).await;
    let warning = process.logs("log lines are not shipped, they wait in ").await;
    assert!(warning.contains("503") && !warning.contains(TOKEN), "{warning}");
    until(true, async || loggly.asked() > 3).await;
    log(&process, tokens("b", 10)).await;
    assert!(metric(&process, "chassis_log_ship_failures_total").await >= 3);
    assert!(!waiting(spool.path()).is_empty());
    loggly.answers(200);
    assert_eq!(arrived(&loggly, "a", 10).await + arrived(&loggly, "b", 10).await, 0);
    process.logs("log lines are shipped again").await;
    until(Vec::<u64>::new(), async || waiting(spool.path())).await;
    let tokens: Vec<_> =
        loggly.lines().iter().filter_map(|line| line.split_once("TRACE: ")?.1.chars().next()).collect();
    assert!(tokens.is_sorted(), "in the order in which they were logged");
}

/// contract 2.3.18
#[tokio::test]
async fn batches_and_lines_have_limits() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let more = "interval: 20ms, max_batch: 2000, max_line: 150, max_spool: 1Mi, format: brief";
    let process = Process::start(&sections(&loggly, spool.path(), more)).await;
    log(&process, ["x".repeat(120)].into_iter().chain(tokens("a", 100))).await;
    assert_eq!(arrived(&loggly, "a", 100).await, 0);
    for (kind, lines) in loggly.batches() {
        let size = lines.iter().map(String::len).sum::<usize>() + lines.len() - 1;
        assert!(size <= 2000 && kind == "text/plain", "{kind} {size}");
    }
    assert_eq!(loggly.count("xxx"), 0);
    assert_eq!(metric(&process, "chassis_log_lines_dropped_total{reason=\"too_long\"}").await, 1);
}

#[tokio::test]
async fn a_line_that_is_refused_for_good_is_set_aside_and_the_others_of_its_batch_are_sent() {
    let (loggly, spool) = (Loggly::start().await, spool());
    // From an earlier process, and one of them is no text.
    fs::write(spool.path().join("ship.log.0"), b"TRACE: x-0;\nTRACE: x-1;\n\xff\xfe\nTRACE: x-2;\n").unwrap();
    let process = Process::start(&sections(&loggly, spool.path(), "interval: 20ms")).await;
    let refused = "chassis_log_lines_dropped_total{reason=\"refused\"}";
    until(1, async || metric(&process, refused).await).await;
    assert_eq!(arrived_in_spite(&loggly, "x", 3).await, 0, "each once");
    until(false, async || spool.path().join("ship.log.0").exists()).await;
    assert_eq!(fs::read(spool.path().join("ship.log.refused")).unwrap(), b"\xff\xfe\n");
    log(&process, tokens("a", 5)).await;
    assert_eq!(arrived_in_spite(&loggly, "a", 5).await, 0);
    assert_eq!(loggly.count("the endpoint refuses 1 log lines for good, they are kept in "), 1);
}

#[tokio::test]
async fn an_endpoint_that_refuses_every_line_loses_none() {
    let (loggly, spool) = (Loggly::start().await, spool());
    loggly.answers(400);
    let process = Process::start(&sections(&loggly, spool.path(), "interval: 20ms")).await;
    log(&process, tokens("a", 40)).await;
    until(true, async || loggly.asked() > 20).await;
    loggly.answers(200);
    assert_eq!(arrived(&loggly, "a", 40).await, 0);
    until(Vec::<u64>::new(), async || waiting(spool.path())).await;
}

/// contract 2.3.16
#[tokio::test]
async fn what_a_killed_process_was_sending_is_sent_by_the_next_while_others_go_on_logging() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let sections =
        sections(&loggly, spool.path(), "interval: 5ms, max_batch: 4000, max_line: 1000, max_spool: 10Mi");
    let mut process = Process::start(&sections).await;
    log(&process, tokens("a", 100)).await;
    assert_eq!(arrived(&loggly, "a", 100).await, 0);
    // In the middle of a batch.
    loggly.is_mute(true);
    log(&process, tokens("b", 100)).await;
    let spooled = metric(&process, "chassis_log_lines_spooled_total").await;
    assert!(spooled >= 100, "the writer goes on");
    until(true, async || metric(&process, "chassis_log_lines_spooled_total").await >= 200).await;
    process.signal("KILL").await;
    assert_eq!(process.exit_code().await, None);
    assert!(!waiting(spool.path()).is_empty());

    loggly.is_mute(false);
    let process = Process::start(&sections).await;
    log(&process, tokens("c", 100)).await;
    assert_eq!(arrived(&loggly, "b", 100).await + arrived(&loggly, "c", 100).await, 0);
    until(Vec::<u64>::new(), async || waiting(spool.path())).await;
}

/// contract 2.3.16
#[tokio::test]
async fn the_last_lines_are_sent_at_the_end_for_a_bounded_time() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let slow = sections(&loggly, spool.path(), "interval: 1h, shutdown_timeout: 300ms");
    let mut process = Process::start(&slow).await;
    log(&process, tokens("a", 5)).await;
    assert_eq!(loggly.asked(), 0);
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    assert_eq!((arrived(&loggly, "a", 5).await, loggly.count("every request is answered")), (0, 1));
    assert_eq!(waiting(spool.path()), Vec::<u64>::new());

    loggly.is_mute(true);
    let mut process = Process::start(&slow).await;
    log(&process, tokens("b", 5)).await;
    let began = Instant::now();
    process.signal("TERM").await;
    process.logs("the last log lines wait in ").await;
    assert_eq!(process.exit_code().await, Some(0));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    assert!(!waiting(spool.path()).is_empty(), "for the next one");
}

#[tokio::test]
async fn the_disk_is_not_filled_however_long_the_endpoint_is_away() {
    let (loggly, spool) = (Loggly::start().await, spool());
    loggly.answers(500);
    let more = "interval: 10ms, max_batch: 2000, max_line: 1000, max_spool: 6000";
    let mut process = Process::start(&sections(&loggly, spool.path(), more)).await;
    for round in 0..10 {
        log(&process, tokens(&format!("{round}x"), 10)).await;
        let all: u64 = waiting(spool.path()).iter().sum();
        assert!(all <= 6000, "{all} bytes");
    }
    process.logs("log lines will not be shipped, they were dropped").await;
    assert!(metric(&process, "chassis_log_lines_dropped_total{reason=\"spool_full\"}").await > 0);
    loggly.answers(200);
    until(1, async || loggly.count("9x-9;")).await;
    assert_eq!(loggly.count("0x-0;"), 0, "the oldest are dropped");
}

#[tokio::test]
async fn one_command_ships_what_waits() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let file = spool.path().join("ship.log");
    let url = loggly.url();
    let env = [("logging_bulk_endpoint", url.as_str()), ("logging_bulk_log_file", file.to_str().unwrap())];
    fs::write(&file, "one\ntwo\n").unwrap();
    fs::write(spool.path().join("ship.log.7"), "zero\n").unwrap();
    loggly.answers(500);
    let failed = run(&env, &["logs", "ship"]).await;
    assert_eq!(failed.status.code(), Some(1));
    let text = stderr(&failed);
    assert!(
        text.contains("2 files with log lines wait, 0 lines are shipped") && !text.contains(TOKEN),
        "{text}"
    );
    loggly.answers(200);
    let done = run(&env, &["logs", "ship"]).await;
    assert_eq!(stdout(&done), "3 log lines are shipped\n", "{}", stderr(&done));
    assert_eq!(loggly.lines(), ["zero", "one", "two"]);
    assert_eq!(waiting(spool.path()), Vec::<u64>::new());
    let none = run(&[], &["logs", "ship"]).await;
    assert!(stderr(&none).contains("write logship.endpoint and logship.file"), "{}", stderr(&none));

    // What a running process is writing is its own to send.
    let _process = Process::start(&sections(&loggly, spool.path(), "interval: 1h")).await;
    let beside = run(&env, &["logs", "ship"]).await;
    assert_eq!(stdout(&beside), "0 log lines are shipped\n", "{}", stderr(&beside));
    let second = run(
        &[("CHASSIS_LOGSHIP__ENABLED", "true"), env[0], env[1]],
        &["serve", "--set", "server.listen=http://127.0.0.1:0", "--set", "server.admin=http://127.0.0.1:0"],
    )
    .await;
    assert!(stderr(&second).contains("give each process a logship.file of its own"), "{}", stderr(&second));
}

#[tokio::test]
async fn the_token_is_read_anew_and_nowhere_to_be_seen() {
    let (loggly, spool) = (Loggly::start().await, spool());
    let endpoint = spool.path().join("endpoint");
    fs::write(&endpoint, loggly.url()).unwrap();
    let directory = spool.path().join("spool");
    let log_file = spool.path().join("service.log");
    let sections = format!(
        "logging: {{file: {}, level: DEBUG}}\nlogship: {{enabled: true, endpoint_file: {}, file: {}, interval: 10ms}}",
        log_file.display(),
        endpoint.display(),
        directory.join("ship.log").display(),
    );
    let mut process = Process::start(&sections).await;
    fs::write(&endpoint, loggly.url().replace(TOKEN, "revoked")).unwrap();
    log(&process, tokens("a", 1)).await;
    let warning = process.logs("log lines are not shipped").await;
    assert!(warning.contains("403 Forbidden") && !warning.contains("revoked"), "{warning}");
    fs::write(&endpoint, loggly.url()).unwrap();
    process.logs("log lines are shipped again").await;
    let shown = run(&[], &["config", "print", "--config", process.file().to_str().unwrap()]).await;
    let all = fs::read_to_string(&log_file).unwrap() + stdout(&shown) + &loggly.lines().concat();
    assert!(!all.contains(TOKEN) && !all.contains("revoked"));
}
