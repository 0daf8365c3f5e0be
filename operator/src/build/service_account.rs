use k8s_openapi::api::core::v1::ServiceAccount;

use super::meta::object_meta;
use crate::controller::validate::Validated;

/// An identity of its own for each service, without a token: it has no business with the API server.
pub(super) fn build(validated: &Validated) -> ServiceAccount {
    ServiceAccount {
        metadata: object_meta(validated),
        automount_service_account_token: Some(false),
        ..Default::default()
    }
}
