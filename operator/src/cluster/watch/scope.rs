use std::collections::BTreeSet;

/// Where the operator looks and writes: the whole cluster, or some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<String>);

/// One watch of each kind: of a namespace, or of all where it is empty.
pub type WatchNamespace = String;

impl Scope {
    /// These namespaces alone; with none, the whole cluster.
    pub fn new(namespaces: impl IntoIterator<Item = String>) -> Self {
        Self(
            namespaces
                .into_iter()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
        )
    }

    /// Is it the whole cluster?
    pub fn is_cluster(&self) -> bool {
        self.0.is_empty()
    }

    /// What is watched each by itself.
    pub fn watch_namespaces(&self) -> Vec<WatchNamespace> {
        if self.is_cluster() { vec![WatchNamespace::new()] } else { self.0.iter().cloned().collect() }
    }

    /// The one whose watch sees a namespace.
    pub fn watch_namespace_of<'a>(&self, namespace: &'a str) -> &'a str {
        if self.is_cluster() { "" } else { namespace }
    }
}

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct WatchScope {
    /// In which namespaces.
    pub scope: Scope,
    /// The metadata of Secrets, to replace pods when one changes?
    pub secrets: bool,
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn no_namespace_is_the_whole_cluster() {
        let all = Scope::new([String::new()]);
        assert!(all.is_cluster());
        assert_eq!((all.watch_namespaces(), all.watch_namespace_of("a")), (vec![String::new()], ""));
        let some = Scope::new(["b", " a", "a"].map(Into::into));
        assert_eq!(
            (some.watch_namespaces(), some.watch_namespace_of("a")),
            (vec!["a".into(), "b".into()], "a")
        );
    }
}
