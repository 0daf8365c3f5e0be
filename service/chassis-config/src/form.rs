//! The three ways to write a configuration file.

use std::path::Path;

use serde_yaml::Value as Yaml;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Toml,
    Yaml,
}

impl Form {
    /// By the extension of the file's name; where that says nothing, by how the text begins.
    pub(super) fn of(path: &Path, text: &str) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            _ => Self::of_text(text),
        }
    }

    fn of_text(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        let key = first.split_once('=').map(|(key, _)| key.trim());
        let is_bare = |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.\"".contains(c));
        match first {
            json if json.starts_with('{') => Self::Json,
            table if table.starts_with('[') => Self::Toml,
            _ if key.is_some_and(is_bare) => Self::Toml,
            _ => Self::Yaml,
        }
    }

    /// What a text of this form says, or what is wrong with it.
    pub(super) fn parse(self, text: &str) -> Result<Yaml, String> {
        let (what, write) = match self {
            Self::Json => ("a JSON object", "{\"section\": {\"key\": \"value\"}}"),
            Self::Toml => ("a TOML table", "`[section]` and `key = value` lines"),
            Self::Yaml => ("a YAML mapping", "`section: {key: value}` lines"),
        };
        let invalid = |reason: String| format!("is not valid {self}: {}", reason.trim_end());
        let value = match self {
            Self::Json => serde_json::from_str(text).map_err(|error| invalid(error.to_string())),
            Self::Toml => toml::from_str(text).map_err(|error| invalid(error.to_string())),
            Self::Yaml => serde_yaml::from_str(text).map_err(|error| invalid(error.to_string())),
        }?;
        match value {
            Yaml::Mapping(_) => Ok(value),
            // An empty file, or one of comments only.
            Yaml::Null if self == Self::Yaml => Ok(Yaml::Mapping(serde_yaml::Mapping::new())),
            _ => Err(format!("is not {what}; write {write}")),
        }
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_form_and_without_one_the_beginning() {
        for (name, text, form) in [
            ("service.toml", "a: 1", Form::Toml),
            ("service.JSON", "", Form::Json),
            ("service.yml", "{}", Form::Yaml),
            ("settings", "\n{\"a\": 1}", Form::Json),
            ("settings", "# of ours\n[server]\n", Form::Toml),
            ("settings.conf", "title = \"a: b\"", Form::Toml),
            ("settings", "server: {a: 'b=c'}", Form::Yaml),
            ("settings", "", Form::Yaml),
        ] {
            assert_eq!(Form::of(Path::new(name), text), form, "{name} {text}");
        }
    }
}
