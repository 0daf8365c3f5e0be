//! Where the service reports itself.

use std::fmt;

use chassis_config::{Value, section};

section! {
    /// The section `health`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Health in "health", pub(super) fn read;
    /// Where the service says its name and version (contract 4.1.3).
    path: HealthPath = HealthPath::default(), above_file ["CST_HEALTH_CHECK_ENDPOINT"];
}

/// An absolute path without parameters; the leading slash may be left out (contract 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthPath(String);

impl Default for HealthPath {
    fn default() -> Self {
        Self("/status".to_owned())
    }
}

impl fmt::Display for HealthPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Value for HealthPath {
    const WRITE: &'static str = "a path such as /status, made of letters, digits and - _ . ~ / only";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        let path = text.trim().trim_start_matches('/');
        let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~/".contains(c));
        (plain && !path.is_empty()).then(|| Self(format!("/{path}")))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_path_gets_its_slash_and_no_parameters() {
        assert_eq!(
            HealthPath::parse("my-custom-status").map(|p| p.text()),
            Some("/my-custom-status".to_owned())
        );
        for bad in ["", "/", "/{x}", "/a b", "/a?b"] {
            assert_eq!(HealthPath::parse(bad), None, "{bad}");
        }
    }
}
