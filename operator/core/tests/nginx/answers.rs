//! What a running nginx answers, before a service that answers with the request's head.

use std::{fs, io::Write, net::TcpListener};

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    program::config,
    proxy::{Proxy, certificate, curl, free_port, read_until, until},
};

#[test]
#[ignore = "needs nginx"]
fn answers_are_compressed_for_those_who_ask() {
    let proxy = Proxy::new("gzip", &json!({ "proxy": { "gzip": true } }), false);
    let zipped = proxy.get("/", &["--header", "Accept-Encoding: gzip"]);
    assert!(zipped.contains("Content-Encoding: gzip"), "{zipped}");
    assert!(zipped.len() < 2000, "{} bytes", zipped.len());
    assert!(!proxy.get("/", &[]).contains("Content-Encoding"));
}

#[test]
#[ignore = "needs nginx"]
fn a_client_that_asks_too_often_gets_429_but_the_kubelet_does_not() {
    let limited = json!({ "proxy": { "rateLimit": { "requestsPerSecond": 1, "burst": 2 } } });
    let proxy = Proxy::new("limit", &limited, false);
    let answers: Vec<_> = (0..8).map(|_| proxy.get("/", &[])).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.contains(" 429 ")).collect();
    assert!(answers[0].contains(" 200 ") && refused.len() >= 4, "{answers:?}");
    assert!(
        refused[0].contains("Retry-After: 1") && refused[0].contains(r#"{"message":"Too Many Requests"}"#)
    );
    assert!((0..8).all(|_| proxy.ready().contains(" 200 ")));
}

#[test]
#[ignore = "needs nginx"]
fn only_trusted_proxies_say_who_the_client_is() {
    let says = ["--header", "X-Forwarded-For: 203.0.113.9, 10.1.1.1", "--header", "X-Forwarded-Proto: https"];
    let stranger = Proxy::new("stranger", &json!({ "proxy": { "trustedProxies": ["10.0.0.0/8"] } }), false);
    let seen = stranger.get("/", &says);
    assert!(seen.contains("X-Real-IP: 127.0.0.1") && seen.contains("X-Forwarded-Proto: http\\r"), "{seen}");

    let trusted = json!({ "proxy": { "trustedProxies": ["10.0.0.0/8", "127.0.0.1"] } });
    let seen = Proxy::new("trusted", &trusted, false).get("/", &says);
    for header in [
        "X-Real-IP: 203.0.113.9\\r",
        "X-Forwarded-For: 203.0.113.9, 10.1.1.1, 127.0.0.1\\r",
        "X-Forwarded-Proto: https\\r",
    ] {
        assert!(seen.contains(header), "{header} is not in {seen}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn a_new_certificate_is_used_without_a_restart() {
    let proxy = Proxy::new("tls", &json!({ "proxy": { "tls": { "secretName": "t" } } }), false);
    let answer = proxy.get_tls("/");
    assert!(answer.contains("CN=first") && answer.contains("X-Forwarded-Proto: https"), "{answer}");
    certificate(&proxy.folder, "second");
    assert!(until(|| proxy.get_tls("/").contains("CN=second")), "{}", proxy.get_tls("/"));
}

#[test]
#[ignore = "needs nginx"]
fn a_snippet_works_and_keeps_the_kubelet_s_question_open() {
    let server = "deny all;\nadd_header X-Extra $extra always;\nlocation /open { allow all; return 204; }";
    let http = "map $host $extra {\n    default yes;\n}";
    let spec = json!({ "proxy": { "extraConfig": { "http": http, "server": server } } });
    let proxy = Proxy::new("snippet", &spec, false);
    let refused = proxy.get("/", &[]);
    assert!(refused.contains(" 403 ") && refused.contains("X-Extra: yes"), "{refused}");
    assert!(proxy.get("/open", &[]).contains(" 204 "));
    assert!(proxy.ready().contains(" 200 "));
}

/// peers: restate-operator#93
#[test]
#[ignore = "needs nginx"]
fn ipv6_is_served_where_pods_have_it() {
    if fs::read_to_string("/proc/net/if_inet6").unwrap_or_default().is_empty() {
        eprintln!("this machine has no IPv6: only what nginx is told is tested");
        assert!(config(&json!({}), true).unwrap().contains("listen [::]:8081 ipv6only=on;"));
        return;
    }
    let proxy = Proxy::new("ipv6", &json!({}), true);
    let answer = curl(&format!("http://[::1]:{}/", proxy.http), &[]);
    assert!(answer.contains(" 200 "), "{answer}");
    assert!(proxy.get("/", &[]).contains(" 200 "), "IPv4 goes on");
}

/// Server-level directives stand before every location: none may come between the kubelet and the service.
#[rstest]
#[case::https("if ($http_x_forwarded_proto != https) { return 301 https://$host$request_uri; }", " 301 ")]
#[case::host("if ($host != shop.example.com) { return 403; }", " 403 ")]
#[case::all("return 503;", " 503 ")]
#[case::rewrite("rewrite ^ /elsewhere last;", " 200 ")]
#[case::rights("deny all;", " 403 ")]
#[case::password("auth_basic shop; auth_basic_user_file /tmp/none;", " 401 ")]
#[case::subrequest("auth_request /who; location = /who { return 403; }", " 403 ")]
#[case::connections("limit_conn all 1; location = /a { limit_conn all 1; return 204; }", " 200 ")]
#[ignore = "needs nginx"]
fn a_snippet_that_redirects_or_refuses_leaves_the_pod_ready(#[case] server: &str, #[case] clients: &str) {
    let http = "limit_conn_zone $server_name zone=all:1m;";
    let spec = json!({ "proxy": { "extraConfig": { "http": http, "server": server } } });
    assert!(config(&spec, false).is_some(), "the snippet is taken");
    let proxy = Proxy::new("redirect", &spec, false);
    let answer = proxy.get("/", &[]);
    assert!(answer.contains(clients), "what the snippet is for: {answer}");
    assert_eq!(clients == " 401 ", answer.contains("WWW-Authenticate: "), "{answer}");
    assert!(proxy.ready().contains(" 200 "), "{}", proxy.ready());
}

#[test]
#[ignore = "needs nginx"]
fn rights_of_the_whole_http_block_leave_the_pod_ready() {
    let http = "deny all;\nlimit_req_zone $server_name zone=slow:1m rate=1r/m;\nlimit_req zone=slow;";
    let proxy = Proxy::new("http-rights", &json!({ "proxy": { "extraConfig": { "http": http } } }), false);
    assert!(proxy.get("/", &[]).contains(" 403 "));
    assert!((0..5).all(|_| proxy.ready().contains(" 200 ")), "{}", proxy.ready());
}

/// It was 43,200 lines a day and pod.
#[test]
#[ignore = "needs nginx"]
fn a_healthy_image_without_the_admin_port_logs_no_error() {
    let service = Proxy::new("backend", &json!({}), false);
    let proxy = Proxy::before("no-admin", &json!({ "image": "app:1" }), false, service.http, free_port());
    assert!(proxy.ready().contains(" 200 "));
    assert_eq!(proxy.log("err"), "");
    assert_eq!(proxy.log("out"), "");

    // But one whose port is wrong as well says so.
    let wrong = Proxy::before("no-port", &json!({ "image": "app:1" }), false, free_port(), free_port());
    assert!(wrong.ready().contains(" 502 "));
    assert!(wrong.log("err").contains("Connection refused"), "{}", wrong.log("err"));
}

/// Status, and what is sent.
fn faulty() -> Vec<(u16, String)> {
    let host = "Host: a\r\nConnection: close\r\n";
    vec![
        (400, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into()),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into()),
        (400, "nonsense\r\n\r\n".into()),
        (400, format!("GET /..%2f.. HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n")),
        (404, format!("GET /metrics HTTP/1.1\r\n{host}\r\n")),
        (404, format!("GET /-/error_json HTTP/1.1\r\n{host}\r\n")),
        (405, format!("TRACE / HTTP/1.1\r\n{host}\r\n")),
        (413, format!("POST / HTTP/1.1\r\n{host}Content-Length: 2000000\r\n\r\n")),
        (414, format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(80_000))),
        (431, format!("GET / HTTP/1.1\r\n{host}X-Large: {}\r\n\r\n", "x".repeat(80_000))),
        (501, format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: rot13\r\n\r\n")),
        (502, format!("GET /page.html HTTP/1.1\r\n{host}\r\n")),
        (505, format!("GET / HTTP/3.0\r\n{host}\r\n")),
    ]
}

#[test]
#[ignore = "needs nginx"]
fn every_error_of_nginx_has_one_form_and_a_request_id() {
    let proxy = Proxy::before("errors", &json!({ "image": "app:1" }), false, free_port(), free_port());
    for (status, request) in faulty() {
        let answer = proxy.send(&request);
        let sent: String = request.chars().take(80).collect();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{sent}: {answer:?}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{sent}: {answer}");
        assert!(head.contains("Content-Type: application/json"), "{sent}: {answer}");
        assert!(head.contains("X-Request-Id: "), "{sent}: {answer}");
        let body: Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{sent}: {error}: {answer}"));
        assert!(body["message"].as_str().is_some_and(|words| !words.is_empty()), "{sent}: {answer}");
    }
    for accept in ["text/plain", "text/html,application/xhtml+xml,*/*;q=0.8"] {
        let answer = proxy.get("/page.html", &["--header", &format!("Accept: {accept}")]);
        assert!(
            answer.contains("Content-Type: text/plain") && answer.ends_with("\n\r\nBad Gateway\n"),
            "{answer}"
        );
    }
    let answer = proxy.get("/", &["--header", "Accept: application/json", "--head"]);
    assert!(answer.contains(" 502 ") && answer.contains("application/json"), "{answer}");
}

#[test]
#[ignore = "needs nginx"]
fn plain_http_on_the_port_for_https_gets_the_one_form_too() {
    let proxy = Proxy::new("plain", &json!({ "proxy": { "tls": { "secretName": "t" } } }), false);
    let answer = curl(&format!("http://127.0.0.1:{}/", proxy.https), &[]);
    assert!(answer.contains(" 400 ") && answer.ends_with("{\"message\":\"Bad Request\"}\n"), "{answer}");
}

#[test]
#[ignore = "needs nginx"]
fn an_error_page_of_the_user_wins_over_ours() {
    let server = "error_page 404 /mine;\nlocation = /mine { return 200 mine; }";
    let spec = json!({ "proxy": { "extraConfig": { "server": server } } });
    let answer = Proxy::new("own-page", &spec, false).get("/metrics", &[]);
    assert!(answer.contains(" 404 ") && answer.ends_with("mine"), "{answer}");
}

#[test]
#[ignore = "needs nginx"]
fn a_request_id_is_made_where_missing_passed_on_and_logged() {
    let proxy = Proxy::new("id", &json!({ "proxy": { "accessLog": true } }), false);
    let given =
        proxy.get("/given?secret=x", &["--header", "X-Request-Id: shop-1", "--user-agent", "a \"b\" \u{fc}"]);
    assert_eq!(given.matches("X-Request-Id: shop-1").count(), 2, "to the service and back: {given}");
    let made = proxy.get("/made", &["--header", "X-Request-Id: a\"b"]);
    let id = made.split("X-Request-Id: ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(id.len(), 32, "{made}");
    assert_eq!(made.matches(id).count(), 2, "{made}");
    proxy.get("/%ff%22", &[]);

    assert!(until(|| proxy.log("out").contains("%ff")), "{}", proxy.log("out"));
    let line = |path: &str| -> Value {
        let log = proxy.log("out");
        let mut lines =
            log.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        lines.find(|line| line["uri"] == path).unwrap_or_else(|| panic!("{path}: {log}"))
    };
    assert_eq!(line("/given")["request_id"], "shop-1");
    assert_eq!(line("/given")["status"], 200);
    assert_eq!(line("/given")["user_agent"], "a \"b\" ");
    assert_eq!(line("/made")["request_id"], id);
    assert_eq!(line("/%ff%22")["upstream_status"], "200");
}

#[test]
#[ignore = "needs nginx"]
fn what_went_well_is_logged_only_where_asked_for() {
    let proxy = Proxy::new("quiet", &json!({}), false);
    proxy.get("/well", &[]);
    proxy.get("/metrics", &[]);
    assert!(until(|| proxy.log("out").contains("/metrics")));
    assert!(!proxy.log("out").contains("/well"), "{}", proxy.log("out"));
}

const NAMES: [&str; 8] = ["Forwarded", "Host", "Port", "Prefix", "Protocol", "Scheme", "Server", "Ssl"];

#[test]
#[ignore = "needs nginx"]
fn a_stranger_s_forwarded_headers_do_not_arrive_however_they_are_spelled() {
    let names = || {
        NAMES
            .iter()
            .map(|name| if *name == "Forwarded" { (*name).into() } else { format!("X-Forwarded-{name}") })
    };
    let mut arguments = Vec::new();
    for name in names().chain(["X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-For"].map(Into::into)) {
        for name in [name.clone(), name.replace('-', "_"), name.replacen('-', "_", 1)] {
            arguments.extend(["--header".to_owned(), format!("{name}: evil.example.com")]);
        }
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let seen = Proxy::new("spoof", &json!({}), false).get("/", &arguments);
    // The chain alone has it, with the client's address after it.
    assert_eq!(seen.matches("evil").count(), 1, "{seen}");
    assert!(seen.contains("X-Forwarded-For: evil.example.com, 127.0.0.1"), "{seen}");

    let trusted = json!({ "proxy": { "trustedProxies": ["127.0.0.1"] } });
    let seen = Proxy::new("believed", &trusted, false).get("/", &arguments).to_lowercase();
    for name in names() {
        assert!(seen.contains(&format!("{}: evil", name.to_lowercase())), "{name}: {seen}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn behind_an_ingress_or_gateway_of_ours_its_scheme_arrives() {
    let proto = |expose: Value| {
        let proxy = Proxy::new("proto", &json!({ "expose": expose }), false);
        let seen = proxy.get("/", &["--header", "X-Forwarded-Proto: https"]);
        let at = seen.find("X-Forwarded-Proto: ").unwrap() + "X-Forwarded-Proto: ".len();
        seen[at..].split('\\').next().unwrap().to_owned()
    };
    assert_eq!(proto(json!({})), "http", "a client's word is worth nothing");
    let tls = json!({ "host": "a.example.com", "tls": { "secretName": "t" } });
    assert_eq!(proto(json!({ "ingress": tls })), "https");
    assert_eq!(proto(json!({ "httpRoute": { "parentRefs": [{ "name": "edge" }] } })), "https");
}

/// Else a client would be sent to a port that only the pod knows.
#[test]
#[ignore = "needs nginx"]
fn a_redirect_of_nginx_names_no_port_of_the_pod() {
    let spec = json!({ "proxy": { "extraConfig": { "server": "location = /old { return 301 /new; }" } } });
    let answer = Proxy::new("moved", &spec, false).get("/old", &[]);
    assert!(answer.contains("Location: /new\r"), "{answer}");
}

#[test]
#[ignore = "needs nginx"]
fn http_2_is_served_beside_http_1_with_tls_and_without() {
    let proxy = Proxy::new("h2c", &json!({ "proxy": { "tls": { "secretName": "t" } } }), false);
    let answer = proxy.get("/", &["--http2-prior-knowledge"]);
    assert!(answer.starts_with("HTTP/2 200") && answer.contains("Host: 127.0.0.1"), "{answer}");
    assert!(proxy.get("/", &["--http1.1"]).starts_with("HTTP/1.1 200"));
    assert!(proxy.get_tls("/").contains("HTTP/2 200"), "{}", proxy.get_tls("/"));
    // An upgrade would lead past nginx, to a service that knows HTTP/2.
    let answer = proxy.get("/", &["--http2"]);
    assert!(
        answer.starts_with("HTTP/1.1 200") && !answer.to_lowercase().contains("upgrade: h2c"),
        "{answer}"
    );
}

#[test]
#[ignore = "needs nginx"]
fn nginx_s_own_numbers_are_for_the_pod_alone() {
    let proxy = Proxy::new("numbers", &json!({ "proxy": { "trustedProxies": ["127.0.0.1"] } }), false);
    assert!(proxy.get("/-/nginx", &[]).contains("Active connections: "));
    let other = proxy.get("/-/nginx", &["--header", "X-Forwarded-For: 203.0.113.9"]);
    assert!(other.contains(" 403 "), "{other}");
}

/// Chunks are passed on at once in any case; other answers wait in nginx's buffers.
#[rstest]
#[case::without_a_length("HTTP/1.1 200 OK\r\n\r\n")]
#[case::with_a_length("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]
#[ignore = "needs nginx"]
fn an_answer_that_is_made_slowly_arrives_as_it_comes(#[case] head: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = Proxy::before("slow", &json!({ "image": "app:1" }), false, port, free_port());
    let mut client = proxy.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let (mut service, _) = listener.accept().unwrap();
    read_until(&mut service, "\r\n\r\n").unwrap();
    write!(service, "{head}first").unwrap();
    read_until(&mut client, "first").unwrap();
    service.write_all(b"last").unwrap();
    drop(service);
    read_until(&mut client, "last").unwrap();
}
