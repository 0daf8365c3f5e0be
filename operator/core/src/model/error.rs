use std::time::Duration;

/// Why a reconcile failed. The message names what was done; the cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not give an object.
    #[error("reading {kind} failed")]
    Read {
        /// Of the object.
        kind: &'static str,
        /// What the API server said.
        source: Refusal,
    },
    /// The API server did not take an object.
    #[error("applying {kind} failed")]
    Apply {
        /// Of the object.
        kind: &'static str,
        /// What the API server said.
        source: Refusal,
    },
    /// The API server did not delete an object.
    #[error("deleting {kind} failed")]
    Delete {
        /// Of the object.
        kind: &'static str,
        /// What the API server said.
        source: Refusal,
    },
    /// The API server did not take the status.
    #[error("writing the status failed")]
    Status(#[source] Refusal),
    /// The API server did not take a pod's annotation.
    #[error("asking the kubelet to refresh a pod's configuration failed")]
    Nudge(#[source] Refusal),
    /// The API server did not take a pod's new resources.
    #[error("resizing a pod failed")]
    Resize(#[source] Refusal),
    /// Which objects of a kind there are is not known yet.
    #[error("{kind}s are not listed yet")]
    NotListed {
        /// Of the objects.
        kind: &'static str,
    },
    /// The whole reconcile took too long.
    #[error("not done within {0:?}")]
    Timeout(Duration),
}

/// Why a request to the API server came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{words}")]
pub struct Refusal {
    /// How it is retried.
    pub class: Class,
    /// The API server's own words, or those of what kept it from answering.
    pub words: String,
}

/// What to do about an error; what is tried again sooner comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// Somebody wrote at the same time: try again at once.
    Conflict,
    /// It may pass by itself: back off.
    Transient,
    /// Only the user can fix it: wait long.
    User,
    /// The namespace is being deleted: there is nothing left to do.
    Gone,
    /// Ours to fix.
    Bug,
}

impl Error {
    /// How the error is retried.
    pub fn class(&self) -> Class {
        self.refusal().map_or(Class::Transient, |refusal| refusal.class)
    }

    /// The API server's own words, or the error's.
    pub fn words(&self) -> String {
        match self.refusal() {
            Some(refusal) => format!("{self}: {refusal}"),
            None => self.to_string(),
        }
    }

    /// Was the cluster not even read, so that nothing was decided?
    pub fn is_about_reading(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::NotListed { .. } | Self::Timeout(_))
    }

    /// Such a failure keeps nobody from being served.
    pub fn is_about_monitoring(&self) -> bool {
        matches!(self, Self::Apply { kind: "ServiceMonitor" | "PrometheusRule", .. })
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Read { source, .. }
            | Self::Apply { source, .. }
            | Self::Delete { source, .. }
            | Self::Status(source)
            | Self::Nudge(source)
            | Self::Resize(source) => Some(source),
            Self::Timeout(_) | Self::NotListed { .. } => None,
        }
    }
}
