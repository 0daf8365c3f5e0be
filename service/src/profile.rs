//! Which features a profile serves; nothing else knows all of them.

use chassis::{
    App, Paging,
    config::Value,
    db::{Database, migration::Table},
    http_client::CallError,
};

use crate::{Config, catalog, directory::Parts, fibonacci, inbox, message};

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
    /// `/users`, `/cities`, `/provinces` and `/roles`
    Directory,
    /// `/users`, which asks others for cities and roles
    Users,
    /// `/cities` and `/provinces`
    Regions,
    /// `/roles`
    Roles,
    /// `POST /`
    Quickstart,
}

/// Why the features cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// Two of them have a metric of the same name.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// Another service cannot be asked.
    #[error(transparent)]
    Upstream(#[from] CallError),
}

impl Profile {
    const ALL: [Self; 9] = [
        Self::All,
        Self::Message,
        Self::Fibonacci,
        Self::Catalog,
        Self::Directory,
        Self::Users,
        Self::Regions,
        Self::Roles,
        Self::Quickstart,
    ];

    /// Adds the routes and metrics of the features.
    pub fn mount(self, mut app: App, config: &Config) -> Result<App, MountError> {
        app = app.notify(&config.chassis)?;
        let database = self.database(&mut app, config)?;
        if self.has(Self::Message) {
            app = message::mount(app, config.message)?;
        }
        if self.has(Self::Fibonacci) {
            app = fibonacci::mount(app, config.fibonacci);
        }
        if self.has(Self::Quickstart) {
            app = inbox::mount(app);
        }
        let Some(database) = database else { return Ok(app) };
        if let Some(parts) = self.directory() {
            let paging = Paging::new(config.chassis.api.page_size);
            app = parts.mount(app, &config.directory, paging, &database)?;
        }
        if self.has(Self::Catalog) {
            app = catalog::mount(app, config.chassis.api.page_size, database);
        }
        Ok(app)
    }

    /// The database with the tables of the features, `None` when they keep nothing.
    pub fn database(self, app: &mut App, config: &Config) -> Result<Option<Database>, prometheus::Error> {
        let tables = self.tables();
        if tables.is_empty() { Ok(None) } else { app.database(&config.chassis, tables).map(Some) }
    }

    fn tables(self) -> Vec<Table> {
        let catalog = self.has(Self::Catalog).then(catalog::table);
        catalog.into_iter().chain(self.directory().into_iter().flat_map(Parts::tables)).collect()
    }

    /// Whether it is `feature` or all of them.
    fn has(self, feature: Self) -> bool {
        self == feature || self == Self::All
    }

    /// Which parts of the directory are served.
    pub(crate) fn directory(self) -> Option<Parts> {
        let none = Parts { users: false, regions: false, roles: false };
        match self {
            Self::All | Self::Directory => Some(Parts::ALL),
            Self::Users => Some(Parts { users: true, ..none }),
            Self::Regions => Some(Parts { regions: true, ..none }),
            Self::Roles => Some(Parts { roles: true, ..none }),
            Self::Message | Self::Fibonacci | Self::Catalog | Self::Quickstart => None,
        }
    }

    /// Whether nothing but the directory is served.
    pub(crate) fn is_directory(self) -> bool {
        self != Self::All && self.directory().is_some()
    }
}

impl Value for Profile {
    const WRITE: &'static str =
        "all, message, fibonacci, catalog, directory, users, regions, roles or quickstart";

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.text() == text)
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_can_be_written() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(&profile.text()), Some(profile));
            assert!(Profile::WRITE.contains(&profile.text()));
        }
    }
}
