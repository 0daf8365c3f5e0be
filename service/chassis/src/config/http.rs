//! What is served besides the routes of features.

use chassis_config::{Value, section};

section! {
    /// The section `http`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Http in "http", pub(super) fn read(default_root: Root);
    /// What `GET /` does: it leads to the documents, or says the service's name (contract 0b.10).
    root: Root = default_root;
}

/// What `GET /` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// 302 to `/static/index.html`.
    Docs,
    /// `{"code": 0, "data": "NAME service"}`
    Index,
}

impl Value for Root {
    const WRITE: &'static str = "docs or index";

    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "docs" => Some(Self::Docs),
            "index" => Some(Self::Index),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}
