//! Whose certificates are believed besides the usual ones.

use std::path::PathBuf;

use chassis_config::section;

use super::authorities::{self, TlsError};

section! {
    /// The section `tls`: for `https` to others.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Tls in "tls", pub fn read;
    /// A file with certificates (PEM) of further authorities that are believed, such as those of a company.
    ca_file: Option<PathBuf> = None;
}

impl Tls {
    /// From now on they are believed, by the whole process.
    pub fn trust(&self) -> Result<(), TlsError> {
        self.ca_file.as_deref().map_or(Ok(()), authorities::trust)
    }
}
