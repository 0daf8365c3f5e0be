//! What of the directory is served.

/// Which parts are in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    pub users: bool,
    pub regions: bool,
    pub roles: bool,
}

impl Parts {
    pub(crate) const ALL: Self = Self { users: true, regions: true, roles: true };
}
