use std::time::Instant;

/// A pod that is not ready for longer than a start takes, and says nothing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Its name.
    pub pod: String,
    /// What its node's kubelet last complained of.
    pub complaint: Option<Complaint>,
}

/// A warning among a pod's Events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Such as `FailedMount`.
    pub reason: String,
    /// In the kubelet's words.
    pub words: String,
}

/// What is known of pods that do not get ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The first of those that wait for too long.
    pub stuck: Option<Stuck>,
    /// When to look again.
    pub again: Option<Instant>,
}
