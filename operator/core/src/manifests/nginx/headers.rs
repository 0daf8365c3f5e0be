//! What the service is told of the client, and by whom.

use super::extras::lines;
use crate::model::ResolvedMicroservice;

/// Headers from which frameworks learn where the client is and what it asked for. Only a trusted
/// proxy's are passed on.
const FORWARDED: [&str; 8] = [
    "Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Protocol",
    "X-Forwarded-Scheme",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
];

pub(super) fn maps(resolved: &ResolvedMicroservice) -> String {
    let mut text = String::from(
        r#"
    # The client's, if it is one; or else made here. In the service's headers, in the log and in the answer.
    map $http_x_request_id $microservice_request_id {
        "~^[A-Za-z0-9._~:/+=@-]{1,128}$" $http_x_request_id;
        default $request_id;
    }
    map $upstream_http_x_request_id $microservice_answered_request_id {
        "" $microservice_request_id;
        default "";
    }
    # Only WebSockets: by another protocol, such as h2c, clients would get past this configuration.
    map $http_upgrade $microservice_upgrade {
        ~*^websocket$ $http_upgrade;
        default "";
    }
    # Never close: a service that answers early would end the connection before nginx has read its answer.
    map $microservice_upgrade $microservice_connection {
        "" "";
        default upgrade;
    }
    # A client of HTTP/1.0 may send none, the service may not.
    map $http_host $microservice_host {
        "" localhost;
        default $http_host;
    }
"#,
    );
    if trusts(resolved) {
        text.push_str("    # Of a trusted proxy.\n");
        text.push_str(&lines(FORWARDED.iter().map(|name| {
            let variable = variable(name);
            format!(
                "    map $microservice_peer_trusted $microservice_{variable} {{ 1 $http_{variable}; default \"\"; }}"
            )
        })));
    } else if is_routed(resolved) {
        text.push_str(
            r"    # The Ingress or Gateway may end HTTPS, and says so; others have nothing to gain by it.
    map $http_x_forwarded_proto $microservice_proto {
        http http;
        https https;
        default $scheme;
    }
",
        );
    }
    text
}

/// In the server that clients reach.
pub(super) fn directives(resolved: &ResolvedMicroservice) -> String {
    let trusts = trusts(resolved);
    let chain = if trusts { "$microservice_forwarded_for" } else { "$proxy_add_x_forwarded_for" };
    let proto = if trusts || is_routed(resolved) { "$microservice_proto" } else { "$scheme" };
    let told = [
        ("Connection", "$microservice_connection"),
        ("Upgrade", "$microservice_upgrade"),
        ("Host", "$microservice_host"),
        ("X-Request-Id", "$microservice_request_id"),
        ("X-Real-IP", "$remote_addr"),
        ("X-Forwarded-For", chain),
        ("X-Forwarded-Proto", proto),
    ];
    let passed = FORWARDED.map(|name| {
        let value = if trusts { format!("$microservice_{}", variable(name)) } else { r#""""#.into() };
        (name, value)
    });
    let set = |name: &str, value: &str| format!("        proxy_set_header {name} {value};");
    let told_lines = lines(told.iter().map(|(name, value)| set(name, value)));
    let passed_lines = lines(passed.iter().map(|(name, value)| set(name, value)));
    let names = told.iter().map(|(name, _)| *name).chain(FORWARDED);
    let ours = names.filter(|name| name.starts_with("X-") && *name != "X-Request-Id");
    let look_alikes = lines(ours.map(|name| {
        let dropped = look_alikes(name).into_iter().map(|name| format!("proxy_set_header {name} \"\";"));
        format!("        {}", dropped.collect::<Vec<_>>().join(" "))
    }));
    format!(
        "{told_lines}        # {whose}
{passed_lines}        # To CGI, WSGI and Rack a - is a _.
{look_alikes}        add_header X-Request-Id $microservice_answered_request_id always;",
        whose =
            if trusts { "Believed of a trusted proxy, and of nobody else." } else { "Believed of nobody." },
    )
}

fn trusts(resolved: &ResolvedMicroservice) -> bool {
    !resolved.spec.proxy.trusted_proxies.is_empty()
}

/// Does an Ingress or a Gateway lead here?
fn is_routed(resolved: &ResolvedMicroservice) -> bool {
    let expose = &resolved.spec.expose;
    expose.ingress.is_some() || expose.http_route.is_some()
}

/// `X-Forwarded-Host` as in `$http_x_forwarded_host`.
fn variable(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// The name with `_` for some of its `-`, in all ways.
fn look_alikes(name: &str) -> Vec<String> {
    let parts: Vec<_> = name.split('-').collect();
    let joints = parts.len().saturating_sub(1);
    (1..1_usize << joints)
        .map(|way| {
            let joint = |index: usize| if way >> index & 1 == 1 { "_" } else { "-" };
            let parts = parts.iter().enumerate();
            parts
                .map(|(i, part)| if i < joints { [part, joint(i)].concat() } else { (*part).into() })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::look_alikes;

    #[test]
    fn every_look_alike_is_found_and_the_name_is_none() {
        assert_eq!(look_alikes("Forwarded"), [""; 0]);
        assert_eq!(look_alikes("X-A-B"), ["X_A-B", "X-A_B", "X_A_B"]);
    }
}
