use k8s_openapi::api::core::v1::ServiceAccount;

use crate::model::{
    ResolvedMicroservice,
    meta::{annotated, object_meta},
};

/// The account of the pods: the user's, or one that each service has of its own.
pub(super) fn name(resolved: &ResolvedMicroservice) -> String {
    resolved.spec.service_account.name.clone().unwrap_or_else(|| resolved.child_name.clone())
}

/// Without a token: only pods that ask for one have business with the API server.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ServiceAccount {
    ServiceAccount {
        metadata: annotated(object_meta(resolved), &resolved.spec.service_account.annotations),
        automount_service_account_token: Some(false),
        ..Default::default()
    }
}
