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
        source: kube::Error,
    },
    /// The API server did not take an object.
    #[error("applying {kind} failed")]
    Apply {
        /// Of the object.
        kind: &'static str,
        /// What the API server said.
        source: kube::Error,
    },
    /// The API server did not delete an object.
    #[error("deleting {kind} failed")]
    Delete {
        /// Of the object.
        kind: &'static str,
        /// What the API server said.
        source: kube::Error,
    },
    /// The API server did not take the status.
    #[error("writing the status failed")]
    Status(#[source] kube::Error),
    /// The API server did not take a pod's annotation.
    #[error("asking the kubelet to refresh a pod's configuration failed")]
    Nudge(#[source] kube::Error),
    /// The API server did not take a pod's new resources.
    #[error("resizing a pod failed")]
    Resize(#[source] kube::Error),
    /// Our own objects could not be written as JSON.
    #[error("{kind} can't be written as JSON")]
    Encode {
        /// Of the object.
        kind: &'static str,
        /// What serde said.
        source: serde_json::Error,
    },
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

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Class {
    /// Only the user can mend it: wait long.
    User,
    /// Somebody wrote at the same time: try again at once.
    Conflict,
    /// It may pass by itself: back off.
    Transient,
    /// The namespace is being deleted: there is nothing left to do.
    Gone,
    /// Ours to mend.
    Bug,
}

impl Error {
    /// How the error is retried.
    pub fn class(&self) -> Class {
        match self {
            Self::Read { source, .. }
            | Self::Apply { source, .. }
            | Self::Delete { source, .. }
            | Self::Status(source)
            | Self::Nudge(source)
            | Self::Resize(source) => match source {
                source if namespace_is_ending(source) => Class::Gone,
                kube::Error::Api(status) if status.is_conflict() => Class::Conflict,
                kube::Error::Api(status) if status.is_invalid() => Class::User,
                _ => Class::Transient,
            },
            Self::Timeout(_) | Self::NotListed { .. } => Class::Transient,
            Self::Encode { .. } => Class::Bug,
        }
    }

    /// The API server's own words, or the error's.
    pub fn words(&self) -> String {
        let source = match self {
            Self::Read { source, .. }
            | Self::Apply { source, .. }
            | Self::Delete { source, .. }
            | Self::Status(source)
            | Self::Nudge(source)
            | Self::Resize(source) => source,
            Self::Timeout(_) | Self::NotListed { .. } | Self::Encode { .. } => return self.to_string(),
        };
        match source {
            kube::Error::Api(status) => format!("{self}: {}", status.message),
            other => format!("{self}: {other}"),
        }
    }
}

/// Did the API server refuse for the reason that the namespace is being deleted?
pub fn namespace_is_ending(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}
