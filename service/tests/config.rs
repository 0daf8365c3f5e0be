//! Contract 1.4 and 0b.9 through the command line, and the commands themselves.

#![cfg(test)]

mod support;

use std::fs;

use support::{
    process::{Process, command, run, stderr, stdout},
    running::Running,
};

type Variables<'a> = &'a [(&'a str, &'a str)];
type Words<'a> = &'a [&'a str];

/// `microservice config print` with this file and these variables.
async fn printed(yaml: &str, env: Variables<'_>, args: Words<'_>) -> std::process::Output {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("service.yaml");
    fs::write(&file, yaml).unwrap();
    let args = [&["config", "print", "--config", file.to_str().unwrap()], args].concat();
    run(env, &args).await
}

/// contract 1.4.26, contract 3.2.14
#[tokio::test]
async fn layers() {
    let file = "profile: message\nserver: {listen: 'http://0.0.0.0:7000', workers: 5, timeout: 30s}";
    let platform =
        [("PORT", "8080"), ("WEB_CONCURRENCY", "2"), ("PYMICRO_CONCURRENCY", "3"), ("PYMICRO_GEVENT", "6")];
    let cases: [(&str, Variables, Words, Words); 8] = [
        (
            "",
            &[],
            &[],
            &[
                "profile: all ",
                "workers: 4 ",
                "listen: http://0.0.0.0:8080 ",
                "timeout: 60s ",
                "max_body: 1Mi ",
            ],
        ),
        ("", &platform, &[], &["workers: 3 ", "requests_per_worker: 6 ", "listen: http://0.0.0.0:8080 "]),
        (
            file,
            &platform,
            &[],
            &["profile: message ", "workers: 5 ", "listen: http://0.0.0.0:7000 ", "requests_per_worker: 6 "],
        ),
        (
            file,
            &[("PYMICRO_TIMEOUT", "90"), ("PYMICRO", "http://h:1")],
            &[],
            &["timeout: 90s ", "listen: http://h:1 "],
        ),
        (file, &[("PYMICRO_SERVER", "http://h:2")], &[], &["listen: http://h:2 "]),
        (
            file,
            &[("CHASSIS_SERVER__WORKERS", "6"), ("CHASSIS_PROFILE", "all")],
            &[],
            &["workers: 6 ", "profile: all "],
        ),
        (file, &[("CHASSIS_SERVER__WORKERS", "6")], &["--set", "server.workers=7"], &["workers: 7  # --set"]),
        (file, &[("CHASSIS_SERVER__TIMEOUT", "1m"), ("PYMICRO_TIMEOUT", "90")], &[], &["timeout: 60s "]),
    ];
    for (yaml, env, args, expected) in cases {
        let output = printed(yaml, env, args).await;
        assert!(output.status.success(), "{}", stderr(&output));
        for line in expected {
            assert!(
                stdout(&output).contains(line),
                "{env:?} {args:?}: {line} is not in\n{}",
                stdout(&output)
            );
        }
    }
}

#[tokio::test]
async fn a_printed_configuration_can_be_read_again() {
    let output =
        printed("service: {name: \"a: 'b' \\\"c\\\" # d\"}\nmessage: {failure_rate: 0.3}", &[], &[]).await;
    let first = stdout(&output).to_owned();
    let again = printed(&first, &[], &[]).await;
    let values = |text: &str| {
        text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(stdout(&again)), values(&first), "{}", stderr(&again));
}

/// contract 1.5.28, contract 0b.9
#[tokio::test]
async fn bad_values_are_refused_with_code_64_all_at_once_and_say_what_to_write() {
    let yaml = "
profile: massage
server: {workers: 0, timeout: soon, max_body: 1MB, listen: 'www.x.com', worker: 3}
message: {failure_rate: 2, time_format: epoch}
fibonacci: {max_count: 100001}
logging: {level: LOUD, format: xml}
service: {version: 1.10}
colour: blue
";
    let env = [("CHASSIS_SERVER__DRAIN_TIMEOUT", "0s"), ("CHASSIS_SERVER__WROKERS", "3")];
    for command in [&["serve"][..], &["config", "check"], &["config", "print"]] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("service.yaml");
        fs::write(&file, yaml).unwrap();
        let output = run(&env, &[command, &["--config", file.to_str().unwrap()]].concat()).await;
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(64), "{text}");
        for expected in [
            "15 problems in the configuration",
            "\"massage\" is not valid; write all, message, fibonacci, catalog, directory, users",
            "\"0\" is not valid; write a whole number from 1 to 1024, for example 4",
            "\"soon\" is not valid; write a duration longer than zero such as 500ms, 60s, 5m or 1h",
            "\"1MB\" is not valid; write a number of bytes such as 65536, 64Ki, 1Mi or 1Gi",
            "\"www.x.com\" is not valid; write a URL such as http://0.0.0.0:8080",
            "\"2\" is not valid; write a number from 0.0 to 1.0",
            "\"epoch\" is not valid; write string or number",
            "\"100001\" is not valid; write a whole number from 1 to 100000, for example 10000",
            "\"LOUD\" is not valid; write one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
            "\"xml\" is not valid; write cst, pymicro, brief, json-dev, json-prod or json-es",
            "is a number or a truth value, not a text; put it in quotes",
            "server.worker (file",
            "did you mean server.workers?",
            "colour (file",
            "unknown key; known sections: api, ",
            "server.drain_timeout (variable CHASSIS_SERVER__DRAIN_TIMEOUT)",
            "variable CHASSIS_SERVER__WROKERS: unknown; did you mean CHASSIS_SERVER__WORKERS?",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}

/// contract 1.4.25, contract 0b.9
#[tokio::test]
async fn a_bad_legacy_value_warns_and_the_service_starts() {
    let env = [
        ("PYMICRO_CONCURRENCY", "lots"),
        ("PYMICRO", "http://:5000"),
        ("PYMICRO_LOGLEVEL", "LOUD"),
        ("PYMICRO_SEND_METRICS", "yes"),
    ];
    let output = run(&env, &["config", "check"]).await;
    assert!(output.status.success());
    for expected in [
        "variable PYMICRO_CONCURRENCY ignored: \"lots\" is not valid; write a whole number from 1 to 1024, for example 4; server.workers stays 4",
        "variable PYMICRO ignored: \"http://:5000\" is not valid",
        "variable PYMICRO_LOGLEVEL ignored",
        "variable PYMICRO_SEND_METRICS ignored: \"yes\" is not valid; write true or false; metrics.push stays false",
    ] {
        assert!(stderr(&output).contains(expected), "{expected} is not in\n{}", stderr(&output));
    }
}

/// contract 1.4.26
#[tokio::test]
async fn the_file_is_named_by_the_flag_then_chassis_config_then_pymicro_config() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, workers: u32| {
        let path = directory.path().join(name);
        fs::write(&path, format!("server: {{workers: {workers}}}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (flag, chassis, pymicro) = (file("a", 11), file("b", 12), file("c", 13));
    let both = [("CHASSIS_CONFIG", chassis.as_str()), ("PYMICRO_CONFIG", pymicro.as_str())];
    for (env, args, workers) in [
        (&both[..], &["--config", flag.as_str()][..], "workers: 11 "),
        (&both, &[], "workers: 12 "),
        (&both[1..], &[], "workers: 13 "),
    ] {
        let output = run(env, &[&["config", "print"], args].concat()).await;
        assert!(stdout(&output).contains(workers), "{workers} is not in\n{}", stdout(&output));
    }
    let missing = run(&[("CHASSIS_CONFIG", "/nowhere.yaml")], &["config", "check"]).await;
    assert_eq!(missing.status.code(), Some(64));
    assert!(stderr(&missing).contains("/nowhere.yaml: cannot be read: No such file"), "{}", stderr(&missing));
}

#[tokio::test]
async fn the_json_format_has_value_and_origin_of_each_key() {
    let output = run(&[("PORT", "81")], &["config", "print", "--format", "json"]).await;
    let printed: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    let listen = serde_json::json!({"value": "http://0.0.0.0:81", "origin": "variable PORT", "live": false});
    assert_eq!(printed["server.listen"], listen);
    assert_eq!(printed["server.workers"]["live"], true);
}

/// contract 1.6.33
#[tokio::test]
async fn the_env_format_is_what_a_shell_script_reads() {
    let output = run(&[("PORT", "81")], &["config", "print", "--format", "env"]).await;
    let expected = "PYMICRO=http://0.0.0.0:81\nPYMICRO_HOST=0.0.0.0\nPYMICRO_PORT=81\nPYMICRO_SEND_METRICS=false\n\
        PYMICRO_STATSD=http://0.0.0.0:9125\nPYMICRO_STATSD_HOST=0.0.0.0\nPYMICRO_STATSD_PORT=9125\n";
    assert_eq!(stdout(&output), expected);
}

#[tokio::test]
async fn a_taken_port_is_a_failure_that_names_it() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", taken.local_addr().unwrap());
    let output = run(&[("CHASSIS_SERVER__LISTEN", &url)], &[]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains(&format!("cannot listen on {url}: Address already in use")),
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn fetch_is_a_client_and_healthcheck_a_probe() {
    let process = Process::start("").await;
    let url = |path: &str| format!("http://{}{path}", process.service);
    let posted = run(&[], &["fetch", &url("/microservice"), "--data", "{\"hello\":\"world\"}"]).await;
    assert!(
        posted.status.success() && stdout(&posted).ends_with("\"pymicro.ret\":0,\"hello\":\"world\"}\n"),
        "{posted:?}"
    );
    let got = run(&[], &["fetch", &url("/status"), "--timeout", "5s"]).await;
    assert_eq!(
        stdout(&got),
        "{\"last_migration\":\"roles v0\",\"name\":\"Microservice\",\"version\":\"N/A\"}\n"
    );

    let refused = run(&[], &["fetch", &url("/microservice"), "--data", "[]"]).await;
    assert_eq!((refused.status.code(), stderr(&refused)), (Some(1), "400 Bad Request\n"));
    assert_eq!(stdout(&refused), "{\"message\":\"input should be single JSON object\"}\n");
    for (url, reason) in [
        ("https://u:p@h", "without a user and a password"),
        ("ftp://h", "cannot be fetched"),
        ("x", "cannot be fetched"),
        ("http://127.0.0.1:1", "no answer from"),
    ] {
        let failed = run(&[], &["fetch", url]).await;
        assert!(
            failed.status.code() == Some(1) && stderr(&failed).contains(reason),
            "{url}: {}",
            stderr(&failed)
        );
    }

    let admin = format!("http://{}", process.admin);
    let healthy = command().env("CHASSIS_SERVER__ADMIN", &admin).arg("healthcheck").status().await.unwrap();
    assert_eq!(healthy.code(), Some(0));
    drop(process);
    let gone = command().env("CHASSIS_SERVER__ADMIN", &admin).arg("healthcheck").output().await.unwrap();
    assert_eq!(gone.status.code(), Some(1));
}

#[tokio::test]
async fn fetch_gives_up_after_its_timeout() {
    let running = Running::bundled(&[("CHASSIS_MESSAGE__DELAY", "50s")]).await;
    let url = format!("http://{}/microservice", running.service);
    let output = run(&[], &["fetch", &url, "--data", "{}", "--timeout", "100ms"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("within 100ms"), "{}", stderr(&output));
}
