//! Notifications of the running program, to a real mail server and to what is as strict as Slack.

#![cfg(test)]

mod support;

use std::{fs, path::Path};

use serde_json::{Value, json};
use support::{
    http::get,
    mail::{MailServer, PASSWORD, USERNAME},
    process::{Process, run, stderr, stdout},
    slack::{CHANNEL, Slack, TOKEN},
    until,
};
use tempfile::TempDir;

/// A configuration whose notifications wait in `data`.
fn config(data: &TempDir, batch: &str, channels: &Value) -> String {
    let mut notify = channels.clone();
    notify["batch_minutes"] = json!(batch);
    json!({
        "profile": "quickstart",
        "service": { "name": "users" },
        "storage": { "data_dir": data.path().join("data") },
        "notify": notify,
    })
    .to_string()
}

async fn post(process: &Process, body: &str) -> u16 {
    support::http::post(process.service, "/", body).await.status
}

/// The value of a series of `/metrics`.
async fn metric(process: &Process, series: &str) -> Option<String> {
    let page = get(process.admin, "/metrics").await.body;
    page.lines().find_map(|line| Some(line.strip_prefix(series)?.trim().to_owned()))
}

/// contract 2.1.1, contract 2.4.19, contract 2.4.21, contract 2.4.22
#[tokio::test]
async fn messages_are_gathered_and_mailed_by_each_kind_of_connection() {
    for security in ["tls", "starttls", "none"] {
        let Some(server) = MailServer::start(security).await else { return };
        let data = tempfile::tempdir().unwrap();
        let email = server.section(&server.password_file());
        let process = Process::start(&config(&data, "300ms", &json!({ "email": email }))).await;
        assert_eq!(post(&process, "{\"message\": \"1 < 2\"}").await, 204);
        assert_eq!(server.texts(1).await, ["users\n1 < 2"], "{security}");
        let mail = &server.mails()[0];
        assert_eq!(
            *mail,
            json!({
                "envelope": { "from": USERNAME, "to": ["ops@example.com", "ann@example.com"] },
                "from": USERNAME,
                "to": "ops@example.com, Ann <ann@example.com>",
                "subject": "Notifications",
                "type": "multipart/alternative",
                "parts": ["text/plain", "text/html"],
                "text": mail["text"],
                "html": mail["html"],
            })
        );
        let html = mail["html"].as_str().unwrap().trim_end();
        assert_eq!(html, "<h3>users</h3><p><ul><li>1 &lt; 2</li></ul></p>");
        for message in ["two", "three"] {
            assert_eq!(post(&process, message).await, 204);
        }
        // One mail or two, but each message once.
        until("users\ntwo\nthree".to_owned(), async || {
            let mails = server.texts(server.mails().len()).await;
            let later = mails[1..].iter().map(|text| text.trim_start_matches("users\n"));
            format!("users\n{}", later.collect::<Vec<_>>().join("\n"))
        })
        .await;
        until(Some("3".to_owned()), async || {
            metric(&process, "chassis_notifications_sent_total{channel=\"email\"}").await
        })
        .await;
        assert_eq!(metric(&process, "chassis_notifications_queued_total").await.as_deref(), Some("3"));
    }
}

/// contract 2.4.21
#[tokio::test]
async fn while_the_mail_server_is_down_nothing_is_lost_and_then_everything_comes_once() {
    let Some(mut server) = MailServer::prepare("tls").await else { return };
    let data = tempfile::tempdir().unwrap();
    let email = server.section(&server.password_file());
    let mut process = Process::start(&config(&data, "100ms", &json!({ "email": email }))).await;
    for message in ["one", "two"] {
        assert_eq!(post(&process, message).await, 204);
    }
    let line = process.logs("notifications are not sent by email and kept: localhost:").await;
    assert!(line.contains("[WARNING]") && line.contains("Connection refused"), "{line}");
    process.logs("notifications are not sent by email").await;
    server.run().await;
    assert_eq!(server.texts(1).await, ["users\none\ntwo"]);
    process.logs("2 notifications are sent by email").await;
    assert_eq!(post(&process, "three").await, 204);
    assert_eq!(server.texts(2).await[1], "users\nthree");
    let failed = "chassis_notifications_failed_deliveries_total{channel=\"email\"}";
    assert_ne!(metric(&process, failed).await.as_deref(), Some("0"));
}

/// contract 2.4.21
#[tokio::test]
async fn a_message_that_is_refused_for_good_stops_no_other_and_waits_for_a_person() {
    let Some(server) = MailServer::start("tls").await else { return };
    let data = tempfile::tempdir().unwrap();
    let config = config(&data, "30", &json!({ "email": server.section(&server.password_file()) }));
    let file = data.path().join("service.yaml");
    fs::write(&file, &config).unwrap();
    let notify = async |args: &[&str]| {
        run(&[], &[&["notify"], args, &["--config", file.to_str().unwrap()]].concat()).await
    };
    for message in ["one", "two", "SPAM", "four"] {
        assert_eq!(notify(&["send", message]).await.status.code(), Some(0));
    }
    let flushed = notify(&["flush"]).await;
    assert_eq!((flushed.status.code(), stdout(&flushed)), (Some(0), "email: 3 sent\n"));
    assert!(
        stderr(&flushed).contains("1 messages are set aside: microservice notify list"),
        "{}",
        stderr(&flushed)
    );
    assert_eq!(server.texts(2).await, ["users\none\ntwo", "users\nfour"], "in their order");
    let list = notify(&["list"]).await;
    let list = stdout(&list);
    assert!(
        list.contains("email to everybody: ") && list.contains("554") && list.contains("users: SPAM"),
        "{list}"
    );
    let retried = notify(&["retry"]).await;
    assert_eq!(retried.status.code(), Some(1));
    assert!(stderr(&retried).contains("1: refused again: ") && stderr(&retried).contains("554"));
    assert_eq!(notify(&["discard", "1"]).await.status.code(), Some(0));
    assert_eq!(stdout(&notify(&["list"]).await), "");
    let unknown = notify(&["discard", "1"]).await;
    assert!(stderr(&unknown).contains("there is no message 1; microservice notify list shows"));
}

#[tokio::test]
async fn a_recipient_who_has_left_keeps_mails_from_nobody_else() {
    let Some(server) = MailServer::start("tls").await else { return };
    let data = tempfile::tempdir().unwrap();
    let mut email = server.section(&server.password_file());
    email["to"] = json!("ops@example.com, gone@example.com, Ann <ann@example.com>");
    let mut process = Process::start(&config(&data, "100ms", &json!({ "email": email }))).await;
    assert_eq!(post(&process, "one").await, 204);
    let warning =
        process.logs("1 notifications are refused by email for gone@example.com and set aside").await;
    assert!(warning.contains("550"), "{warning}");
    let recipients = async || {
        let mails = server.mails();
        mails.iter().map(|mail| mail["envelope"]["to"].to_string()).collect::<Vec<_>>()
    };
    until(vec!["[\"ops@example.com\"]".to_owned(), "[\"ann@example.com\"]".to_owned()], recipients).await;
    let refused = "chassis_notifications_refused_total{channel=\"email\"}";
    assert_eq!(metric(&process, refused).await.as_deref(), Some("1"));
}

/// contract 2.4.20
#[tokio::test]
async fn what_was_taken_outlives_a_kill_and_is_sent_by_the_next_start() {
    let Some(mut server) = MailServer::prepare("tls").await else { return };
    let data = tempfile::tempdir().unwrap();
    let config = config(&data, "30", &json!({ "email": server.section(&server.password_file()) }));
    let mut process = Process::start(&config).await;
    for number in 0..20 {
        assert_eq!(post(&process, &number.to_string()).await, 204);
    }
    process.signal("KILL").await;
    assert_eq!(process.exit_code().await, None);
    server.run().await;
    let mut process = Process::start(&config).await;
    let all: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(server.texts(1).await, [format!("users\n{}", all.join("\n"))]);
    process.logs("20 notifications are sent by email").await;
}

/// contract 2.4.21
#[tokio::test]
async fn the_end_sends_what_waits() {
    let Some(server) = MailServer::start("tls").await else { return };
    let data = tempfile::tempdir().unwrap();
    let email = server.section(&server.password_file());
    let mut process = Process::start(&config(&data, "30", &json!({ "email": email }))).await;
    assert_eq!(post(&process, "the last words").await, 204);
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0));
    assert_eq!(server.texts(1).await, ["users\nthe last words"]);
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_mail_server_that_says_nothing() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let data = tempfile::tempdir().unwrap();
    let email = json!({
        "enabled": true, "server": "localhost", "port": silent.local_addr().unwrap().port(),
        "username": USERNAME, "password": PASSWORD, "to": "ops@example.com",
    });
    let mut config: Value = serde_json::from_str(&config(&data, "30", &json!({ "email": email }))).unwrap();
    config["server"] = json!({ "drain_timeout": "100ms" });
    let mut process = Process::start(&config.to_string()).await;
    assert_eq!(post(&process, "kept").await, 204);
    process.signal("TERM").await;
    process.logs("not all notifications are sent, they are kept for the next start").await;
    assert_eq!(process.exit_code().await, Some(0));
}

/// contract 2.2.9, contract 2.2.6
#[tokio::test]
async fn a_wrong_password_loses_nothing_and_the_right_one_in_its_file_needs_no_restart() {
    let Some(server) = MailServer::start("tls").await else { return };
    let data = tempfile::tempdir().unwrap();
    let password = data.path().join("password");
    fs::write(&password, "wrong geheim").unwrap();
    let email = server.section(password.to_str().unwrap());
    let mut process = Process::start(&config(&data, "100ms", &json!({ "email": email }))).await;
    assert_eq!(post(&process, "one").await, 204);
    let line = process.logs("notifications are not sent by email and kept").await;
    assert!(line.contains("does not take the mail") && line.contains("535"), "{line}");
    assert!(!line.contains("geheim"), "{line}");
    until(true, async || server.refused() > 0).await;
    assert!(server.mails().is_empty());
    // As an agent of a vault does it: a new file over the old one.
    let new = data.path().join("password.new");
    fs::write(&new, PASSWORD).unwrap();
    fs::rename(&new, &password).unwrap();
    assert_eq!(server.texts(1).await, ["users\none"]);
    // And again, while it runs.
    server.set_password("another");
    fs::write(&password, "another\n").unwrap();
    assert_eq!(post(&process, "two").await, 204);
    assert_eq!(server.texts(2).await[1], "users\ntwo");
}

/// contract 2.4.19, contract 2.4.23
#[tokio::test]
async fn slack_gets_posts_and_what_it_refuses_is_kept() {
    let slack = Slack::start().await;
    let data = tempfile::tempdir().unwrap();
    slack.refuses(Some("channel_is_archived"));
    slack.limits(1);
    let mut process = Process::start(&config(&data, "100ms", &json!({ "slack": slack.section() }))).await;
    let long = "x".repeat(9000);
    for message in ["1 < 2", &long] {
        assert_eq!(post(&process, message).await, 204);
    }
    let line = process.logs("notifications are not sent by slack").await;
    assert!(line.contains("Slack refuses: channel_is_archived") && !line.contains(TOKEN), "{line}");
    assert!(slack.posts().is_empty());
    slack.refuses(None);
    process.logs("2 notifications are sent by slack").await;
    let posts = slack.posts();
    assert_eq!(
        posts[0],
        json!({ "channel": CHANNEL, "text": "```users\n1 &lt; 2```", "icon_emoji": ":newspaper:" })
    );
    let rest: String =
        posts[1..].iter().map(|post| post["text"].as_str().unwrap().trim_matches('`')).collect();
    assert_eq!(rest, format!("users\n{long}"));
    // What Slack asks to be waited for is no failure.
    let failed = "chassis_notifications_failed_deliveries_total{channel=\"slack\"}";
    let before = metric(&process, failed).await;
    slack.limits(2);
    assert_eq!(post(&process, "three").await, 204);
    process.logs("1 notifications are sent by slack").await;
    assert_eq!((slack.limits_left(), slack.posts().len()), (0, posts.len() + 1));
    assert_eq!(metric(&process, failed).await, before);
}

/// contract 2.4.19
#[tokio::test]
async fn a_channel_that_fails_makes_the_other_one_send_nothing_twice() {
    let Some(server) = MailServer::start("tls").await else { return };
    let slack = Slack::start().await;
    slack.refuses(Some("fatal_error"));
    let data = tempfile::tempdir().unwrap();
    let channels = json!({ "email": server.section(&server.password_file()), "slack": slack.section() });
    let mut process = Process::start(&config(&data, "100ms", &channels)).await;
    assert_eq!(post(&process, "one").await, 204);
    assert_eq!(server.texts(1).await, ["users\none"]);
    for _ in 0..2 {
        process.logs("notifications are not sent by slack").await;
    }
    slack.refuses(None);
    until(1, async || slack.posts().len()).await;
    // What comes next shows that nothing came in between.
    assert_eq!(post(&process, "two").await, 204);
    assert_eq!(server.texts(2).await[1], "users\ntwo");
    until(2, async || slack.posts().len()).await;
}

#[tokio::test]
async fn messages_can_be_left_and_sent_from_the_command_line() {
    let Some(server) = MailServer::start("tls").await else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("service.yaml");
    let password = directory.path().join("password");
    fs::write(&password, "wrong").unwrap();
    let email = server.section(password.to_str().unwrap());
    fs::write(&file, config(&directory, "30", &json!({ "email": email }))).unwrap();
    let notify = async |args: &[&str]| {
        run(&[], &[&["notify"], args, &["--config", file.to_str().unwrap()]].concat()).await
    };
    for message in ["one", "two"] {
        assert_eq!(notify(&["send", message]).await.status.code(), Some(0));
    }
    let refused = notify(&["flush"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("email: localhost:") && stderr(&refused).contains("535"),
        "{refused:?}"
    );
    fs::write(&password, PASSWORD).unwrap();
    // Two processes at once: one of them sends.
    let (one, other) = tokio::join!(notify(&["flush"]), notify(&["flush"]));
    let mut said = [stdout(&one), stdout(&other)];
    said.sort_unstable();
    assert_eq!(said, ["email: 0 sent\n", "email: 2 sent\n"], "{one:?} {other:?}");
    assert_eq!(server.texts(1).await, ["users\none\ntwo"]);

    let empty = notify(&["send", " "]).await;
    assert_eq!((empty.status.code(), stderr(&empty)), (Some(1), "microservice: the message is empty\n"));
    let off = run(&[], &["notify", "send", "x"]).await;
    assert_eq!(off.status.code(), Some(1));
    assert!(stderr(&off).contains("notifications are off; set notify.email.enabled"), "{off:?}");
}

/// contract 1.5.28
#[tokio::test]
async fn a_directory_that_cannot_be_made_stops_the_start() {
    let env = [
        ("CHASSIS_STORAGE__DATA_DIR", "/proc/nowhere/data"),
        ("CHASSIS_NOTIFY__SLACK__ENABLED", "true"),
        ("CHASSIS_NOTIFY__SLACK__TOKEN", TOKEN),
        ("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0"),
        ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0"),
    ];
    let output = run(&env, &["serve"]).await;
    assert_eq!(output.status.code(), Some(1));
    let reason =
        "/proc/nowhere/data/notifications.db cannot be used; name another notify.file or storage.data_dir";
    assert!(stderr(&output).contains(reason), "{output:?}");
    assert!(!Path::new("/proc/nowhere").exists());
}
