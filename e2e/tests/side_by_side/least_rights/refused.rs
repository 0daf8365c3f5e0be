//! What a missing right shows by: refused requests.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use e2e::{Rights, wait};

/// Refused requests, such as `list pods`, and how often.
pub type Refused = BTreeMap<String, f64>;

/// All rights but these, each such as `list pods`.
pub fn without(rights: &Rights, removed: &[String]) -> Rights {
    rights.iter().filter(|right| !removed.contains(&right.to_string())).cloned().collect()
}

/// Waits until requests were refused that were not `before`, each such as `list pods`. The waits here are long: what
/// was refused is tried again after a back-off, which grows with each time.
pub async fn refused(
    now: impl Fn() -> Refused,
    before: &Refused,
    wanted: impl IntoIterator<Item = String>,
) -> Result<()> {
    let mut wanted: Vec<_> = wanted.into_iter().collect();
    let what = format!("the API server to refuse {wanted:?}");
    wait::until(&what, wait::LONG, async || {
        let now = now();
        wanted.retain(|right| now.get(right) <= before.get(right));
        ensure!(wanted.is_empty(), "not refused yet: {wanted:?}");
        Ok(Some(()))
    })
    .await
}
