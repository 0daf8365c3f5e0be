//! The answer that a task works on: how it is spelt, and what was refused.

use std::{
    cell::{Cell, RefCell},
    future::Future,
};

use super::{Dialect, ServiceError};

tokio::task_local! {
    static ANSWERING: Answering;
}

#[derive(Default)]
struct Answering {
    dialect: Cell<Dialect>,
    refusal: RefCell<Option<ServiceError>>,
}

/// Runs `work` as the answer of one request.
pub async fn scope<T>(work: impl Future<Output = T>) -> T {
    ANSWERING.scope(Answering::default(), work).await
}

/// How the answer is spelt, once the request has found its router.
pub fn set_dialect(dialect: Dialect) {
    _ = ANSWERING.try_with(|answering| answering.dialect.set(dialect));
}

pub(super) fn dialect() -> Dialect {
    ANSWERING.try_with(|answering| answering.dialect.get()).unwrap_or_default()
}

/// Remembers the first error that became an answer.
pub(super) fn refuse(error: &ServiceError) {
    _ = ANSWERING.try_with(|answering| {
        answering.refusal.borrow_mut().get_or_insert_with(|| error.clone());
    });
}

/// The error that became the answer, if one did.
pub fn refusal() -> Option<ServiceError> {
    ANSWERING.try_with(|answering| answering.refusal.take()).ok().flatten()
}
