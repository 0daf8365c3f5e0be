//! The products there are.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// As many as the document has (contract 4.4.21).
const SEEDED: i64 = 107;

/// One product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Product {
    /// What it is called.
    #[schema(example = "product No.0")]
    name: String,
    /// When it was added.
    #[serde(serialize_with = "with_microseconds")]
    #[schema(value_type = String, format = "date-time", example = "2026-01-31T12:00:00.000000Z")]
    created: Timestamp,
}

/// Always as many digits, so that texts sort as times do.
fn with_microseconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"))
}

/// All products, the oldest first. They live as long as the process.
#[derive(Debug, Clone)]
pub(super) struct Products(Arc<[Product]>);

impl Products {
    /// The document's products, as if they had been added one after the other.
    pub(super) fn seeded() -> Self {
        let now = Timestamp::now();
        let product = |number| {
            let age = Duration::from_micros(u64::try_from(SEEDED - number).unwrap_or_default());
            Product { name: format!("product No.{number}"), created: now - age }
        };
        Self((0..SEEDED).map(product).collect())
    }

    /// At most `limit` of them after the first `offset`.
    pub(super) fn page(&self, offset: i64, limit: i64) -> Vec<Product> {
        let position = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        self.0.iter().skip(position(offset)).take(position(limit)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_in_the_order_of_their_creation() {
        let all = Products::seeded().page(0, 1000);
        assert_eq!(all.len(), 107);
        assert!(all.is_sorted_by(|one, next| one.created < next.created));
        assert_eq!((all[0].name.as_str(), all[106].name.as_str()), ("product No.0", "product No.106"));
    }
}
