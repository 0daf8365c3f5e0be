//! Notifications: messages that wait on disk and are sent together, by e-mail and to Slack (contract 2.4).
//!
//! [`Notifier::send`] returns when the message is on disk; a crash loses none. Every `notify.batch_minutes`, and once
//! more when the service ends, each channel sends what it has not sent yet, and remembers how far it came: a channel
//! that fails makes no other one send anything twice. What all enabled channels have taken is removed. A channel that
//! fails tries again after a pause that grows up to five minutes. What a channel refuses for good (a recipient that is
//! not there, a mail that is too large) becomes a [`DeadLetter`] and holds up nothing else.
//!
//! A message may arrive twice where the process dies between the moment a server takes it and the moment that is
//! noted. Processes may share the file: each channel is used by one of them at a time. Secrets are read at each
//! delivery, so one that is changed in its file needs no restart.
//!
//! ```
//! use chassis_client::Upstreams;
//! use chassis_config::{Reader, Sources, load};
//! use chassis_extras::notify::{Notifier, config::Notify};
//! use chassis_telemetry::metrics::Metrics;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let directory = tempfile::tempdir()?;
//! let env = [
//!     ("CHASSIS_NOTIFY__SLACK__ENABLED", "true"),
//!     ("CHASSIS_NOTIFY__SLACK__URL", "http://127.0.0.1:9/api"),
//!     ("MICROSERVICE__SLACK_TOKEN", "xoxb-1"),
//! ];
//! let read = |reader: &mut Reader| Notify::read(reader, "microservice", directory.path());
//! let config = load(&Sources::default().with_env(env), read)?.config;
//! let metrics = Metrics::new()?;
//! let upstreams = Upstreams::register(metrics.registry())?;
//! let notifier = Notifier::new(&config, "microservice", &metrics, &upstreams)?;
//! notifier.send("the disk is nearly full").await?;
//! // Nobody is at that address, so the message stays.
//! let deliveries = notifier.flush().await;
//! assert!(deliveries[0].outcome.is_err());
//! assert_eq!(notifier.waiting().await?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod channel;
pub mod config;
mod dead_letters;
mod digest;
mod email;
mod error;
mod notifier;
mod outbox;
mod slack;
mod worker;

pub use self::{
    dead_letters::DeadLetter,
    error::{DeliveryError, NotifyError},
    notifier::{Delivery, Notifier, Retry},
    worker::Deliveries,
};
