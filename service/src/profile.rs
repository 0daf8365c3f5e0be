//! Which features a profile serves; nothing else knows all of them.

use chassis::{App, config::Value};

use crate::{Config, catalog, fibonacci, inbox, message};

/// Names of profiles that later versions will have (contract 7.3).
const PLANNED: [&str; 4] = ["directory", "users", "regions", "roles"];

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
    /// `POST /`
    Quickstart,
}

impl Profile {
    /// Adds the routes and metrics of the features.
    pub fn mount(self, app: App, config: &Config) -> Result<App, prometheus::Error> {
        let app = app.notify(&config.chassis)?;
        let serves = |profile| self == Self::All || self == profile;
        let app = if serves(Self::Message) { message::mount(app, config.message)? } else { app };
        let app = if serves(Self::Fibonacci) { fibonacci::mount(app, config.fibonacci) } else { app };
        let app = if serves(Self::Catalog) { catalog::mount(app, config.chassis.api.page_size) } else { app };
        Ok(if serves(Self::Quickstart) { inbox::mount(app) } else { app })
    }
}

impl Value for Profile {
    const WRITE: &'static str = "all, message, fibonacci, catalog or quickstart";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "message" => Some(Self::Message),
            "fibonacci" => Some(Self::Fibonacci),
            "catalog" => Some(Self::Catalog),
            "quickstart" => Some(Self::Quickstart),
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
        let write = "write all, message, fibonacci, catalog or quickstart";
        assert_eq!(Profile::refusal("users"), format!("\"users\" is not in this version; {write}"));
        assert_eq!(Profile::refusal("massage"), format!("\"massage\" is not a profile; {write}"));
        for profile in
            [Profile::All, Profile::Message, Profile::Fibonacci, Profile::Catalog, Profile::Quickstart]
        {
            assert_eq!(Profile::parse(&profile.text()), Some(profile));
        }
    }
}
