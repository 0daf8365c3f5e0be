use std::sync::Arc;

use kube::core::DynamicObject;

/// One child as the cluster has it.
#[derive(Clone, Debug)]
pub enum Live {
    /// There is none.
    Absent,
    /// Our Microservice owns it.
    Ours(Entry),
    /// The name is taken.
    Foreign {
        /// Of the object.
        name: String,
        /// Who it belongs to, for the user.
        owner: String,
    },
}

/// One object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whole; of one that is as wanted no more than a reconcile still reads.
    pub object: Arc<DynamicObject>,
    /// Digest of the wanted object that it was seen to match.
    pub settled: Option<String>,
}
