//! Connections: TCP, or TLS for `https`, kept alive in a pool.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::authorities::{self, TlsError};

/// Sends requests whose body is at hand.
pub type Wire = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Longer than any server keeps a connection is of no use; nginx closes after 75 s.
const IDLE: Duration = Duration::from_mins(1);

/// Connections for requests to `url` and its like. `connect` is for one connection to be made, `idle` the number of
/// those that are kept.
pub fn wire(url: &Uri, connect: Duration, idle: usize) -> Result<Wire, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(connect));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let secure = url.scheme() == Some(&http::uri::Scheme::HTTPS);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(if secure { authorities::known()? } else { authorities::nobody()? })
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
        .build(connector))
}
