use kube::ResourceExt;

use super::spec::Microservice;

/// Names a Microservice; its uid is not known any more when it is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroserviceRef {
    /// Where it is.
    pub namespace: String,
    /// What it is called there.
    pub name: String,
}

impl MicroserviceRef {
    /// By its names.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// Of this one.
    pub fn of(microservice: &Microservice) -> Self {
        Self::new(microservice.namespace().unwrap_or_default(), microservice.name_any())
    }
}
