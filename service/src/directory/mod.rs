//! Users, the regions they live in and the roles they have: one service or three (contract 5.3).
//!
//! ```text
//! /users -+-> cities of /cities -> provinces     (in this process, or upstreams.regions)
//!         +-> roles of /roles                    (in this process, or upstreams.roles)
//! ```

mod config;
mod name;
mod neighbour;
mod number;
mod regions;
mod roles;
mod users;

use chassis::{
    App, Paging,
    db::{Database, migration::Table},
    http_client::CallError,
};

pub use self::config::Config;
use self::neighbour::Neighbour;

/// Which parts are in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    pub users: bool,
    pub regions: bool,
    pub roles: bool,
}

impl Parts {
    pub(crate) const ALL: Self = Self { users: true, regions: true, roles: true };

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
