mod errors;
mod extras;
mod headers;

use std::time::Duration;

use super::ports::{READY_HOST, READY_PATH};
use extras::Extras;
pub(super) use extras::TLS_DIRECTORY;

use crate::{
    api::{PROXY_PORT, parse_duration},
    model::ResolvedMicroservice,
};

/// Seconds that a kept connection stays open after nginx is told to end, to learn of it.
pub(super) const KEEPALIVE_MIN: i64 = 5;

/// Longer than the service's own limits, so that the service's 503 or 504 wins over nginx's.
const TIMEOUT_MARGIN: u64 = 2;

/// How long nginx keeps an idle connection to the bundled service, which itself keeps it for 90 s.
const BUNDLED_IDLE: Duration = Duration::from_secs(5);

/// nginx's whole configuration. Writes nowhere but /tmp.
///
/// - `worker_processes` is explicit: `auto` counts the node's processors, not the container's.
/// - `keepalive_min_timeout` (nginx 1.27.4): a kept-alive client learns `Connection: close` with its
///   next answer instead of meeting a closed socket when nginx ends.
/// - `max_fails=0`: with one upstream, marking it down for ten seconds can only lose requests.
pub(crate) fn config(resolved: &ResolvedMicroservice) -> String {
    let spec = &resolved.spec;
    let timeout = resolved.longest_request().as_secs() + TIMEOUT_MARGIN;
    let extras = Extras::of(resolved);
    format!(
        r#"worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
worker_shutdown_timeout {timeout}s;

events {{
    worker_connections 4096;
}}

http {{
    client_body_temp_path /tmp/client_body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;

    # Without the query, which may hold secrets, and in ASCII: a line is always JSON.
    map $request_uri $microservice_path {{
        "~^(?<microservice_sent_path>[!->@-~]+)" $microservice_sent_path;
        default "";
    }}
    map $http_user_agent $microservice_user_agent {{
        "~^(?<microservice_sent_user_agent>[ -~]+)" $microservice_sent_user_agent;
        default "";
    }}
    log_format microservice escape=json
        '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","uri":"$microservice_path",'
        '"protocol":"$server_protocol","status":$status,"bytes":$bytes_sent,"seconds":$request_time,'
        '"upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time",'
        '"request_id":"$microservice_request_id","operation_id":"$upstream_http_x_operation_id",'
        '"user_agent":"$microservice_user_agent"}}';
{log}
    server_tokens off;
    # nginx's own redirects name no port: 8081 is known in the pod only.
    absolute_redirect off;
    keepalive_timeout 75s;
    keepalive_min_timeout {KEEPALIVE_MIN}s;
    keepalive_requests 100000;
    client_header_timeout 10s;
    client_body_timeout 10s;
    client_max_body_size {max_body};
    # HTTP/1.1 and HTTP/2 on the same port, with TLS or without (h2c by prior knowledge).
    http2 on;
    # A URL or a header of 64 KiB; what is ordinary fits into the first buffer.
    client_header_buffer_size 8k;
    large_client_header_buffers 4 72k;
    # All that HTTP takes for a header's name, such as x_api_key.
    underscores_in_headers on;
    ignore_invalid_headers off;
{http}{errors}{headers}
    upstream service {{
        server 127.0.0.1:{port} max_fails=0;
{keepalive}    }}

{server}
{readiness}}}
"#,
        log = log(spec.proxy.access_log),
        http = extras.http,
        errors = errors::maps(&spec.proxy.max_body_size),
        headers = headers::maps(resolved),
        keepalive = keepalive(upstream_idle(resolved)),
        server = server(resolved, &extras, timeout),
        readiness = readiness(resolved, &extras),
        max_body = nginx_size(&spec.proxy.max_body_size),
        port = spec.port,
    )
}

/// How long an idle connection to the service is kept; zero for not at all. Of an image that we
/// don't know we don't know either when it closes its end.
fn upstream_idle(resolved: &ResolvedMicroservice) -> Duration {
    let given = resolved.spec.proxy.upstream_idle_timeout.as_deref().and_then(parse_duration);
    given.unwrap_or(if resolved.bundled { BUNDLED_IDLE } else { Duration::ZERO })
}

/// A request on a connection that the service has just closed can't be told from one that the
/// service began and died of: nginx can repeat both or neither (`proxy_next_upstream`), and we want
/// neither repeated. So no connection is used that might be closed.
fn keepalive(idle: Duration) -> String {
    if idle.is_zero() {
        // nginx 1.29.7 and later keep connections unless told otherwise; before, 0 is no number for keepalive.
        return "        # Each request has a connection of its own: none meets one that the service has closed.
        keepalive 1;
        keepalive_requests 1;
"
        .into();
    }
    format!(
        "        # Closed before the service closes it: no request meets a closed one.
        keepalive 64;
        keepalive_timeout {}ms;
",
        idle.as_millis()
    )
}

fn log(all: bool) -> &'static str {
    if all {
        "    access_log /dev/stdout microservice;
"
    } else {
        "    # What went wrong, and nothing else.
    map $status $microservice_failed {
        ~^[45] 1;
        default 0;
    }
    access_log /dev/stdout microservice if=$microservice_failed;
"
    }
}

/// The one server that clients reach.
fn server(resolved: &ResolvedMicroservice, extras: &Extras, timeout: u64) -> String {
    let buffering = resolved.spec.proxy.buffering;
    format!(
        r"    server {{
        listen {PROXY_PORT};
{listen}
        proxy_http_version 1.1;
{headers}
        proxy_connect_timeout 5s;
        proxy_read_timeout {timeout}s;
        proxy_send_timeout {timeout}s;
        # No request is sent twice.
        proxy_next_upstream off;
        # The service's redirects are passed as they are.
        proxy_redirect off;
        proxy_pass_trailers on;
        # {buffering_why}
        proxy_request_buffering {buffering};
        proxy_buffering {buffering};
        # The head of an answer must fit into one.
        proxy_buffer_size 32k;
        proxy_buffers 8 32k;
{server}
        location / {{
            proxy_pass http://service;
        }}

        # Prometheus reads the metrics on a port of their own; clients don't.
        location = {metrics} {{
            return 404;
        }}

        # nginx's own numbers, for whoever is in the pod: a sidecar, kubectl port-forward.
        location = /-/nginx {{
            access_log off;
            allow 127.0.0.1;
            allow ::1;
            deny all;
            stub_status;
        }}
{snippet}{errors}    }}
",
        metrics = resolved.spec.monitoring.path,
        listen = extras.listen,
        headers = headers::directives(resolved),
        buffering_why = if buffering {
            "Bodies are taken whole before they are passed on: no slow client holds a worker."
        } else {
            "Bodies are passed on as they come, both ways."
        },
        buffering = if buffering { "on" } else { "off" },
        server = extras.server,
        snippet = extras.snippet,
        errors = errors::directives(extras.open),
    )
}

/// What the kubelet reaches: it asks by a name of its own, so that no directive for clients stands
/// between, whatever the user's snippets say of redirects, hosts or rights.
fn readiness(resolved: &ResolvedMicroservice, extras: &Extras) -> String {
    let listen_ipv6 =
        if resolved.network.ipv6 { format!("        listen [::]:{PROXY_PORT};\n") } else { String::new() };
    format!(
        r"    # The kubelet asks for this name: what stands in the server above is nothing to it.
    server {{
        listen {PROXY_PORT};
{listen_ipv6}        server_name {READY_HOST};
        access_log off;
{open}{unlimited}        proxy_http_version 1.1;

        location / {{
            return 404;
        }}
        location = {READY_PATH} {{
            # An image without the admin port refuses each time: that is no error.
            error_log /dev/stderr crit;
            proxy_pass http://127.0.0.1:{admin_port}/readyz;
            proxy_intercept_errors on;
            recursive_error_pages on;
            error_page 404 502 504 = @service_answers;
        }}
        # Then any answer that is no server error will do.
        location @service_answers {{
            rewrite ^ / break;
            proxy_pass http://service;
            proxy_intercept_errors on;
            recursive_error_pages on;
            error_page 301 302 303 307 308 400 401 403 404 405 406 410 415 422 426 429 = /-/alive;
        }}
        location = /-/alive {{
            internal;
            return 200;
        }}
    }}
",
        open = extras.open,
        unlimited = extras.unlimited,
        admin_port = resolved.spec.admin_port,
    )
}

/// `1Mi` as nginx writes it, `1m`: its suffixes are multiples of 1024 too.
fn nginx_size(size: &str) -> String {
    match size.strip_suffix('i') {
        Some(size) => size.to_ascii_lowercase(),
        None => size.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::nginx::{Directive, parse};

    fn all(directives: Vec<Directive>) -> Vec<Directive> {
        directives
            .into_iter()
            .flat_map(|d| [vec![d.clone()], all(d.block.unwrap_or_default())].concat())
            .collect()
    }

    /// Every directive for a spec that asks for all there is.
    fn directives() -> Vec<Directive> {
        let mut resolved = ResolvedMicroservice::example();
        resolved.network.ipv6 = true;
        resolved.spec.proxy = serde_json::from_value(json!({
            "gzip": true, "rateLimit": {"requestsPerSecond": 5}, "trustedProxies": ["10.0.0.0/8"],
            "tls": {"secretName": "t"},
        }))
        .unwrap();
        all(parse(&config(&resolved)).unwrap())
    }

    #[test]
    fn sizes_are_spelled_as_nginx_does() {
        assert_eq!(["1Mi", "512Ki", "2Gi", "1000"].map(nginx_size), ["1m", "512k", "2g", "1000"]);
    }

    /// peers: nginx/nginx-gateway-fabric#5374, #1617, serversideup/docker-php#199, nginx/docker-nginx#472, #31
    #[test]
    fn the_number_of_processes_is_explicit() {
        let found: Vec<_> = directives().into_iter().filter(|d| d.name == "worker_processes").collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].arguments[0].parse::<u32>().is_ok(), "{found:?}");
    }

    /// peers: nginx/docker-nginx-unprivileged#17, #43, nginx/kubernetes-ingress#1677
    #[test]
    fn nothing_is_written_but_below_tmp() {
        let writes = |d: &Directive| {
            d.name.ends_with("_temp_path") || ["pid", "access_log", "error_log"].contains(&d.name.as_str())
        };
        let written: Vec<_> = directives().into_iter().filter(writes).collect();
        assert!(written.len() >= 8, "{written:?}");
        for directive in written {
            let path = &directive.arguments[0];
            assert!(
                path == "off" || path.starts_with("/tmp/") || path.starts_with("/dev/std"),
                "{directive:?}"
            );
        }
        // What nginx would put elsewhere unless told otherwise.
        for module in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            assert!(directives().iter().any(|d| d.name == format!("{module}_temp_path")), "{module}");
        }
    }

    /// peers: restate-operator#93
    #[test]
    fn ipv6_is_listened_on_where_pods_have_it_and_nowhere_else() {
        let ports = |d: &Directive| (d.name == "listen").then(|| d.arguments[0].clone());
        let both: Vec<_> = directives().iter().filter_map(ports).collect();
        assert_eq!(both, ["8081", "[::]:8081", "8443", "[::]:8443", "8081", "[::]:8081"]);
        let without = parse(&config(&ResolvedMicroservice::example())).unwrap();
        assert_eq!(all(without).iter().filter_map(ports).collect::<Vec<_>>(), ["8081", "8081"]);
    }

    /// peers: knative/serving#16162, kubernetes/ingress-nginx#7097: nginx ends after its last request
    #[test]
    fn nginx_waits_for_the_longest_request_and_tells_kept_connections() {
        let config = parse(&config(&ResolvedMicroservice::example())).unwrap();
        let seconds = |name: &str| -> u64 {
            let directive = all(config.clone()).into_iter().find(|d| d.name == name).unwrap();
            directive.arguments[0].trim_end_matches('s').parse().unwrap()
        };
        assert!(
            seconds("worker_shutdown_timeout") > ResolvedMicroservice::example().longest_request().as_secs()
        );
        assert_eq!(seconds("keepalive_min_timeout"), KEEPALIVE_MIN.unsigned_abs());
    }

    #[rstest]
    #[case::bundled(json!({}), true, "keepalive 64", "5000ms")]
    #[case::other_images(json!({}), false, "keepalive 1", "")]
    #[case::as_the_user_says(json!({"upstreamIdleTimeout": "1s500ms"}), false, "keepalive 64", "1500ms")]
    #[case::none_at_all(json!({"upstreamIdleTimeout": "0s"}), true, "keepalive 1", "")]
    fn a_connection_is_kept_only_as_long_as_the_service_certainly_keeps_it(
        #[case] proxy: serde_json::Value,
        #[case] bundled: bool,
        #[case] keepalive: &str,
        #[case] idle: &str,
    ) {
        let mut resolved = ResolvedMicroservice { bundled, ..ResolvedMicroservice::example() };
        resolved.spec.proxy = serde_json::from_value(proxy).unwrap();
        let http = parse(&config(&resolved)).unwrap().into_iter().find(|d| d.name == "http").unwrap();
        let upstream = http.block.unwrap().into_iter().find(|d| d.name == "upstream").unwrap();
        let directives = upstream.block.unwrap();
        let value = |name: &str| directives.iter().find(|d| d.name == name).map(|d| d.arguments[0].clone());
        assert_eq!(format!("keepalive {}", value("keepalive").unwrap()), keepalive);
        assert_eq!(value("keepalive_timeout").unwrap_or_default(), idle);
        assert_eq!(value("keepalive_requests"), idle.is_empty().then(|| "1".to_owned()));
    }
}
