//! The settings explained: for `config explain` and for a page of documentation.

use std::fmt::Write;

use super::{Names, Setting, Settings, names};

/// There is no such key; says which may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: unknown key; {suggestion}")]
pub struct Unknown {
    name: String,
    suggestion: String,
}

impl Settings {
    /// All that is to be known of one key, by any of its names; of a section, or of everything where `name` is empty, what
    /// is in it.
    pub fn explain(&self, name: &str) -> Result<String, Unknown> {
        if let Some((key, setting)) = self.named(name) {
            return Ok(sheet(key, setting));
        }
        let inside =
            |key: &str| name.is_empty() || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let lines = self.iter().filter(|(key, _)| inside(key)).map(|(key, setting)| {
            let about = plain(setting.about);
            let (sentence, _) = about.split_once(". ").unwrap_or((about.trim_end_matches('.'), ""));
            format!("{key:<32}  {sentence}\n")
        });
        let list: String = lines.collect();
        if !list.is_empty() {
            return Ok(list);
        }
        let suggestion = names::suggestion(name, self.keys(), str::to_owned);
        Err(Unknown { name: name.to_owned(), suggestion })
    }

    /// A table for each section, in Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        // Keys without a section come first, as in a file.
        let section_of = |key: &'static str| key.rsplit_once('.').map_or("", |(section, _)| section);
        let mut settings: Vec<_> = self.iter().collect();
        settings.sort_by_key(|(key, _)| section_of(key));
        for (key, setting) in settings {
            let section = section_of(key);
            if last.replace(section) != Some(section) {
                if !section.is_empty() {
                    _ = write!(text, "\n## {section}\n");
                }
                text.push_str("\n| key | meaning | write | default | other names |\n|---|---|---|---|---|\n");
            }
            let Setting { write, about, names: Names { variables, in_file }, default, .. } = setting;
            let variables = variables.iter().map(|name| format!("`{name}`"));
            let others = variables.chain(in_file.iter().map(|name| format!("`{name}` in the file")));
            let others = others.collect::<Vec<_>>().join("<br>");
            let live = if setting.live { "<br>*live*" } else { "" };
            let cells = [&format!("`{key}`{live}"), &plain(about), *write, &value(default), &others];
            _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
        text
    }
}

fn sheet(key: &str, setting: &Setting) -> String {
    let Setting { value: now, origin, live, default, write, about, names, .. } = setting;
    let change = if *live { "takes effect at once" } else { "takes effect with the next start" };
    let mut others = vec![names::variable_of(key)];
    others.extend(names.variables.iter().cloned());
    let mut lines = vec![
        ("", plain(about)),
        ("write", (*write).to_owned()),
        ("default", value(default)),
        ("now", format!("{} ({origin})", value(now))),
        ("a change", change.to_owned()),
        ("variables", others.join(", ")),
    ];
    if !names.in_file.is_empty() {
        lines.push(("the file", format!("also as {}", names.in_file.join(", "))));
    }
    let lines = lines.into_iter().map(|(name, text)| match name {
        "" => format!("{text}\n"),
        name => format!("  {name:<9}  {text}\n"),
    });
    format!("{key}\n  {}", lines.collect::<String>())
}

fn value(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
}

/// `about` in one line, without links to Rust's items and references to the contract.
fn plain(about: &str) -> String {
    let mut text = String::new();
    for part in about.split_inclusive(')') {
        match part.rsplit_once("](").map(|(before, _)| before.rsplit_once('[')) {
            Some(Some((before, name))) => text.extend([before, name]),
            _ => text.push_str(part.rsplit_once(" (contract ").map_or(part, |(before, _)| before)),
        }
    }
    text.replace("[`", "`").replace("`]", "`").split_whitespace().collect::<Vec<_>>().join(" ")
}
