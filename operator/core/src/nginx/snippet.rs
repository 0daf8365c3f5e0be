use std::collections::BTreeSet;

use super::{
    directives::{Known, Place, known},
    syntax::{Directive, Fault, parse},
};

/// What a snippet must leave alone.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    /// Ports that something else in the pod listens on.
    pub ports: Vec<i32>,
    /// The configuration that the snippet comes into.
    pub around: Vec<Directive>,
    /// nginx may have modules that we don't know: a directive that we don't know is let through.
    pub foreign_nginx: bool,
}

/// Directives of the main context, or that take the pod over. In a snippet they either end nginx or
/// the operator's promises.
const FORBIDDEN: [(&str, &str); 24] = [
    ("accept_mutex", PROCESSES),
    ("daemon", PROCESSES),
    ("debug_points", PROCESSES),
    ("env", PROCESSES),
    ("events", PROCESSES),
    ("http", "this is inside of http already: write what stands in its braces"),
    ("load_module", MODULE),
    ("lock_file", PROCESSES),
    ("mail", PROCESSES),
    ("master_process", PROCESSES),
    ("multi_accept", PROCESSES),
    ("pcre_jit", PROCESSES),
    ("pid", PROCESSES),
    ("ssl_engine", PROCESSES),
    ("stream", PROCESSES),
    ("thread_pool", PROCESSES),
    ("timer_resolution", PROCESSES),
    ("use", PROCESSES),
    ("user", PROCESSES),
    ("worker_connections", PROCESSES),
    ("worker_processes", PROCESSES),
    ("worker_shutdown_timeout", PROCESSES),
    ("working_directory", PROCESSES),
    ("keepalive_min_timeout", "rolling updates lose no request by it: leave it to the operator"),
];
const PROCESSES: &str = "nginx's processes are the operator's: remove it";
const MODULE: &str =
    "no module is loaded into nginx: remove it, or put the work into the service or a sidecar";

/// Directives of modules that run code.
const CODE: [&str; 5] = ["js_", "lua_", "perl", "njs", "by_lua"];

/// Blocks of rows that are no directives.
const ROWS: [&str; 5] = ["map", "geo", "types", "split_clients", "charset_map"];

/// Checks a snippet that is put into `http` or into the `server` block.
pub fn check(text: &str, place: Place, contract: &Contract) -> Result<(), Fault> {
    let directives = parse(text)?;
    let around = surroundings(&contract.around, place);
    let checker = Checker { contract, around: &around };
    checker.all(&directives, place, &around)
}

/// The directives of ours that the snippet comes to stand beside.
fn surroundings(ours: &[Directive], place: Place) -> Vec<Directive> {
    // The first server is the one that clients reach.
    let inside = |directives: &[Directive], name: &str| -> Vec<Directive> {
        directives.iter().find(|d| d.name == name).and_then(|d| d.block.clone()).unwrap_or_default()
    };
    let http = inside(ours, "http");
    if place == Place::Http { http } else { inside(&http, "server") }
}

fn fault<T>(directive: &Directive, words: impl AsRef<str>) -> Result<T, Fault> {
    Err(Fault::new(directive.line, format!("{}: {}", directive.name, words.as_ref())))
}

struct Checker<'a> {
    contract: &'a Contract,
    /// The operator's own, beside the snippet.
    around: &'a [Directive],
}

impl Checker<'_> {
    /// The directives of one block, after those of `before`.
    fn all(&self, directives: &[Directive], place: Place, before: &[Directive]) -> Result<(), Fault> {
        let mut seen: BTreeSet<String> = before.iter().filter_map(|d| identity(d, place)).collect();
        let ours = seen.clone();
        for directive in directives {
            self.one(directive, place)?;
            if let Some(identity) = identity(directive, place)
                && !seen.insert(identity.clone())
            {
                let words = if ours.contains(&identity) {
                    let elsewhere = if place == Place::Http { ", or write it in server" } else { "" };
                    format!("is set by the operator here: remove it{elsewhere}")
                } else {
                    "stands twice: remove one".into()
                };
                return fault(directive, words);
            }
        }
        Ok(())
    }

    fn one(&self, directive: &Directive, place: Place) -> Result<(), Fault> {
        let name = directive.name.as_str();
        if let Some((_, words)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
            return fault(directive, words);
        }
        if name.starts_with("worker_") {
            return fault(directive, PROCESSES);
        }
        if CODE.iter().any(|code| name.starts_with(code) || (name.contains("_by_lua"))) {
            return fault(directive, MODULE);
        }
        match known(name, place) {
            Some(known) => shape(directive, place, &known)?,
            None if self.contract.foreign_nginx => return Ok(()),
            None => {
                return fault(
                    directive,
                    "nginx knows no such directive: correct its name, or set proxy.image to an nginx that has it",
                );
            }
        }
        self.promises(directive, place)?;
        let Some(block) = &directive.block else { return Ok(()) };
        let inside = match name {
            "server" => Place::Server,
            "location" => Place::Location,
            "upstream" => Place::Upstream,
            "limit_except" => Place::LimitExcept,
            "if" if place == Place::Server => Place::ServerIf,
            "if" => Place::LocationIf,
            _ => return rows(directive, block),
        };
        if name == "server" && !block.iter().any(|d| d.name == "listen") {
            return fault(
                directive,
                "has no port: write listen with a port of its own, such as listen 8090;",
            );
        }
        self.all(block, inside, &[])
    }

    /// What nginx would take and the pod or the operator would not.
    fn promises(&self, directive: &Directive, place: Place) -> Result<(), Fault> {
        let first = directive.arguments.first().map(String::as_str).unwrap_or_default();
        match directive.name.as_str() {
            "include" if first != "/etc/nginx/mime.types" => fault(
                directive,
                "the pod has no other file than /etc/nginx/mime.types: write what stands in it",
            ),
            "listen" => self.listen(directive, first),
            "access_log" | "error_log" if !is_writable(first) => fault(
                directive,
                "the root file system can't be written: write off, /dev/stdout, /dev/stderr, syslog: or a path below /tmp",
            ),
            name if (name.ends_with("_cache_path") || name.ends_with("_temp_path"))
                && !first.starts_with("/tmp/") =>
            {
                fault(directive, "the root file system can't be written: write a path below /tmp")
            }
            "proxy_set_header" if place == Place::Server && self.is_our_header(first) => fault(
                directive,
                format!("{first} is set by the operator: put it into a location of your own"),
            ),
            _ => Ok(()),
        }
    }

    fn is_our_header(&self, name: &str) -> bool {
        let mut ours = self.around.iter().filter(|directive| directive.name == "proxy_set_header");
        ours.any(|header| header.arguments.first().is_some_and(|ours| ours.eq_ignore_ascii_case(name)))
    }

    fn listen(&self, directive: &Directive, address: &str) -> Result<(), Fault> {
        let digits = address.rsplit(':').next().unwrap_or(address);
        let port = digits.parse::<u16>().ok();
        match port {
            Some(port) if self.contract.ports.contains(&i32::from(port)) => {
                fault(directive, format!("{port} is taken in the pod: choose another port"))
            }
            Some(port) if port >= 1024 => Ok(()),
            _ => fault(directive, "write a port from 1024 on, such as listen 8090;"),
        }
    }
}

/// By what nginx tells a second one; none where any number may stand.
fn identity(directive: &Directive, place: Place) -> Option<String> {
    match directive.name.as_str() {
        // nginx takes `location =/a` for `location = /a`.
        "location" => Some(format!("location {}", directive.arguments.concat())),
        "upstream" => Some(format!("upstream {}", directive.arguments.concat())),
        name => known(name, place).filter(|known| !known.repeats).map(|_| name.to_owned()),
    }
}

/// Place, braces and arguments.
fn shape(directive: &Directive, place: Place, known: &Known<'_>) -> Result<(), Fault> {
    let count = directive.arguments.len();
    if !known.is_allowed(place) {
        let places = known.places();
        let inside = place.name();
        return fault(directive, format!("can't stand in {inside}: it belongs into {places}"));
    }
    match (known.is_block, &directive.block) {
        (true, None) => return fault(directive, "needs a block: write { and } instead of ;"),
        (false, Some(_)) => return fault(directive, "has no block: write ; instead of { and }"),
        _ => {}
    }
    if !known.arguments.contains(&count) {
        let (least, most) = (*known.arguments.start(), *known.arguments.end());
        let wanted = match most {
            usize::MAX => format!("at least {least}"),
            _ if least == most => least.to_string(),
            _ => format!("{least} to {most}"),
        };
        return fault(directive, format!("has {count} arguments: write {wanted}"));
    }
    let value = directive.arguments.first().map(|value| value.to_ascii_lowercase());
    if known.is_switch && !value.is_some_and(|value| matches!(value.as_str(), "on" | "off")) {
        return fault(directive, "write on or off");
    }
    Ok(())
}

/// Of a map and the like.
fn rows(directive: &Directive, block: &[Directive]) -> Result<(), Fault> {
    if !ROWS.contains(&directive.name.as_str()) {
        return Ok(());
    }
    for row in block {
        if row.name == "include" {
            return fault(row, "the pod has no such file: write what stands in it");
        }
        if row.block.is_some() {
            return fault(row, "has no block: write ; instead of { and }");
        }
    }
    Ok(())
}

fn is_writable(path: &str) -> bool {
    matches!(path, "off" | "stderr" | "/dev/stdout" | "/dev/stderr")
        || ["/tmp/", "syslog:", "memory:"].iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn contract() -> Contract {
        let around = "http { client_max_body_size 1m; upstream service { server 127.0.0.1:8080; }
            server { listen 8081; proxy_read_timeout 5s; proxy_set_header Host $http_host; location / { } location = /metrics { } location @504 { } } }";
        Contract { ports: vec![8080, 8081, 9090], around: parse(around).unwrap(), foreign_nginx: false }
    }

    #[rstest]
    #[case(Place::Http, "worker_processes auto;", "the operator's")]
    #[case(Place::Http, "user root;", "the operator's")]
    #[case(Place::Http, "load_module modules/x.so;", "no module is loaded")]
    #[case(Place::Server, "content_by_lua_block { ngx.say(1); }", "no module is loaded")]
    #[case(Place::Server, "access_by_lua 'x';", "no module is loaded")]
    #[case(Place::Http, "perl_set $x 'y';", "no module is loaded")]
    #[case(Place::Http, "keepalive_min_timeout 0;", "lose no request")]
    #[case(Place::Http, "include /etc/passwd;", "write what stands in it")]
    #[case(Place::Http, "map $uri $x { include /tmp/a; }", "write what stands in it")]
    #[case(Place::Http, "server { listen 8081; }", "8081 is taken")]
    #[case(Place::Http, "server { listen [::]:9090; }", "9090 is taken")]
    #[case(Place::Http, "server { listen 80; }", "from 1024 on")]
    #[case(Place::Http, "server { server_name x; }", "write listen")]
    #[case(Place::Server, "access_log /var/log/x;", "can't be written")]
    #[case(Place::Http, "proxy_cache_path /cache keys_zone=a:1m;", "below /tmp")]
    #[case(Place::Server, "proxy_set_header Host x;", "Host is set by the operator")]
    #[case(Place::Http, "client_max_body_size 2m;", "write it in server")]
    #[case(Place::Server, "proxy_read_timeout 9s;", "set by the operator")]
    #[case(Place::Server, "location / { }", "set by the operator")]
    #[case(Place::Server, "location =/metrics { }", "set by the operator")]
    #[case(Place::Http, "upstream service { server a; }", "set by the operator")]
    #[case(Place::Server, "location @504 { return 200; }", "set by the operator")]
    #[case(Place::Server, "\n\ngzzip on;", "knows no such directive")]
    #[case(Place::Server, "upstream x { }", "belongs into http")]
    #[case(Place::Server, "gzip maybe;", "write on or off")]
    #[case(Place::Server, "add_header X;", "write 2 to 3")]
    #[case(Place::Server, "location /a;", "needs a block")]
    #[case(Place::Server, "gzip on { }", "has no block")]
    #[case(Place::Server, "gzip on; gzip off;", "stands twice")]
    #[case(Place::Server, "} location /x {", "closes a block")]
    fn what_breaks_nginx_or_a_promise_is_refused(
        #[case] place: Place,
        #[case] text: &str,
        #[case] says: &str,
    ) {
        let fault = check(text, place, &contract()).unwrap_err();
        assert!(fault.message.contains(says), "{fault:?}");
    }

    #[rstest]
    #[case(Place::Http, "map $http_x $y { default 0; ~^a 1; }\nserver { listen 8090; return 204; }")]
    #[case(Place::Http, "upstream other { server other:80; keepalive 4; }")]
    #[case(Place::Server, "if ($http_x_forwarded_proto != https) { return 301 https://$host$request_uri; }")]
    #[case(Place::Server, "return 503;")]
    #[case(Place::Server, "client_max_body_size 2m; gzip on; gzip_types text/css;")]
    #[case(
        Place::Server,
        "location /old { return 301 /new; }\nlocation ~ ^/a{2} { if ($host = x) { return 403; } }"
    )]
    #[case(Place::Server, "add_header X-Frame-Options \"DENY\" always; # why not")]
    #[case(
        Place::Server,
        "location /x { limit_except GET { deny all; } proxy_pass http://service; proxy_set_header Host x; }"
    )]
    fn what_is_sound_is_taken(#[case] place: Place, #[case] text: &str) {
        // A brace in a bare word begins a block, as in nginx.
        let text = text.replace("^/a{2}", "\"^/a{2}\"");
        assert_eq!(check(&text, place, &contract()), Ok(()));
    }

    #[test]
    fn another_nginx_may_know_more() {
        let contract = Contract { foreign_nginx: true, ..contract() };
        assert_eq!(check("brotli on;", Place::Server, &contract), Ok(()));
        assert!(check("lua_package_path x;", Place::Http, &contract).is_err());
    }
}
