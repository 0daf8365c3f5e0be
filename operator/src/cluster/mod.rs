//! All that talks to the cluster; what it is told to do and what it saw is data of `operator-core`.

pub mod read;
pub mod watch;
pub mod write;
