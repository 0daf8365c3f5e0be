use std::collections::BTreeMap;

/// What is kept of the objects of a watch. While all are listed anew, the old list holds: it is swapped for
/// the new one when that is whole.
#[derive(Debug)]
pub struct Listing<K, V> {
    found: BTreeMap<K, V>,
    coming: BTreeMap<K, V>,
    listed: bool,
}

impl<K, V> Default for Listing<K, V> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), coming: BTreeMap::new(), listed: false }
    }
}

impl<K: Ord, V> Listing<K, V> {
    /// All are listed anew.
    pub fn begin(&mut self) {
        self.coming.clear();
    }

    /// One of the new list.
    pub fn list(&mut self, key: K, value: V) {
        self.coming.insert(key, value);
    }

    /// The new list is whole. Gives the old one.
    pub fn swap(&mut self) -> BTreeMap<K, V> {
        self.listed = true;
        std::mem::replace(&mut self.found, std::mem::take(&mut self.coming))
    }

    /// It came or changed. Gives what it was.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.found.insert(key, value)
    }

    /// It went. Gives what it was.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.found.remove(key)
    }

    /// All that there are.
    pub fn found(&self) -> &BTreeMap<K, V> {
        &self.found
    }

    /// The one of this key.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.found.get_mut(key)
    }

    /// Was a list whole?
    pub fn is_listed(&self) -> bool {
        self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;

    #[test]
    fn a_list_counts_when_it_is_whole() {
        let mut listing = Listing::default();
        listing.insert("a", 1);
        listing.begin();
        listing.list("b", 2);
        assert_eq!(listing.found().keys().collect::<Vec<_>>(), [&"a"]);
        assert!(!listing.is_listed());
        assert_eq!(listing.swap().into_keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(listing.found().keys().collect::<Vec<_>>(), [&"b"]);
        assert!(listing.is_listed());
        listing.begin();
        assert_eq!(listing.remove(&"b"), Some(2), "until the new list is whole the old one holds");
    }
}
