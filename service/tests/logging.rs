//! Contract 4.2, 1.5.29, 2.3.11-13 and 5.8.31: what is logged, as a running program writes it.

#![cfg(test)]

mod support;

use std::{fs, net::TcpListener, time::Duration};

use serde_json::Value;
use support::{
    http::{Connection, get},
    process::{Process, run, stderr, stdout},
    until,
};
use tokio::{net::TcpStream, time::sleep};

/// The line of a request with a trace token, in a format.
async fn line(sections: &str) -> (Process, String, String) {
    let mut process = Process::start(sections).await;
    let mut connection = Connection::open(process.service).await;
    connection.send("GET /fibonacci/list?count=1 HTTP/1.1\r\nhost: x\r\napitrace: t\r\n\r\n").await;
    let id = connection.answer().await.header("x-operation-id").unwrap().to_owned();
    let line = process.logs("API CALL").await;
    (process, line, id)
}

/// contract 4.2.6, contract 4.2.8, contract 4.2.9
#[tokio::test]
async fn by_default_lines_are_text_on_standard_output_with_the_id_of_the_answer() {
    let (_process, line, id) = line("").await;
    let (time, rest) = line.split_once(" [").unwrap();
    assert!(time.len() == 23 && time.as_bytes()[19] == b',', "{time}");
    let expected = format!("INFO][{id}] microservice: API CALL: fibonacci_list_api TRACE: t");
    assert_eq!(rest, expected);
}

/// contract 1.5.29, contract 2.3.11, contract 2.3.12, contract 2.3.13, contract 5.8.31
#[tokio::test]
async fn each_format_can_be_chosen_and_has_the_operation_id() {
    for format in ["pymicro", "brief", "json-dev", "json-prod", "json-es", "json"] {
        let (_process, line, id) = line(&format!("logging: {{format: {format}}}")).await;
        assert!(
            line.contains(&id) && line.contains("API CALL: fibonacci_list_api TRACE: t"),
            "{format}: {line}"
        );
        let parsed: Option<Value> = serde_json::from_str(&line).ok();
        assert_eq!(parsed.is_some(), format.starts_with("json"), "{line}");
        if let Some(parsed) = parsed {
            let name =
                if format == "json-dev" || format == "json-prod" { "operationId" } else { "operation_id" };
            assert_eq!(parsed[name], id, "{line}");
        }
    }
}

/// contract 5.8.31
#[tokio::test]
async fn a_file_gets_every_line_too_and_is_put_aside_when_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logs/info.log");
    let sections = format!(
        "logging: {{file: {}, file_size: 2000, file_count: 2, index: users}}\nprofile: fibonacci",
        path.display()
    );
    let (mut process, text, id) = line(&sections).await;
    assert!(text.contains(&format!("[INFO][{id}]")), "standard output keeps its own format: {text}");
    // Each place is written to at its own pace.
    until((Value::from(id), Value::from("users")), async || {
        let file = fs::read_to_string(&path).unwrap();
        let last: Value =
            file.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        (last["operation_id"].clone(), last["index"].clone())
    })
    .await;
    let mut connection = Connection::open(process.service).await;
    for _ in 0..40 {
        connection.send("GET /fibonacci/list?count=1 HTTP/1.1\r\nhost: x\r\napitrace: t\r\n\r\n").await;
        assert_eq!(connection.answer().await.status, 200);
    }
    drop(connection);
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    let mut names: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .collect();
    names.sort();
    assert_eq!(
        names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["info.log", "info.log.1", "info.log.2"]
    );
    assert!(names.iter().all(|(_, length)| *length <= 2000), "{names:?}");
    for (name, _) in names {
        for line in fs::read_to_string(path.with_file_name(name)).unwrap().lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_a_failure_at_start_that_names_it() {
    let output = run(&[("CHASSIS_LOGGING__FILE", "/proc/nowhere/info.log")], &["serve"]).await;
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("/proc/nowhere/info.log") && text.contains("logging.file"), "{text}");
}

/// contract 4.2.7
#[tokio::test]
async fn the_level_holds_for_the_whole_program_whichever_variable_sets_it() {
    let mut process = Process::start("logging: {level: DEBUG}").await;
    assert_eq!(get(process.service, "/status").await.status, 200);
    let line = process.logs("path=\"/status\"").await;
    assert!(line.contains("[DEBUG]["), "{line}");
}

/// contract 1.5.29
#[tokio::test]
async fn a_file_of_python_s_logging_gives_level_and_format_and_tells_what_it_cannot() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("logging_config.ini");
    let ini = "[loggers]\nkeys=root\n[handlers]\nkeys=console\n[logger_root]\nlevel=DEBUG\nhandlers=console\n\
        [handler_console]\nclass=StreamHandler\nlevel=INFO\nformatter=pymicro\nargs=(sys.stdout,)\n";
    fs::write(&path, ini).unwrap();
    let mut process = Process::start(&format!("logging: {{config_file: {}}}", path.display())).await;
    assert_eq!(get(process.service, "/status").await.status, 200);
    let line = process.logs("path=\"/status\"").await;
    assert!(line.contains("-DEBUG-") && line.contains("front.rs-"), "{line}");

    let path = path.to_str().unwrap();
    for (env, level, warning) in [
        (&[("PYMICRO_LOGCONFIG", path)][..], "DEBUG", "handlers.console.level: has no effect here"),
        // What is set for the service itself wins.
        (&[("PYMICRO_LOGCONFIG", path), ("PYMICRO_LOGLEVEL", "WARN")], "WARNING", "handlers.console.level"),
        (
            &[("PYMICRO_LOGCONFIG", "/no/file.ini")],
            "INFO",
            "PYMICRO_LOGCONFIG ignored: /no/file.ini cannot be read",
        ),
    ] {
        let printed = run(env, &["config", "print"]).await;
        let text = stdout(&printed);
        assert!(text.contains(&format!("  level: {level}")), "{text}");
        let checked = run(env, &["config", "check"]).await;
        assert!(stderr(&checked).contains(warning), "{}", stderr(&checked));
    }
    let refused = run(&[("CHASSIS_LOGGING__CONFIG_FILE", "/no/file.ini")], &["config", "check"]).await;
    assert_eq!(refused.status.code(), Some(64));
    let said = stderr(&refused);
    assert!(
        said.contains("/no/file.ini cannot be read") && said.contains("write the path of a TOML"),
        "{said}"
    );
}

/// Sends `count` requests, each of which is a line of about 2 KiB.
async fn send(process: &Process, count: usize) {
    let mut connection = Connection::open(process.service).await;
    let path = format!("/nowhere/{}", "x".repeat(2000));
    for _ in 0..count {
        assert_eq!(connection.request("GET", &path, "").await.status, 404);
    }
}

/// A pipe holds 64 KiB, and the program 2 MiB more at most.
#[tokio::test]
async fn a_pipe_that_nobody_reads_stops_no_request_and_no_probe_and_what_it_loses_is_counted() {
    let mut process = Process::start("logging: {level: DEBUG}").await;
    let lost = async |process: &Process| -> u64 {
        let page = get(process.admin, "/metrics").await.body;
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix("chassis_log_lines_lost_total{place=\"stdout\"} "));
        line.unwrap_or_else(|| panic!("{page}")).parse().unwrap()
    };
    send(&process, 100).await;
    for probe in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(process.admin, probe).await.status, 200, "{probe}");
    }
    assert_eq!(lost(&process).await, 0, "there is room for a while");
    send(&process, 1400).await;
    assert!((100..1400).contains(&lost(&process).await), "{}", lost(&process).await);
    // It does not hold up the end for long either.
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn what_a_slow_reader_has_not_yet_taken_at_the_end_is_not_lost() {
    let mut process = Process::start("logging: {level: DEBUG}").await;
    send(&process, 200).await;
    process.signal("TERM").await;
    until(true, async || TcpStream::connect(process.admin).await.is_err()).await;
    // Nothing but the log keeps the program from ending now.
    sleep(Duration::from_millis(200)).await;
    let rest = process.rest().await;
    assert_eq!(rest.iter().filter(|line| line.contains("/nowhere/")).count(), 200);
    assert!(rest.iter().any(|line| line.contains("every request is answered")), "{:?}", rest.last());
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn what_was_logged_before_a_failure_at_the_start_is_not_lost() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("http://{}", taken.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("info.log");
    let env = [
        ("CHASSIS_SERVER__LISTEN", listen.as_str()),
        ("CHASSIS_LOGGING__FILE", file.to_str().unwrap()),
        ("PYMICRO_LOGCONFIG", "/no/file.ini"),
    ];
    let output = run(&env, &["serve"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("PYMICRO_LOGCONFIG ignored"), "{output:?}");
    assert!(fs::read_to_string(file).unwrap().contains("PYMICRO_LOGCONFIG ignored"));
}
