//! Of other projects' kinds, what we set.

mod http_route;
mod prometheus_rule;
mod service_monitor;

pub use http_route::{BackendRef, HTTPRoute, HttpRouteSpec, Match, PathMatch, Rule};
pub use prometheus_rule::{Group, PrometheusRule, PrometheusRuleSpec};
pub use service_monitor::{Endpoint, ServiceMonitor, ServiceMonitorSpec};
