//! Who the service is.

use chassis_config::section;

use super::Build;

section! {
    /// The section `service`: who the service says it is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Identity in "service", pub fn read;
    /// Who the service says it is (contract 4.1.1: the program's name in title case); a given name is kept as it is.
    name: String = "Microservice".to_owned(),
        above_file ["CST_PROJECT_NAME", "APP_ID"],
        in_file ["about.service", "APP_ID"];
    /// Of the service.
    version: String = "N/A".to_owned(), above_file ["CST_PROJECT_VERSION"], in_file ["about.version"];
    /// What it chooses holds unless a setting says otherwise: the level of the log and the formats of its lines.
    build: Option<Build> = None, in_file ["about.build_config"];
}
