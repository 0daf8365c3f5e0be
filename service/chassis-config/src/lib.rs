#![doc = include_str!("../README.md")]

mod base_url;
mod edit;
mod file;
mod form;
pub mod http_url;
mod legacy;
mod listen;
mod names;
mod problem;
mod reader;
mod reference;
mod secret;
mod section;
mod settings;
mod sources;
mod value;
mod writable;

pub use base_url::BaseUrl;
pub use edit::{EditError, Edited, set};
pub use legacy::Legacy;
pub use listen::{Listen, host_and_port};
pub use names::shell_name;
pub use problem::{ConfigError, Problem};
pub use reader::{Key, Loaded, Reader, load, load_but, settings};
pub use reference::Unknown;
pub use secret::{HIDDEN, Secret, SecretKeys};
pub use settings::{Names, Setting, Settings};
pub use sources::Sources;
pub use value::{ByteSize, Count, Optional, OrNone, Port, Span, Timeout, Value};
pub use writable::writable;
