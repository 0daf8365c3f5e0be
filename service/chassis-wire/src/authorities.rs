//! Whose certificates are believed: those of the system's authorities or, where it has none, as in an image with
//! nothing but the program, those of Mozilla's list; and those that `tls.ca_file` adds.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem, pem::PemObject},
};

/// Variables that name the system's certificates.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Read once, and only if somebody needs them.
static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

/// Why `https` is not spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates of authorities that the environment names are not there.
    #[error(
        "no certificates of authorities are where SSL_CERT_FILE or SSL_CERT_DIR says; name it in SSL_CERT_FILE where a bundle is, or unset both"
    )]
    NoAuthorities,
    /// `tls.ca_file` cannot be used.
    #[error("{} has no certificates; name a file in tls.ca_file that has some, in PEM", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The TLS library lacks what it came with.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

struct Known {
    authorities: Arc<RootCertStore>,
    client: ClientConfig,
}

impl Known {
    fn new(authorities: RootCertStore) -> Result<Self, TlsError> {
        let authorities = Arc::new(authorities);
        Ok(Self { client: client(Arc::clone(&authorities))?, authorities })
    }

    fn of_the_system() -> Result<Self, TlsError> {
        let named =
            VARIABLES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        Self::new(authorities(rustls_native_certs::load_native_certs().certs, named)?)
    }
}

/// From now on the authorities of `file` (PEM) are believed as well, by the whole process.
pub(crate) fn trust(file: &Path) -> Result<(), TlsError> {
    let failed = |source| TlsError::File { file: file.to_owned(), source };
    let invalid = |error: pem::Error| match error {
        pem::Error::Io(error) => failed(error),
        other => failed(io::Error::new(io::ErrorKind::InvalidData, other.to_string())),
    };
    let further: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(invalid)?.collect::<Result<_, _>>().map_err(invalid)?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = match known.take() {
        Some(known) => Arc::unwrap_or_clone(known.authorities),
        None => Arc::unwrap_or_clone(Known::of_the_system()?.authorities),
    };
    let (added, _) = all.add_parsable_certificates(further);
    *known = Some(Known::new(all)?);
    if added == 0 {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "there is none in it")));
    }
    Ok(())
}

/// For connections to those whom a known authority vouches for.
pub fn known() -> Result<ClientConfig, TlsError> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(known) => Ok(known.client.clone()),
        None => Ok(known.insert(Known::of_the_system()?).client.clone()),
    }
}

/// For connections that have no TLS: a connector wants one all the same.
pub(super) fn nobody() -> Result<ClientConfig, TlsError> {
    client(RootCertStore::empty().into())
}

fn client(authorities: Arc<RootCertStore>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(authorities).with_no_client_auth())
}

/// Those that were `found`, else Mozilla's: but not when others were `named`, who may be fewer for a reason.
fn authorities(found: Vec<CertificateDer<'static>>, named: bool) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found);
    match (store.is_empty(), named) {
        (false, _) => {}
        (true, true) => return Err(TlsError::NoAuthorities),
        (true, false) => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mozillas_authorities_stand_in_where_the_system_has_none() {
        let mozillas = webpki_roots::TLS_SERVER_ROOTS.len();
        assert!(mozillas > 100);
        assert_eq!(authorities(Vec::new(), false).unwrap().len(), mozillas);
        let unreadable = vec![CertificateDer::from(b"no certificate".to_vec())];
        assert_eq!(authorities(unreadable, false).unwrap().len(), mozillas);
        assert!(matches!(authorities(Vec::new(), true), Err(TlsError::NoAuthorities)));
    }

    #[test]
    fn a_file_without_certificates_says_which_setting_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let missing = trust(&file).unwrap_err().to_string();
        assert!(missing.contains("tls.ca_file") && missing.contains("ca.pem"), "{missing}");
        std::fs::write(&file, "nothing\n").unwrap();
        assert!(matches!(trust(&file), Err(TlsError::File { .. })));
    }
}
