//! Snippets of nginx's configuration, good and bad in nginx's own eyes.

use operator_core::nginx::Place;

pub struct Snippet {
    pub place: Place,
    pub text: String,
    pub good: bool,
}

pub fn snippets() -> Vec<Snippet> {
    let rows = |place, good| move |text: &str| Snippet { place, text: text.into(), good };
    [
        GOOD_HTTP.iter().copied().map(rows(Place::Http, true)).collect::<Vec<_>>(),
        GOOD_SERVER.iter().copied().map(rows(Place::Server, true)).collect(),
        BAD_HTTP.iter().copied().map(rows(Place::Http, false)).collect(),
        BAD_SERVER.iter().copied().map(rows(Place::Server, false)).collect(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const GOOD_HTTP: &[&str] = &[
    "",
    "# nothing but words; } {",
    "gzip on;\ngzip_types text/css application/json;",
    "map $http_user_agent $bot {\n    default 0;\n    ~*bot 1;\n    \"~*spi{1}der\" 1;\n    volatile;\n}",
    "map $host $name { hostnames; *.example.com a; default b; }",
    "geo $near { default 0; 10.0.0.0/8 1; }",
    "split_clients $remote_addr $arm { 10% a; * b; }",
    "upstream other { least_conn; server 127.0.0.1:9000 weight=2; server 127.0.0.1:9001 backup; keepalive 8; }",
    "server { listen 8095; server_name a b; location / { return 204; } }",
    "server { listen 127.0.0.1:8096 default_server; return 200 'ok; }'; }",
    "limit_req_zone $binary_remote_addr zone=a:1m rate=5r/s;\nlimit_conn_zone $server_name zone=b:1m;",
    "proxy_cache_path /tmp/cache keys_zone=cache:1m max_size=10m;",
    "log_format short '$status $uri';",
    "add_header X-A \"a \\\"quoted\\\" word\";",
    "set_real_ip_from 10.0.0.0/8; real_ip_header X-Real-IP;",
    "include /etc/nginx/mime.types;",
    "charset utf-8; charset_types text/css;",
    "send_timeout 10s; reset_timedout_connection on;",
];

const GOOD_SERVER: &[&str] = &[
    "add_header X-Frame-Options DENY always;\nadd_header X-B b;",
    "client_max_body_size 5m;\nkeepalive_timeout 10s 10s;",
    "location /static/ { root /tmp/files; expires 1d; autoindex on; }",
    "location = /old { return 301 https://$host/new$is_args$args; }",
    "location ~ \\.php$ { deny all; }",
    "location ~* ^/a(b|c)$ { rewrite ^/a(.*)$ /x$1 break; proxy_pass http://service; }",
    "location ^~ /admin { allow 10.0.0.0/8; deny all; proxy_pass http://service; proxy_set_header Host $host; }",
    "location @fallback { return 502; }",
    "if ($http_x_block = \"1\") { return 403; }",
    "large_client_header_buffers 4 16k; underscores_in_headers off; absolute_redirect on; http2 off;",
    "return 503;",
    "if ($request_method ~ ^(PUT|DELETE)$) { return 405; }",
    "location /c { if ($arg_a) { set $x 1; add_header X-X $x; } limit_except GET { deny all; } proxy_pass http://service; }",
    "set $a \"${host}x\"; add_header X-H ${a}y;",
    "error_page 404 /404.html; rewrite ^/from$ /to last;",
    "location /s { sub_filter a b; sub_filter c d; sub_filter_once off; proxy_pass http://service; }",
    "location /status { stub_status; access_log off; }",
    "types { text/x-own own; }\ndefault_type text/plain;",
    "location /g { gzip ON; }",
];

const BAD_HTTP: &[&str] = &[
    "GZIP on;",
    "gzip on",
    "gzip on;;",
    "gzip maybe;",
    "gzip;",
    "gzip on off;",
    "gzip on { }",
    "gzip on; gzip off;",
    "gzzip on;",
    "}",
    "} http {",
    "{ }",
    "map $a { }",
    "map $a $b {",
    "map $a $b;",
    "upstream { server 127.0.0.1; }",
    "upstream service { server 127.0.0.1; }",
    "upstream a { server 127.0.0.1; } upstream a { server 127.0.0.1; }",
    "upstream a { proxy_pass http://b; }",
    "location / { }",
    "server { location /a { upstream b { } } listen 8095; }",
    "server { listen 8095; location /a { } location /a { } }",
    "client_max_body_size 2m;",
    "large_client_header_buffers 4 16k;",
    "server_tokens on;",
    "keepalive_requests 5;",
    "worker_processes 4;",
    "user nobody;",
    "daemon off;",
    "events { }",
    "load_module modules/none.so;",
    "lua_package_path x;",
    "perl_modules x;",
    "add_header X-A \"not ended;",
    "add_header X-A \"a\"b;",
    "add_header X-A;",
    "add_header;",
    "return 200;",
    "include /nonexistent/file;",
];

const BAD_SERVER: &[&str] = &[
    "location {",
    "location / { }",
    "location = /metrics { return 200; }",
    "location =/metrics { return 200; }",
    "location /a",
    "location /a;",
    "location /a { location /b { }",
    "location /a { server { } }",
    "location /a { listen 8095; }",
    "proxy_read_timeout 1s;",
    "proxy_connect_timeout 1s;",
    "proxy_http_version 1.0;",
    "if ($a) { proxy_pass http://service; }",
    "if ($host) { location /x { } }",
    "location /a { limit_except GET { proxy_cache x; } }",
    "content_by_lua_block { ngx.say('x') }",
    "js_content main.hello;",
    "root;",
    "root /a; root /b;",
    "brotli on;",
    "upstream u { server 127.0.0.1; }",
    "map $a $b { }",
    "log_format x y;",
    "try_files /a;",
    "add_header A B always extra;",
    "rewrite ^/a$;",
];
