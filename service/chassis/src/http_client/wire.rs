//! Connections: TCP, or TLS for `https`, kept alive in a pool.

use std::{io, sync::OnceLock, time::Duration};

use axum::body::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// Sends requests whose body is at hand.
pub(crate) type Wire = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Longer than any server keeps a connection is of no use; nginx closes after 75 s.
const IDLE: Duration = Duration::from_mins(1);

/// Why `https` is not spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system has no certificate authorities.
    #[error(
        "no certificates of authorities are found; put a bundle to /etc/ssl/certs/ca-certificates.crt or name it in SSL_CERT_FILE"
    )]
    NoAuthorities(#[source] io::Error),
    /// The TLS library lacks what it came with.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// Connections for requests to `url` and its like. `connect` is for one connection to be made, `idle` the number of
/// those that are kept.
pub(crate) fn wire(url: &Uri, connect: Duration, idle: usize) -> Result<Wire, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(connect));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(url.scheme() == Some(&http::uri::Scheme::HTTPS))?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
        .build(connector))
}

/// The certificates are read once, and only if somebody needs them.
fn tls(needed: bool) -> Result<ClientConfig, TlsError> {
    static TLS: OnceLock<ClientConfig> = OnceLock::new();
    let builder = || {
        ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
    };
    if !needed {
        return Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    if let Some(config) = TLS.get() {
        return Ok(config.clone());
    }
    let config = builder()?.with_native_roots().map_err(TlsError::NoAuthorities)?.with_no_client_auth();
    Ok(TLS.get_or_init(|| config).clone())
}
