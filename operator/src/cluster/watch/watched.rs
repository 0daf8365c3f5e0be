//! What is kept of an object that a watch found, and whose it is.

use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec},
    apimachinery::pkg::apis::meta::v1::FieldsV1,
};
use kube::{
    Resource,
    api::{DynamicObject, ObjectMeta},
    runtime::reflector::ObjectRef,
};
use operator_core::{
    api::{Microservice, MicroserviceRef},
    manifests::SERVICE_CONTAINER,
    model::meta::{OWNER_ANNOTATION, is_ours},
};
use serde::{Serialize, de::DeserializeOwned};

/// An object that a store keeps.
pub trait Watched: Resource + Serialize + DeserializeOwned {
    /// No more than a reconcile reads.
    #[must_use]
    fn trim(self) -> Self;

    /// The Microservice that an object of this metadata belongs to.
    fn owner(metadata: &ObjectMeta) -> Option<MicroserviceRef>;
}

impl Watched for DynamicObject {
    /// Who owns which field is a third of an object; of that only what is ours is read, and it is kept as one
    /// text.
    fn trim(mut self) -> Self {
        let entries = self.metadata.managed_fields.take().into_iter().flatten();
        let ours = entries.filter(is_ours).map(|mut entry| {
            entry.fields_v1 = entry.fields_v1.map(|fields| FieldsV1(fields.0.to_string().into()));
            entry
        });
        self.metadata.managed_fields = Some(ours.collect());
        self
    }

    fn owner(metadata: &ObjectMeta) -> Option<MicroserviceRef> {
        let namespace = metadata.namespace.as_deref()?;
        let mut owners = metadata.owner_references.iter().flatten();
        let owner =
            owners.find_map(|owner| ObjectRef::<Microservice>::from_owner_ref(Some(namespace), owner, ()))?;
        Some(MicroserviceRef::new(namespace, owner.name))
    }
}

impl Watched for Pod {
    /// The metadata, the status, its ports, and what the service's container may use.
    fn trim(mut self) -> Self {
        self.metadata.managed_fields = None;
        let slim = |Container { name, ports, resources, .. }| {
            let resources = resources.filter(|_| name == SERVICE_CONTAINER);
            Container { name, ports, resources, ..Container::default() }
        };
        let slim = |containers: Vec<_>| containers.into_iter().map(slim).collect();
        self.spec = self.spec.take().map(|PodSpec { containers, init_containers, .. }| PodSpec {
            containers: slim(containers),
            init_containers: init_containers.map(slim),
            ..PodSpec::default()
        });
        self
    }

    /// Pods are owned by ReplicaSets; the template carries the Microservice's name.
    fn owner(metadata: &ObjectMeta) -> Option<MicroserviceRef> {
        let name = metadata.annotations.as_ref()?.get(OWNER_ANNOTATION)?;
        Some(MicroserviceRef::new(metadata.namespace.as_deref()?, name))
    }
}
