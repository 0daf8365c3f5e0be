//! One behaviour a module. Each test has a namespace of its own, and leaves in peace what others need:
//! the installed operator, the definitions of Microservices and of the Prometheus operator, and the
//! machine, of which nobody asks how fast it is.

mod additions;
mod admin;
mod alerts;
mod autoscale_metric;
mod autoscaling;
mod cannot_run;
mod concurrency;
mod configuration;
mod delete;
mod directory;
mod disruption;
mod drift;
mod expose;
mod faults;
mod held_up;
mod invalid_spec;
mod least_rights;
mod lifecycle;
mod monitored;
mod operator_metrics;
mod pod;
mod pod_template;
mod ports;
mod properties;
mod proxy;
mod rollout;
mod rules;
mod scale;
mod scope;
mod watch_refused;
