//! Who the service is.

use chassis_config::{Reader, section};

use super::Build;

section! {
    /// The section `service`: who the service says it is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Identity in "service", fn keys(program: String) with {
        /// What it calls itself in its log: its name or, without one, that of its program.
        app: String = String::new(),
    };
    /// Who the service says it is, as it is written here; else the program's name in title case (contract 4.1.1).
    name: String = program, above_file ["CST_PROJECT_NAME", "APP_ID"], in_file ["about.service", "APP_ID"];
    /// Of the service.
    version: String = "N/A".to_owned(), above_file ["CST_PROJECT_VERSION"], in_file ["about.version"];
    /// What it chooses holds unless a setting says otherwise: the level of the log and the formats of its lines.
    build: Option<Build> = None, in_file ["about.build_config"];
}

impl Identity {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let program = reader.program().to_owned();
        let identity = Self::keys(reader, title_case(&program));
        let is_given = reader.origin("service.name") != "default";
        let app = if is_given { identity.name.clone() } else { program };
        Self { app, ..identity }
    }
}

/// As Python's `title()`: `my-first-app` -> `My-First-App`.
fn title_case(name: &str) -> String {
    let mut title = String::new();
    for c in name.chars() {
        if title.ends_with(char::is_alphabetic) {
            title.extend(c.to_lowercase());
        } else {
            title.extend(c.to_uppercase());
        }
    }
    title
}

#[cfg(test)]
mod tests {
    use chassis_config::{Sources, load};

    use super::*;

    /// contract 4.1.1
    #[test]
    fn without_a_name_it_is_the_programs_in_title_case() {
        let sources = Sources { program: Some("my-first-CST-app".to_owned()), ..Sources::default() };
        let of = |sources: &Sources| load(sources, Identity::read).unwrap().config;
        let identity = of(&sources);
        assert_eq!((identity.name.as_str(), identity.app.as_str()), ("My-First-Cst-App", "my-first-CST-app"));
        let identity = of(&sources.with_env([("CST_PROJECT_NAME", "my-name")]));
        assert_eq!((identity.name.as_str(), identity.app.as_str()), ("my-name", "my-name"));
    }
}
