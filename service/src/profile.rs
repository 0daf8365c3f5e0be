//! Which features a profile serves; nothing else knows all of them.

use chassis::{App, config::Value};

use crate::{Config, catalog, fibonacci, message};

/// Names of profiles that later versions will have (contract 7.3).
const PLANNED: [&str; 5] = ["directory", "users", "regions", "roles", "quickstart"];

/// A named set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Every feature.
    All,
    /// `POST /microservice`
    Message,
    /// `GET /fibonacci/list`
    Fibonacci,
    /// `GET /simple/{id}` and `GET /products`
    Catalog,
}

impl Profile {
    /// Adds the routes and metrics of the features.
    pub fn mount(self, app: App, config: &Config) -> Result<App, prometheus::Error> {
        let app = match self {
            Self::All | Self::Message => message::mount(app, config.message)?,
            Self::Fibonacci | Self::Catalog => app,
        };
        let app = match self {
            Self::All | Self::Fibonacci => fibonacci::mount(app, config.fibonacci),
            Self::Message | Self::Catalog => app,
        };
        Ok(match self {
            Self::All | Self::Catalog => catalog::mount(app, config.chassis.api.page_size),
            Self::Message | Self::Fibonacci => app,
        })
    }
}

impl Value for Profile {
    const WRITE: &'static str = "all, message, fibonacci or catalog";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "message" => Some(Self::Message),
            "fibonacci" => Some(Self::Fibonacci),
            "catalog" => Some(Self::Catalog),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }

    fn refusal(text: &str) -> String {
        let known = PLANNED.contains(&text);
        let reason = if known { "is not in this version" } else { "is not a profile" };
        format!("{text:?} {reason}; write {}", Self::WRITE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_a_later_version_is_told_from_a_slip() {
        let write = "write all, message, fibonacci or catalog";
        assert_eq!(Profile::refusal("users"), format!("\"users\" is not in this version; {write}"));
        assert_eq!(Profile::refusal("massage"), format!("\"massage\" is not a profile; {write}"));
        for profile in [Profile::All, Profile::Message, Profile::Fibonacci, Profile::Catalog] {
            assert_eq!(Profile::parse(&profile.text()), Some(profile));
        }
    }
}
