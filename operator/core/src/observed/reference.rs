/// What can be referred to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::VariantArray,
)]
#[allow(missing_docs)] // Kubernetes' own names.
pub enum ReferenceKind {
    Secret,
    ConfigMap,
}

/// A Secret or ConfigMap that a spec names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which of the two.
    pub kind: ReferenceKind,
    /// Its name, in the Microservice's namespace.
    pub name: String,
    /// The field of the spec that names it.
    pub field: String,
    /// May it be missing?
    pub optional: bool,
}

impl Reference {
    /// For people: `Secret/database`.
    pub fn id(&self) -> String {
        format!("{}/{}", <&str>::from(self.kind), self.name)
    }
}

/// What is known of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It exists, in this version.
    Version(u64),
    /// It does not exist.
    Missing,
    /// The operator was told not to look at its kind.
    Unwatched,
}
