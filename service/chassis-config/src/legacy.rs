//! Names that other conventions have for our settings.

/// A variable, or a key of the file, of an earlier convention: its name and how its value is written in ours.
#[derive(Debug, Clone, Copy)]
pub struct Legacy(Spelling);

#[derive(Debug, Clone, Copy)]
enum Spelling {
    Same(&'static str),
    Rewritten(&'static str, fn(&str) -> String),
    Pair([&'static str; 2], fn([Option<&str>; 2]) -> String),
}

/// What stands under an earlier name.
pub(super) struct Found {
    /// The name, or both.
    pub name: String,
    /// What stands there, as it is to be shown.
    pub said: String,
    /// The same as we write it.
    pub text: String,
    /// Whether it is written as ours.
    pub is_ours: bool,
}

impl Found {
    /// A value that is written as ours.
    pub(super) fn of(name: &str, said: &str) -> Self {
        Self { name: name.to_owned(), said: said.to_owned(), text: said.to_owned(), is_ours: true }
    }

    fn rewritten(name: &str, said: &str, text: String) -> Self {
        Self { name: name.to_owned(), said: said.to_owned(), text, is_ours: false }
    }
}

impl Legacy {
    /// A name whose value is written as ours.
    pub const fn same(name: &'static str) -> Self {
        Self(Spelling::Same(name))
    }

    /// A name whose value `rewrite` turns into ours.
    pub const fn rewritten(name: &'static str, rewrite: fn(&str) -> String) -> Self {
        Self(Spelling::Rewritten(name, rewrite))
    }

    /// Two names whose values make up ours; at least one of them is set when `write` is asked.
    pub const fn pair(names: [&'static str; 2], write: fn([Option<&str>; 2]) -> String) -> Self {
        Self(Spelling::Pair(names, write))
    }

    pub(super) fn names(&self) -> &[&'static str] {
        match &self.0 {
            Spelling::Same(name) | Spelling::Rewritten(name, _) => std::slice::from_ref(name),
            Spelling::Pair(names, _) => names,
        }
    }

    /// What `look_up` knows of it.
    pub(super) fn find<'a>(&self, look_up: impl Fn(&str) -> Option<&'a str>) -> Option<Found> {
        match self.0 {
            Spelling::Same(name) => look_up(name).map(|said| Found::of(name, said)),
            Spelling::Rewritten(name, rewrite) => {
                look_up(name).map(|said| Found::rewritten(name, said, rewrite(said)))
            }
            Spelling::Pair(names, write) => {
                let values = names.map(&look_up);
                let set = names.iter().zip(values).filter(|(_, value)| value.is_some());
                let name = set.map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
                let text = write(values);
                (!name.is_empty()).then(|| Found::rewritten(&name, &text.clone(), text))
            }
        }
    }
}
