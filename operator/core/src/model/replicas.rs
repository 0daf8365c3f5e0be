/// The number of pods, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// What we apply; none: the number is the autoscaler's.
    pub applied: Option<i32>,
    /// The annotation by which the next reconcile decides.
    pub record: Option<String>,
    /// With this number the autoscaler takes over.
    pub hand_over: Option<i32>,
    /// What is applied comes from this version of the Deployment, and must not be laid over a later one.
    pub version: Option<String>,
}
