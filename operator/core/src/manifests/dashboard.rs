use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};

use super::queries::Queries;
use crate::model::{
    Child, ResolvedMicroservice,
    meta::{digest, labelled, object_meta},
};

/// Grafana's own: fits the step between two points.
const WINDOW: &str = "$__rate_interval";

/// Panels are so high, and two stand beside each other on Grafana's 24 columns.
const HEIGHT: usize = 8;
const WIDTH: usize = 12;

/// A dashboard that Grafana's sidecar loads.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ConfigMap {
    let labels = resolved.spec.monitoring.dashboard.clone().unwrap_or_default().labels;
    // Files of all dashboards may lie in one directory.
    let file = format!("{}-{}.json", resolved.namespace, resolved.child_name);
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(Child::Dashboard.name(&resolved.child_name)),
            ..labelled(object_meta(resolved), &labels)
        },
        data: Some(BTreeMap::from([(file, format!("{:#}\n", dashboard(resolved)))])),
        ..Default::default()
    }
}

fn dashboard(resolved: &ResolvedMicroservice) -> Value {
    let title = format!("{}/{}", resolved.namespace, resolved.name);
    json!({
        "uid": digest(title.as_bytes()),
        "title": format!("Microservice {title}"),
        "tags": ["microservice"],
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        ]},
        "panels": panels(resolved),
    })
}

fn panels(resolved: &ResolvedMicroservice) -> Vec<Value> {
    let queries = Queries::new(resolved, WINDOW);
    let pods = panel("Pods that can be scraped", "none", &[("pods", queries.pods_up())]);
    let panels = if resolved.bundled {
        vec![
            panel("Answers a second", "reqps", &[("{{code}}", queries.requests())]),
            panel("Share of errors", "percentunit", &[("status 500 and above", queries.error_share())]),
            panel(
                "Time to answer",
                "s",
                &[
                    ("50 of 100", queries.latency("0.5")),
                    ("95 of 100", queries.latency("0.95")),
                    ("99 of 100", queries.latency("0.99")),
                ],
            ),
            panel("Workers", "none", &[("busy", queries.in_flight()), ("all", queries.workers())]),
            panel("Queue", "none", &[("waiting", queries.queued()), ("places", queries.queue_limit())]),
            panel("Refused a second, the queue being full", "reqps", &[("refused", queries.refused())]),
            pods,
        ]
    } else {
        // Of other images' metrics nothing is known.
        vec![
            pods,
            panel("Metrics of each pod", "none", &[("{{pod}}", queries.samples())]),
            panel("Time of the slowest scrape", "s", &[("scrape", queries.scrape_seconds())]),
        ]
    };
    panels.into_iter().enumerate().map(place).collect()
}

fn panel(title: &str, unit: &str, lines: &[(&str, String)]) -> Value {
    let targets: Vec<_> = ('A'..)
        .zip(lines)
        .map(|(id, (legend, expr))| json!({"refId": id, "expr": expr, "legendFormat": legend}))
        .collect();
    json!({
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": targets,
    })
}

fn place((index, mut panel): (usize, Value)) -> Value {
    panel["id"] = json!(index + 1);
    panel["gridPos"] = json!({"x": index % 2 * WIDTH, "y": index / 2 * HEIGHT, "w": WIDTH, "h": HEIGHT});
    panel
}
