//! What the end-to-end tests share: a namespace per test, waits that watch, `kubectl`, requests from
//! inside the cluster, Prometheus, and a report of everything when a test fails.
//!
//! The tests stand in `tests/`, one behaviour per file. They need a cluster with the operator
//! installed, and are therefore ignored unless asked for. Those in `side_by_side` bear each other, those in
//! `alone` and `traffic` bear none beside them:
//!
//! ```text
//! cargo test -p e2e --test side_by_side -- --ignored --test-threads 8
//! cargo test -p e2e --test alone --test traffic -- --ignored --test-threads 2
//! ```
//!
//! See [`Settings`] for the environment they read.

mod account;
mod case;
mod chart;
mod children;
mod client_pod;
mod command;
mod conditions;
mod definition;
mod diagnostics;
mod examples;
mod kubectl;
mod load;
mod metrics;
mod operator_pod;
mod own_operator;
mod process;
mod prometheus;
mod proxy;
mod record;
mod relay;
mod report;
mod settings;
pub mod wait;

pub use account::{Account, Reach, Right, Rights};
pub use case::{Case, run, run_alone, run_within};
pub use chart::{ChartRights, RELEASE};
pub use children::{CHILDREN, Child, managed};
pub use client_pod::{Answer, LoadPod};
pub use command::Output;
pub use conditions::{find as condition, is_ready_at, message, reason, status};
pub use definition::HTTP_ROUTES;
pub use examples::example;
pub use kubectl::Kubectl;
pub use load::{Load, STOP_PORT};
pub use metrics::{Sample, parse as parse_metrics, sum};
pub use operator_pod::{AFTER_DEATH, OperatorPod};
pub use own_operator::{OwnOperator, counted, forbidden, operate};
pub use process::{Process, Undo};
pub use record::Recording;
pub use relay::Relay;
pub use report::{Latency, LoadReport};
pub use settings::{Endpoint, Settings};
