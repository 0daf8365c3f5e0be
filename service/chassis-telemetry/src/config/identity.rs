//! Who the service is.

use chassis_config::{Legacy, Reader};

use super::Build;

/// The section `service`: who the service says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Default `Microservice` (contract 4.1.1: the program's name in title case); a given name is kept as it is.
    pub name: String,
    /// Default `N/A`.
    pub version: String,
    /// What it chooses holds unless a setting says otherwise: the level of the log and the formats of its lines. Default
    /// none.
    pub build: Option<Build>,
}

impl Identity {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        const NAME: &[Legacy] = &[Legacy::same("CST_PROJECT_NAME"), Legacy::same("APP_ID")];
        const NAME_IN_FILE: &[Legacy] = &[Legacy::same("about.service"), Legacy::same("APP_ID")];
        const VERSION: &[Legacy] = &[Legacy::same("CST_PROJECT_VERSION")];
        const VERSION_IN_FILE: &[Legacy] = &[Legacy::same("about.version")];
        const BUILD_IN_FILE: &[Legacy] = &[Legacy::same("about.build_config")];
        Self {
            name: reader
                .key("service.name")
                .above_file(NAME)
                .in_file(NAME_IN_FILE)
                .or("Microservice".to_owned()),
            version: reader
                .key("service.version")
                .above_file(VERSION)
                .in_file(VERSION_IN_FILE)
                .or("N/A".to_owned()),
            build: reader.key("service.build").in_file(BUILD_IN_FILE).or(None),
        }
    }
}
