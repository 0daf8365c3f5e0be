//! Microservices that can't be read, such as those of another version of the definition, are left
//! alone: without this one of them would stop the watch of all.

use std::sync::Arc;

use kube::{ResourceExt, core::DeserializeGuard, runtime::controller::Action};
use operator_core::{
    api::{Microservice, MicroserviceRef},
    model::Error,
};

use super::{context::Context, reconcile as reconciling};

/// A Microservice as the watch has it, readable or not.
pub type Guarded = DeserializeGuard<Microservice>;

/// Reconciles what can be read.
pub async fn reconcile(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    match &guarded.0 {
        Ok(microservice) => {
            context.memory.unreadable(&MicroserviceRef::of(microservice), false);
            reconciling::reconcile(microservice, &context).await
        }
        Err(error) => {
            let name = MicroserviceRef::new(guarded.namespace().unwrap_or_default(), guarded.name_any());
            context.memory.unreadable(&name, true);
            tracing::error!(
                name = guarded.name_any(),
                namespace = guarded.namespace(),
                error = error as &dyn std::error::Error,
                "a Microservice can't be read and is left as it is: install the definition of this operator's version, or mend the object"
            );
            Ok(Action::await_change())
        }
    }
}

/// When to try again after a failure.
#[allow(clippy::needless_pass_by_value)] // kube's signature
pub fn on_error(guarded: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    match &guarded.0 {
        Ok(microservice) => reconciling::on_error(microservice, error, &context),
        Err(_) => Action::await_change(),
    }
}
