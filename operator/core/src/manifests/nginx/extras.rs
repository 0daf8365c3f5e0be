use crate::{
    api::{PROXY_PORT, PROXY_TLS_PORT, Proxy, RateLimit},
    model::ResolvedMicroservice,
};

/// Where nginx finds its certificate.
pub(in crate::manifests) const TLS_DIRECTORY: &str = "/etc/microservice-tls";

/// What the spec adds to nginx's configuration; all empty where it adds nothing, for then the pods
/// must not change.
pub(super) struct Extras {
    pub http: String,
    pub listen: String,
    pub server: String,
    pub snippet: String,
    /// Where the user's own directives must close nothing: readiness, and nginx's own errors.
    pub open: &'static str,
    /// For readiness: nor may they slow it down or remember an answer.
    pub unlimited: &'static str,
}

impl Extras {
    pub(super) fn of(resolved: &ResolvedMicroservice) -> Self {
        let proxy = &resolved.spec.proxy;
        let gzip = if proxy.gzip { GZIP } else { "" };
        let (zone, limit) = proxy.rate_limit.as_ref().map(rate_limit).unwrap_or_default();
        let (tls, certificate) = if resolved.serves_tls() { tls() } else { Default::default() };
        let snippet = snippet("server", "        ", &proxy.extra_config.server);
        let plain = snippet.is_empty() && proxy.extra_config.http.trim_end().is_empty();
        Self {
            http: [
                gzip,
                &zone,
                &trust(proxy),
                &tls,
                &self::snippet("http", "    ", &proxy.extra_config.http),
            ]
            .concat(),
            listen: [listen(resolved), certificate].concat(),
            server: limit,
            snippet,
            open: if plain { "" } else { OPEN },
            unlimited: if plain { "" } else { UNLIMITED },
        }
    }
}

const GZIP: &str = r"
    gzip on;
    gzip_vary on;
    gzip_proxied any;
    gzip_min_length 1024;
    gzip_types text/plain text/css text/xml text/javascript application/json application/problem+json
        application/javascript application/xml application/xhtml+xml image/svg+xml;
";

const OPEN: &str = "            auth_basic off; auth_request off; allow all;\n";

const UNLIMITED: &str = "            limit_req_dry_run on; limit_conn_dry_run on; proxy_cache off;\n";

/// Beside the first port.
fn listen(resolved: &ResolvedMicroservice) -> String {
    let ipv6 = resolved.network.ipv6.then(|| format!("[::]:{PROXY_PORT} ipv6only=on"));
    let https = resolved.serves_tls().then(|| format!("{PROXY_TLS_PORT} ssl"));
    let both = (ipv6.is_some() && https.is_some()).then(|| format!("[::]:{PROXY_TLS_PORT} ssl ipv6only=on"));
    let all = [ipv6, https, both].into_iter().flatten();
    lines(all.map(|address| format!("        listen {address};")))
}

/// By the client's address.
fn rate_limit(limit: &RateLimit) -> (String, String) {
    let RateLimit { requests_per_second, burst } = limit;
    let burst = match burst.unwrap_or(*requests_per_second) {
        0 => String::new(),
        burst => format!(" burst={burst} nodelay"),
    };
    let zone = format!(
        r#"
    limit_req_zone $binary_remote_addr zone=microservice_clients:10m rate={requests_per_second}r/s;
    # Of nginx's own 429, not of the service's.
    map "$status $upstream_status" $microservice_retry_after {{
        "429 " 1;
        default "";
    }}
"#
    );
    let limit = format!(
        r"
        limit_req zone=microservice_clients{burst};
        limit_req_status 429;
        limit_req_log_level info;
        add_header Retry-After $microservice_retry_after always;
"
    );
    (zone, limit)
}

/// The client is the last address in `X-Forwarded-For` that is no trusted proxy's; the chain is
/// passed on whole.
fn trust(proxy: &Proxy) -> String {
    let networks = &proxy.trusted_proxies;
    if networks.is_empty() {
        return String::new();
    }
    let from = lines(networks.iter().map(|network| format!("    set_real_ip_from {network};")));
    let trusted = lines(networks.iter().map(|network| format!("        {network} 1;")));
    format!(
        r#"
{from}    real_ip_header X-Forwarded-For;
    real_ip_recursive on;
    geo $realip_remote_addr $microservice_peer_trusted {{
        default 0;
{trusted}    }}
    map "$microservice_peer_trusted $http_x_forwarded_proto" $microservice_proto {{
        "1 http" http;
        "1 https" https;
        default $scheme;
    }}
    map $http_x_forwarded_for $microservice_forwarded_for {{
        "" $realip_remote_addr;
        default "$http_x_forwarded_for, $realip_remote_addr";
    }}
"#
    )
}

/// The certificate's path is a variable: nginx then reads the file anew from time to time, and a
/// changed Secret takes no restart.
fn tls() -> (String, String) {
    let http = format!(
        r#"
    map "" $microservice_tls {{
        default {TLS_DIRECTORY};
    }}
    ssl_certificate_cache max=2 valid=10s inactive=1m;
"#
    );
    let server = r"        ssl_certificate $microservice_tls/tls.crt;
        ssl_certificate_key $microservice_tls/tls.key;
";
    (http, server.into())
}

fn snippet(name: &str, indent: &str, text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() {
        return String::new();
    }
    format!("\n{indent}# spec.proxy.extraConfig.{name}\n{text}\n")
}

/// Each with its line's end.
pub(super) fn lines(all: impl Iterator<Item = String>) -> String {
    all.flat_map(|line| [line, "\n".into()]).collect()
}
