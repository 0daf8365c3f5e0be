//! What is served besides the routes of features.

use chassis_config::{Reader, Value};

/// The section `http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// What `GET /` does. Default docs (contract 0b.10).
    pub root: Root,
}

impl Http {
    pub(super) fn read(reader: &mut Reader, root: Root) -> Self {
        Self { root: reader.key("http.root").or(root) }
    }
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
