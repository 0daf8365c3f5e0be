//! File descriptors, of which every connection takes one.

use std::os::fd::RawFd;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Kept back from connections of the service port: for the admin port, so that probes are answered, and for what
/// requests need themselves.
const KEPT: u64 = 64;

/// As many as the platform lets us have: what it gives at first (often 1024) is for programs that use `select`.
pub(crate) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    // Who may not have more has what there is.
    _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
}

/// The first descriptor that a connection of the service port must not have. The kernel hands out the lowest one that
/// is free, so one that is as high says that so many are in use, whatever for.
pub(super) fn end() -> RawFd {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return RawFd::MAX };
    RawFd::try_from(limit - KEPT.min(limit / 4)).unwrap_or(RawFd::MAX)
}
