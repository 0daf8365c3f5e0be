//! Any valid spec.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};
use serde_json::{Map, Value, json};

/// A field that a spec has or has not.
type Field = (&'static str, BoxedStrategy<Value>);

/// Fields whose content is Kubernetes' business, and only sampled here.
pub const OPAQUE: &[&str] = &[
    "affinity",
    "autoscaling.behavior",
    "autoscaling.metrics[]",
    "dnsConfig",
    "egress[]",
    "env[].valueFrom",
    "envFrom[]",
    "hostAliases[]",
    "initContainers[]",
    "podSecurityContext",
    "podTemplate.metadata",
    "podTemplate.spec",
    "probes.liveness",
    "probes.readiness",
    "probes.startup",
    "securityContext",
    "sidecars[]",
    "tolerations[]",
    "topologySpread[]",
    "volumeMounts[]",
    "volumes[]",
];

/// Any spec that the CRD accepts.
pub fn spec() -> BoxedStrategy<Value> {
    let groups = vec![
        ("proxy", proxy()),
        ("expose", expose()),
        ("networkPolicy", one_of(&["off", "open", "restricted"])),
        ("egress", sample(json!([{ "ports": [{ "port": 5432, "protocol": "TCP" }] }]))),
        ("monitoring", monitoring()),
        ("autoscaling", autoscaling()),
        ("disruption", disruption()),
        ("rollout", rollout()),
    ];
    let fields = [basics(), pod(), groups].concat();
    // Ports differ from each other and from nginx's.
    (object(fields), 0..20_000_i64)
        .prop_map(|(mut spec, port)| {
            if spec.get("port").is_some() || spec.get("adminPort").is_some() {
                spec["port"] = json!(10_000 + port);
                spec["adminPort"] = json!(40_000 + port);
            }
            // Mounts have their volume.
            if spec.get("volumeMounts").is_some() {
                spec["volumes"] = json!([{ "name": "cache", "emptyDir": {} }]);
            }
            // Annotations are for an account of ours.
            if let Some(account) = spec.get_mut("serviceAccount").and_then(Value::as_object_mut)
                && account.contains_key("name")
            {
                account.remove("annotations");
            }
            // It is a part of the policy.
            if spec.get("egress").is_some() && spec["networkPolicy"] != json!("restricted") {
                spec["networkPolicy"] = json!("open");
            }
            // HTTPS is nginx's.
            if spec["proxy"]["enabled"] == json!(false)
                && let Some(proxy) = spec["proxy"].as_object_mut()
            {
                proxy.remove("tls");
            }
            // What is scaled by is requested.
            if spec.get("autoscaling").is_some() && spec.get("resources").is_some() {
                spec["resources"]["requests"] = json!({ "cpu": "10m", "memory": "10Mi" });
            }
            spec
        })
        .boxed()
}

fn basics() -> Vec<Field> {
    vec![
        ("image", image()),
        ("imagePullPolicy", one_of(&["Always", "IfNotPresent", "Never"])),
        ("concurrency", number(1, 1024)),
        ("requestsPerWorker", number(1, 1024)),
        ("concurrencyChange", one_of(&["Live", "Restart"])),
        ("referenceChange", one_of(&["Restart", "Ignore"])),
        ("upgradePolicy", one_of(&["Pinned", "Auto"])),
        ("replicas", number(0, 1000)),
        (
            "profile",
            one_of(&[
                "all",
                "message",
                "fibonacci",
                "catalog",
                "directory",
                "users",
                "regions",
                "roles",
                "quickstart",
            ]),
        ),
        ("config", config()),
        ("port", number(1024, 65535)),
        ("adminPort", number(1024, 65535)),
        ("suspend", flag()),
        ("stopped", flag()),
    ]
}

fn pod() -> Vec<Field> {
    let words = || vec(text("[a-z-]{0,8}"), 0..3).prop_map(Value::from).boxed();
    let get = json!({ "httpGet": { "path": "/", "port": "service" } });
    let container = |name: &str| sample(json!([{ "name": name, "image": "team/app:1" }]));
    let metadata = || {
        vec![
            ("labels", map("[a-z]{1,9}", text("[a-z0-9]{0,9}"))),
            ("annotations", map("[a-z]{1,9}", text("[a-z ]{0,9}"))),
        ]
    };
    let account = vec![
        ("name", text("[a-z]{1,9}")),
        ("annotations", map("[a-z]{1,9}", text("[a-z]{0,9}"))),
        ("automountToken", flag()),
    ];
    let files = prop_oneof![
        Just(
            json!([{ "path": "/srv/a", "content": "" }, { "path": "/srv/b", "configMap": { "name": "b" } }])
        ),
        Just(json!([{ "path": "/srv/a", "configMap": { "name": "a", "key": "k" } }])),
        Just(json!([{ "path": "/srv/a", "secret": { "name": "a", "key": "k" } }])),
    ];
    vec![
        ("env", env()),
        ("resources", resources()),
        ("resourcesPerWorker", resources_per_worker()),
        ("imagePullSecrets", sample(json!([{ "name": "registry" }]))),
        ("command", words()),
        ("args", words()),
        ("envFrom", sample(json!([{ "prefix": "A_", "configMapRef": { "name": "a" } }]))),
        (
            "probes",
            object(["liveness", "readiness", "startup"].map(|probe| (probe, sample(get.clone()))).into()),
        ),
        ("serviceAccount", object(account)),
        ("securityContext", sample(json!({ "privileged": true }))),
        ("podSecurityContext", sample(json!({ "fsGroup": 2000 }))),
        ("priorityClassName", text("[a-z]{1,9}")),
        ("podMetadata", object(metadata())),
        ("commonMetadata", object(metadata())),
        ("runtimeClassName", text("[a-z]{1,9}")),
        ("hostAliases", sample(json!([{ "ip": "10.0.0.1", "hostnames": ["a"] }]))),
        ("dnsPolicy", one_of(&["ClusterFirst", "ClusterFirstWithHostNet", "Default"])),
        ("dnsConfig", sample(json!({ "options": [{ "name": "ndots", "value": "2" }] }))),
        ("terminationGracePeriodSeconds", number(700, 86_400)),
        ("nodeSelector", map("[a-z]{1,9}", text("[a-z0-9]{0,9}"))),
        ("tolerations", sample(json!([{ "operator": "Exists" }]))),
        ("affinity", sample(json!({ "podAntiAffinity": {} }))),
        (
            "topologySpread",
            sample(json!([{ "topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule" }])),
        ),
        ("files", files.boxed()),
        ("volumes", sample(json!([{ "name": "data", "emptyDir": { "sizeLimit": "1Gi" } }]))),
        ("volumeMounts", sample(json!([{ "name": "cache", "mountPath": "/cache" }]))),
        ("initContainers", container("first")),
        ("sidecars", container("beside")),
        (
            "podTemplate",
            object(vec![
                ("metadata", sample(json!({ "labels": { "a": "b" } }))),
                ("spec", sample(json!({ "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["a"] }] }))),
            ]),
        ),
    ]
}

fn sample(value: Value) -> BoxedStrategy<Value> {
    Just(value).boxed()
}

fn proxy() -> BoxedStrategy<Value> {
    object(vec![
        ("enabled", flag()),
        ("image", image()),
        ("timeout", text("([1-9][0-9]{0,2}s|[1-5]?[0-9]m1s|1h|1m30s|1500ms)")),
        ("maxBodySize", text("[1-9][0-9]{0,6}(Ki|Mi|Gi)?")),
        ("upstreamIdleTimeout", text("(0s|[1-9]s|1500ms|1h)")),
        ("buffering", flag()),
        ("accessLog", flag()),
        ("gzip", flag()),
        ("rateLimit", with("requestsPerSecond", number(1, 100_000), vec![("burst", number(0, 100_000))])),
        ("trustedProxies", sample(json!(["192.0.2.1", "10.0.0.0/8", "fd00::/8"]))),
        ("tls", sample(json!({ "secretName": "tls" }))),
        (
            "extraConfig",
            object(vec![
                ("http", text("(map \\$host \\$shop \\{ default [a-z]{1,9}; \\}\n)?")),
                ("server", text("(# [a-zäß ]{0,20}\nadd_header X-[A-Z]{1,9} \"[a-z ]{0,9}\";)?")),
            ]),
        ),
        ("resources", resources()),
    ])
}

fn expose() -> BoxedStrategy<Value> {
    let host = || text("([*][.])?[a-z0-9]{1,20}([.][a-z0-9]([-a-z0-9]{0,9}[a-z0-9])?){1,3}");
    let path = || text("/([-a-z0-9_~]{1,9}/)?([a-z0-9]{1,9})?");
    let annotations = || map("[a-z]{1,9}", text("[a-z ]{0,9}"));
    let certificate = prop_oneof![
        with("secretName", name(), vec![]),
        with("issuer", name(), vec![("secretName", name())]),
        with("clusterIssuer", name(), vec![("secretName", name())]),
    ];
    let ingress = || vec![("className", name()), ("path", path()), ("annotations", annotations())];
    // A certificate is for a host.
    let secured = [ingress(), vec![("tls", certificate.boxed())]].concat();
    let ingress = prop_oneof![object(ingress()), with("host", host(), secured)];
    let parent = vec![("namespace", name()), ("sectionName", name()), ("port", number(1, 65535))];
    let route = vec![("hostnames", list(host())), ("path", path())];
    let protocol = || one_of(&["http", "kubernetes.io/h2c"]);
    let target = prop_oneof![number(1, 65535), text("[a-z0-9]{0,9}[a-z](-[a-z0-9]{1,4})?")].boxed();
    let port = with("port", number(81, 9000), vec![("targetPort", target), ("appProtocol", protocol())]);
    // Each name and number stands once.
    let ports = port.prop_map(|mut port| {
        port["name"] = json!("extra");
        json!([port])
    });
    let service = vec![
        ("type", one_of(&["ClusterIP", "NodePort", "LoadBalancer"])),
        ("annotations", annotations()),
        ("ports", ports.boxed()),
        ("appProtocol", protocol()),
        ("externalTrafficPolicy", one_of(&["Cluster", "Local"])),
        ("loadBalancerClass", text("([a-z]{1,9}[.]example[.]com/)?[a-z]{1,9}")),
        ("sessionAffinity", one_of(&["None", "ClientIP"])),
        // No cluster of one family has both where both are required.
        ("ipFamilyPolicy", one_of(&["SingleStack", "PreferDualStack"])),
    ];
    let service = object(service).prop_map(|mut service| {
        let of = service["type"].as_str().unwrap_or("ClusterIP").to_owned();
        if let Some(fields) = service.as_object_mut() {
            fields.retain(|field, _| match field.as_str() {
                "externalTrafficPolicy" => of != "ClusterIP",
                "loadBalancerClass" => of == "LoadBalancer",
                _ => true,
            });
        }
        service
    });
    object(vec![
        ("ingress", ingress.boxed()),
        ("httpRoute", with("parentRefs", list(with("name", name(), parent)), route)),
        ("service", service.boxed()),
    ])
}

fn monitoring() -> BoxedStrategy<Value> {
    let label = || text("([A-Za-z0-9]([-A-Za-z0-9_.]{0,40}[A-Za-z0-9])?)?");
    let labels = || map("[a-z]([a-z0-9.-]{0,20}[a-z0-9])?", label());
    let texts = || map("[a-z]{1,9}", text("[a-z {}.$]{0,20}"));
    let rule = || vec![("labels", texts()), ("annotations", texts())];
    let alert = [rule(), vec![("for", text("[1-9][0-9]{0,2}(s|m|h|d)"))]].concat();
    let own = prop_oneof![with("alert", name(), alert), with("record", sample(json!("a:b")), rule())]
        .prop_map(|mut rule| {
            rule["expr"] = json!("up == 0");
            rule
        });
    let rules = vec![
        ("defaults", flag()),
        ("errorPercent", number(1, 100)),
        ("latency", text("[1-9][0-9]{0,2}(ms|s)|[1-5]?[1-9]m|1h")),
        ("own", list(own.boxed())),
    ];
    let interval = text("[1-9][0-9]{0,3}(ms|s|m)");
    // A scrape ends before the next begins.
    let rhythm = prop_oneof![
        Just(json!({})),
        interval.clone().prop_map(|interval| json!({ "interval": interval })),
        interval.prop_map(|interval| json!({ "interval": interval, "scrapeTimeout": interval })),
        text("([1-9]|[12][0-9]|30)s").prop_map(|timeout| json!({ "scrapeTimeout": timeout })),
    ];
    let rest = object(vec![
        ("enabled", flag()),
        ("labels", labels()),
        ("relabelings", list(relabeling())),
        ("metricRelabelings", list(relabeling())),
        ("path", text("/[a-z0-9._~]{1,9}(/[-a-z]{1,9})?")),
        ("port", prop_oneof![number(1, 65535), text("[a-g][a-z]{0,9}")].boxed()),
        ("sampleLimit", number(1, 10_000_000)),
        ("rules", object(rules)),
        ("dashboard", object(vec![("labels", labels())])),
        ("statsd", object(vec![("image", image()), ("resources", resources())])),
    ]);
    (rest, rhythm)
        .prop_map(|(mut all, rhythm)| {
            for (field, value) in rhythm.as_object().into_iter().flatten() {
                all[field] = value.clone();
            }
            all
        })
        .boxed()
}

fn relabeling() -> BoxedStrategy<Value> {
    object(vec![
        ("action", one_of(&["replace", "keep", "drop", "hashmod", "labelmap", "lowercase", "keepequal"])),
        ("sourceLabels", list(text("[a-zA-Z_][a-zA-Z0-9_]{0,20}"))),
        ("separator", text("[;,-]?")),
        ("regex", text("[(][a-z.*+]{1,9}[)]")),
        ("targetLabel", text("[a-z_]{1,20}")),
        ("replacement", text("[$]1|[a-z]{0,9}")),
        ("modulus", number(1, 1_000_000)),
    ])
}

fn autoscaling() -> BoxedStrategy<Value> {
    let metric = json!({ "type": "Pods", "pods": {
        "metric": { "name": "busy" }, "target": { "type": "AverageValue", "averageValue": "3" },
    }});
    let fields = object(vec![
        ("minReplicas", number(1, 1000)),
        ("cpu", number(1, 1000)),
        ("memory", number(1, 1000)),
        ("metrics", Just(json!([metric])).boxed()),
        (
            "behavior",
            number(0, 3600).prop_map(|s| json!({ "scaleDown": { "stabilizationWindowSeconds": s } })).boxed(),
        ),
    ]);
    (fields, 0..1000_i64)
        .prop_map(|(mut fields, more)| {
            let min = fields["minReplicas"].as_i64().unwrap_or(1);
            fields["maxReplicas"] = json!((min + more).min(1000));
            fields
        })
        .boxed()
}

fn disruption() -> BoxedStrategy<Value> {
    // The two exclude each other.
    prop_oneof![
        object(vec![("enabled", flag()), ("maxUnavailable", count_or_share(0))]),
        object(vec![("enabled", flag()), ("minAvailable", count_or_share(0))]),
    ]
    .boxed()
}

fn rollout() -> BoxedStrategy<Value> {
    object(vec![
        ("maxSurge", count_or_share(1)),
        ("maxUnavailable", count_or_share(0)),
        ("minReadySeconds", number(0, 3600)),
        ("revisionHistory", number(0, 100)),
        ("drain", number(0, 600)),
        ("onFailure", one_of(&["Hold", "RollBack"])),
        ("strategy", one_of(&["RollingUpdate", "Recreate"])),
    ])
    .prop_flat_map(|rollout| {
        // Longer than minReadySeconds.
        let least = rollout["minReadySeconds"].as_i64().unwrap_or(0) + 1;
        (Just(rollout), option::of(least.max(300)..=86_400))
    })
    .prop_map(|(mut rollout, deadline)| {
        // The default is 300 s.
        let needed = rollout["minReadySeconds"].as_i64().is_some_and(|seconds| seconds >= 300);
        if let Some(seconds) = deadline.or(needed.then_some(86_400)) {
            rollout["progressDeadline"] = json!(format!("{seconds}s"));
        }
        rollout
    })
    .boxed()
}

fn count_or_share(min: i64) -> BoxedStrategy<Value> {
    prop_oneof![number(min, 1000), (min..=100).prop_map(|n| json!(format!("{n}%"))).boxed()].boxed()
}

fn env() -> BoxedStrategy<Value> {
    let value = prop_oneof![
        text("[ -~äß€]{0,40}").prop_map(|value| json!({ "value": value })),
        one_of(&["metadata.name", "spec.nodeName", "status.podIP"])
            .prop_map(|path| json!({ "valueFrom": { "fieldRef": { "fieldPath": path } } })),
    ];
    // Names of ours are all of capitals.
    btree_map("[a-z_][A-Za-z0-9_.-]{0,30}", value, 0..6)
        .prop_map(|map| {
            map.into_iter()
                .map(|(name, mut variable)| {
                    variable["name"] = json!(name);
                    variable
                })
                .collect()
        })
        .boxed()
}

fn resources() -> BoxedStrategy<Value> {
    // A request is never above its limit.
    object(vec![("requests", amounts(1..500)), ("limits", amounts(500..4000))])
}

/// What is requested for a worker has a limit too, or many would pass that of `resources`.
fn resources_per_worker() -> BoxedStrategy<Value> {
    resources()
        .prop_map(|mut share| {
            for (name, limit) in [("cpu", "4"), ("memory", "4Gi")] {
                if share["requests"].get(name).is_some() && share["limits"].get(name).is_none() {
                    share["limits"][name] = json!(limit);
                }
            }
            share
        })
        .boxed()
}

fn amounts(range: std::ops::Range<u32>) -> BoxedStrategy<Value> {
    object(vec![
        ("cpu", range.clone().prop_map(|n| json!(format!("{n}m"))).boxed()),
        ("memory", range.prop_map(|n| json!(format!("{n}Mi"))).boxed()),
    ])
}

/// Names that have no field of their own in the spec.
fn config() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~äß€]{0,20}".prop_map(Value::from),
    ];
    let any = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![vec(inner.clone(), 0..4).prop_map(Value::from), map("[a-z_]{1,10}", inner.boxed())]
    });
    map("x_[a-z]{1,10}", any.boxed())
}

fn image() -> BoxedStrategy<Value> {
    text("[a-z0-9]{1,10}(:5000)?/[a-z0-9]{1,20}(/[a-z0-9]{1,20})?(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20})?")
}

/// An object with some of `fields`.
fn object(fields: Vec<Field>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| option::weighted(0.4, value).prop_map(move |value| (name, value)))
        .collect();
    fields
        .prop_map(|fields| {
            let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(present.collect::<Map<_, _>>())
        })
        .boxed()
}

/// An object that has `field`, and some of `others`.
fn with(field: &'static str, value: BoxedStrategy<Value>, others: Vec<Field>) -> BoxedStrategy<Value> {
    (object(others), value)
        .prop_map(move |(mut all, value)| {
            all[field] = value;
            all
        })
        .boxed()
}

fn list(values: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    vec(values, 1..3).prop_map(Value::from).boxed()
}

/// A name that every object may have.
fn name() -> BoxedStrategy<Value> {
    text("[a-z]([-a-z0-9]{0,9}[a-z0-9])?")
}

/// An object of any names.
fn map(names: &'static str, values: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    btree_map(names, values, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())).boxed()
}

fn text(pattern: &'static str) -> BoxedStrategy<Value> {
    pattern.prop_map(Value::from).boxed()
}

fn number(min: i64, max: i64) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(min), 1 => Just(max), 4 => min..=max].prop_map(Value::from).boxed()
}

fn flag() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

fn one_of(words: &[&'static str]) -> BoxedStrategy<Value> {
    proptest::sample::select(words.to_vec()).prop_map(Value::from).boxed()
}
