//! The parts in an app.

use chassis::{
    App, Paging,
    client::CallError,
    db::{Database, migration::Table},
};

use super::{Config, Parts, neighbour::Neighbour, regions, roles, users};

impl Parts {
    /// Tables of these parts.
    pub(crate) fn tables(self) -> Vec<Table> {
        let Self { users, regions, roles } = self;
        let users = users.then(users::table);
        let regions = regions.then(regions::tables).into_iter().flatten();
        users.into_iter().chain(regions).chain(roles.then(roles::table)).collect()
    }

    /// Adds the routes of these parts, with and without a slash at the end.
    pub(crate) fn mount(
        self,
        mut app: App,
        config: &Config,
        paging: Paging,
        database: &Database,
    ) -> Result<App, CallError> {
        let Self { users, regions, roles } = self;
        if users {
            let regions = Neighbour::new(&app, &config.regions, regions, database)?;
            let roles = Neighbour::new(&app, &config.roles, roles, database)?;
            app = app.mount(users::routes(users::Feature {
                database: database.clone(),
                paging,
                regions,
                roles,
            }));
        }
        if regions {
            app = app.mount(regions::routes(database));
        }
        if roles {
            app = app.mount(roles::routes(database));
        }
        Ok(app)
    }
}
