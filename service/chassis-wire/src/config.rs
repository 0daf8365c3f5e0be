//! Whose certificates are believed besides the usual ones.

use std::path::PathBuf;

use chassis_config::Reader;

use super::authorities::{self, TlsError};

/// The section `tls`: for `https` to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// A file with certificates (PEM) of further authorities, such as those of a company; see
    /// [`trust`](Self::trust). Default none.
    pub ca_file: Option<PathBuf>,
}

impl Tls {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self { ca_file: reader.key("tls.ca_file").or(None) }
    }

    /// From now on they are believed, by the whole process.
    pub fn trust(&self) -> Result<(), TlsError> {
        self.ca_file.as_deref().map_or(Ok(()), authorities::trust)
    }
}
