use crate::{api::PROXY_PORT, controller::validate::Validated};

/// Path that the kubelet asks for readiness; nginx passes it on, so that a pod is ready only when
/// the way through nginx to the service works.
pub(super) const READY_PATH: &str = "/-/readyz";

/// Longer than the service's own limits, so that the service's 503 or 504 wins over nginx's.
const TIMEOUT_MARGIN: u64 = 2;

/// nginx's whole configuration. Writes nowhere but /tmp.
///
/// - `worker_processes` is explicit: `auto` counts the node's processors, not the container's.
/// - `keepalive_min_timeout` (nginx 1.27.4): a kept-alive client learns `Connection: close` with its
///   next answer instead of meeting a closed socket when nginx ends.
/// - `max_fails=0`: with one upstream, marking it down for ten seconds can only lose requests.
pub(super) fn config(validated: &Validated) -> String {
    let spec = &validated.spec;
    let timeout = validated.longest_request().as_secs() + TIMEOUT_MARGIN;
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
    keepalive_min_timeout 5s;
    keepalive_requests 100000;
    client_header_timeout 10s;
    client_body_timeout 10s;
    client_max_body_size {max_body};

    upstream service {{
        server 127.0.0.1:{port} max_fails=0;
        keepalive 64;
    }}

    server {{
        listen {PROXY_PORT};

        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 5s;
        proxy_read_timeout {timeout}s;
        proxy_send_timeout {timeout}s;
        proxy_next_upstream off;

        error_page 408 @408;
        error_page 413 @413;
        error_page 502 @502;
        error_page 504 @504;

        location / {{
            proxy_pass http://service;
        }}

        # Prometheus reads the metrics on a port of their own; clients don't.
        location = /metrics {{
            default_type application/json;
            return 404 '{{"message":"Not Found"}}\n';
        }}

        location = {READY_PATH} {{
            access_log off;
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
    }}
}}
"#,
        max_body = nginx_size(&spec.proxy.max_body_size),
        max_body_size = spec.proxy.max_body_size,
        port = spec.port,
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
    use super::{config, nginx_size};
    use crate::controller::validate::Validated;

    /// peers: nginx/docker-nginx-unprivileged#17, #43
    #[test]
    fn nginx_writes_nowhere_but_into_tmp() {
        let config = config(&Validated::example());
        let written: Vec<_> = config
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("pid ") || line.contains("_temp_path "))
            .collect();
        assert_eq!(written.len(), 6, "the pid and a folder for each of five modules");
        assert!(written.iter().all(|line| line.contains(" /tmp/")), "{written:?}");
    }

    #[test]
    fn sizes_are_spelled_as_nginx_does() {
        assert_eq!(["1Mi", "512Ki", "2Gi", "1000"].map(nginx_size), ["1m", "512k", "2g", "1000"]);
    }
}
