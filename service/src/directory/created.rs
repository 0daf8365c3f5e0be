//! What a change of the tables is answered with.

use chassis::{
    Data,
    answer::ServiceError,
    db::{Argument, Database},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The number of what was added or deleted.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct Created {
    /// Its number.
    pub id: i32,
}

impl Created {
    /// By a statement that returns it.
    pub(super) async fn by(
        database: &Database,
        insert: &'static str,
        arguments: &[Argument<'_>],
    ) -> Result<Data<Self>, ServiceError> {
        let id = database.primary().await?.fetch_value(insert, arguments).await?;
        // It always returns one.
        Ok(Data::new(Self { id: id.ok_or(ServiceError::Internal)? }))
    }
}
