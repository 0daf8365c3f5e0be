//! What was made of a Microservice, as its status keeps it.

use std::collections::BTreeMap;

use strum::VariantArray;

use crate::{
    api::{InventoryItem, Microservice},
    model::{Child, Kind},
    observed::{Live, Observed},
    plan::Applied,
};

/// Did we make it, as far as the status knows?
pub fn has(microservice: &Microservice, kind: Kind, name: &str) -> bool {
    let inventory = microservice.status.iter().flat_map(|status| &status.inventory);
    inventory.into_iter().any(|found| *found == item(kind, name))
}

/// What there is now: what was applied, and what was made before and could not be deleted, or whose
/// kind the cluster does not know at the moment.
pub fn inventory(
    old: &[InventoryItem],
    child_name: &str,
    applied: &Applied,
    observed: &Observed,
) -> Vec<InventoryItem> {
    let children = Child::VARIANTS.iter().filter_map(|child| {
        let item = item(child.kind(), &child.name(child_name));
        let is_there = applied.objects.contains_key(child)
            || matches!(observed.live(*child), Live::Ours(_)) && !applied.pruned.contains(child)
            || !observed.serves(child.kind()) && old.contains(&item);
        is_there.then_some(item)
    });
    sorted(children)
}

/// The inventory with these objects as well.
pub fn with(
    inventory: Vec<InventoryItem>,
    kind: Kind,
    names: impl IntoIterator<Item = String>,
) -> Vec<InventoryItem> {
    sorted(inventory.into_iter().chain(names.into_iter().map(|name| item(kind, &name))))
}

fn sorted(items: impl Iterator<Item = InventoryItem>) -> Vec<InventoryItem> {
    let all = items.map(|item| ((item.kind.clone(), item.name.clone()), item));
    all.collect::<BTreeMap<_, _>>().into_values().collect()
}

fn item(kind: Kind, name: &str) -> InventoryItem {
    let resource = kind.resource();
    InventoryItem { api_version: resource.api_version, kind: resource.kind, name: name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::Entry;
    use kube::core::{DynamicObject, ObjectMeta};
    use serde_json::Value;
    use std::{collections::BTreeSet, sync::Arc};

    fn object() -> Arc<DynamicObject> {
        Arc::new(DynamicObject { types: None, metadata: ObjectMeta::default(), data: Value::Null })
    }

    fn kinds(inventory: &[InventoryItem]) -> Vec<&str> {
        inventory.iter().map(|item| &*item.kind).collect()
    }

    #[test]
    fn what_was_made_stands_in_it_until_it_is_deleted() {
        let mut applied = Applied::default();
        applied.objects.insert(Child::Service, object());
        let mut observed = Observed::default();
        let ours = Live::Ours(Entry { object: object(), settled: None });
        observed.children.insert(Child::ServiceMonitor, ours);
        let both = inventory(&[], "a", &applied, &observed);
        assert_eq!(kinds(&both), ["Service", "ServiceMonitor"]);
        assert_eq!((&*both[0].api_version, &*both[0].name), ("v1", "a"));
        applied.pruned.push(Child::ServiceMonitor);
        assert_eq!(kinds(&inventory(&both, "a", &applied, &observed)), ["Service"]);
    }

    #[test]
    fn a_definition_that_is_away_makes_nobody_forget() {
        let old = [item(Kind::ServiceMonitor, "a")];
        let mut observed = Observed::default();
        assert!(inventory(&old, "a", &Applied::default(), &observed).is_empty());
        observed.missing = BTreeSet::from([Kind::ServiceMonitor]);
        assert_eq!(inventory(&old, "a", &Applied::default(), &observed), old);
    }
}
