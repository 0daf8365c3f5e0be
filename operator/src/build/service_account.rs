use k8s_openapi::{api::core::v1::ServiceAccount, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::meta::object_meta;
use crate::controller::validate::Validated;

/// The account of the pods: the user's, or one that each service has of its own.
pub(super) fn name(validated: &Validated) -> String {
    validated.spec.service_account.name.clone().unwrap_or_else(|| validated.child_name.clone())
}

/// Without a token: only pods that ask for one have business with the API server.
pub(super) fn build(validated: &Validated) -> ServiceAccount {
    let annotations = &validated.spec.service_account.annotations;
    ServiceAccount {
        metadata: ObjectMeta {
            annotations: (!annotations.is_empty()).then(|| annotations.clone()),
            ..object_meta(validated)
        },
        automount_service_account_token: Some(false),
        ..Default::default()
    }
}
