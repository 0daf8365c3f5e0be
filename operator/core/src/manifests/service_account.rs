use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use crate::model::{ResolvedMicroservice, meta::object_meta};

/// The account of the pods: the user's, or one that each service has of its own.
pub(super) fn name(resolved: &ResolvedMicroservice) -> String {
    resolved.spec.service_account.name.clone().unwrap_or_else(|| resolved.child_name.clone())
}

/// Without a token: only pods that ask for one have business with the API server.
pub(super) fn build(resolved: &ResolvedMicroservice) -> ServiceAccount {
    let annotations = &resolved.spec.service_account.annotations;
    ServiceAccount {
        metadata: ObjectMeta {
            annotations: (!annotations.is_empty()).then(|| annotations.clone()),
            ..object_meta(resolved)
        },
        automount_service_account_token: Some(false),
        ..Default::default()
    }
}
