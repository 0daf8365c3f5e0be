//! Whose certificates are believed besides the usual ones.

use std::path::PathBuf;

use super::{Optional, Reader};

/// The section `tls`: for `https` to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// A file with certificates (PEM) of further authorities, such as those of a company; hand it to
    /// [`http_client::trust`](crate::http_client::trust). Default none.
    pub ca_file: Option<PathBuf>,
}

impl Tls {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { ca_file: reader.key("tls.ca_file").or(Optional::NONE).get().map(PathBuf::from) }
    }
}
