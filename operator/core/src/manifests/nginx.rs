mod extras;

use super::ports::READY_PATH;
use extras::Extras;
pub(super) use extras::TLS_DIRECTORY;

use crate::{api::PROXY_PORT, model::ResolvedMicroservice};

/// Seconds that a kept connection stays open after nginx is told to end, to learn of it.
pub(super) const KEEPALIVE_MIN: i64 = 5;

/// Longer than the service's own limits, so that the service's 503 or 504 wins over nginx's.
const TIMEOUT_MARGIN: u64 = 2;

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

    # What went wrong, and nothing else.
    log_format failures escape=json
        '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","uri":"$uri",'
        '"status":$status,"seconds":$request_time,"upstream_status":"$upstream_status",'
        '"operation_id":"$upstream_http_x_operation_id"}}';
    map $status $failed {{
        ~^[45] 1;
        default 0;
    }}
    access_log /dev/stdout failures if=$failed;

    server_tokens off;
    keepalive_timeout 75s;
    keepalive_min_timeout {KEEPALIVE_MIN}s;
    keepalive_requests 100000;
    client_header_timeout 10s;
    client_body_timeout 10s;
    client_max_body_size {max_body};
{http}
    upstream service {{
        server 127.0.0.1:{port} max_fails=0;
        keepalive 64;
    }}

{server}}}
"#,
        http = extras.http,
        server = server(resolved, &extras, timeout),
        max_body = nginx_size(&spec.proxy.max_body_size),
        port = spec.port,
    )
}

/// The one server that clients reach.
fn server(resolved: &ResolvedMicroservice, extras: &Extras, timeout: u64) -> String {
    let spec = &resolved.spec;
    format!(
        r#"    server {{
        listen {PROXY_PORT};
{listen}
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For {forwarded_for};
        proxy_set_header X-Forwarded-Proto {forwarded_proto};
        proxy_connect_timeout 5s;
        proxy_read_timeout {timeout}s;
        proxy_send_timeout {timeout}s;
        proxy_next_upstream off;
{server}
        error_page 408 @408;
        error_page 413 @413;
        error_page 502 @502;
        error_page 504 @504;

        location / {{
            proxy_pass http://service;
        }}

        # Prometheus reads the metrics on a port of their own; clients don't.
        location = {metrics} {{
            default_type application/json;
            return 404 '{{"message":"Not Found"}}\n';
        }}

        location = {READY_PATH} {{
            access_log off;{shield}
            proxy_pass http://127.0.0.1:{admin_port}/readyz;
            proxy_intercept_errors on;
            recursive_error_pages on;
            error_page 404 502 504 = @service_answers;
        }}
        # An image without the admin port: any answer that is no server error will do.
        location @service_answers {{
            access_log off;
            rewrite ^ / break;
            proxy_pass http://service;
            proxy_intercept_errors on;
            recursive_error_pages on;
            error_page 301 302 303 307 308 400 401 403 404 405 406 410 415 422 426 429 = /-/alive;
        }}
        location = /-/alive {{
            internal;
            access_log off;
            return 200;
        }}

        location @408 {{ internal; default_type application/json; return 408 '{{"message":"Request Timeout"}}\n'; }}
        location @413 {{ internal; default_type application/json; return 413 '{{"message":"the body is larger than {max_body_size}"}}\n'; }}
        location @502 {{ internal; default_type application/json; return 502 '{{"message":"Bad Gateway"}}\n'; }}
        location @504 {{ internal; default_type application/json; return 504 '{{"message":"Gateway Timeout"}}\n'; }}
{snippet}    }}
"#,
        metrics = spec.monitoring.path,
        listen = extras.listen,
        server = extras.server,
        shield = extras.shield,
        snippet = extras.snippet,
        forwarded_for = extras.forwarded_for,
        forwarded_proto = extras.forwarded_proto,
        max_body_size = spec.proxy.max_body_size,
        admin_port = spec.admin_port,
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
        assert_eq!(both, ["8081", "[::]:8081", "8443", "[::]:8443"]);
        let without = parse(&config(&ResolvedMicroservice::example())).unwrap();
        assert_eq!(all(without).iter().filter_map(ports).collect::<Vec<_>>(), ["8081"]);
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
}
