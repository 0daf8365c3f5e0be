//! The features of a profile in an app; nothing else knows all of them.

use chassis::{
    App, Paging,
    client::CallError,
    db::{Database, migration::Table},
};

use crate::{Config, Profile, catalog, directory::Parts, fibonacci, inbox, message};

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
}
