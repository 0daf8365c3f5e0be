//! One request with its redirects.

use std::{io, time::Duration};

use ::url::Url;
use bytes::Bytes;
use chassis_client::Answer;
use chassis_http::error_chain::chain;
use chassis_wire::{TlsError, Wire, client_tls};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client, Error,
        connect::{HttpConnector, proxy::SocksV5},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::client::Resumption;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    Away,
    config::{Proxy, SocksProxy},
    url,
};

/// Connections through the proxy under one identity. They are kept for its next requests.
pub(super) type Proxied = Client<HttpsConnector<SocksV5<HttpConnector>>, Full<Bytes>>;

/// Which way a request goes.
#[derive(Clone)]
pub(super) enum Way {
    Proxied(Proxied),
    Direct(Wire),
}

/// What a try came to.
pub(super) enum Failure {
    /// The URL cannot be asked.
    Url,
    /// More than `proxy.max_redirects`.
    Redirects,
    /// More than `proxy.max_body`.
    TooLarge,
    /// No connection was made: nothing was sent.
    Unreachable(String),
    Broken(String),
}

/// A new identity: new credentials, new connections, and no memory of TLS sessions, by which a server would know it
/// again.
pub(super) fn identity(proxy: &SocksProxy, connect: Duration) -> Result<Proxied, TlsError> {
    const IDLE: Duration = Duration::from_mins(1);
    const IDLE_CONNECTIONS: usize = 8;
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(connect));
    tcp.set_nodelay(true);
    let random = || format!("{:032x}", fastrand::u128(..));
    // Names are left to the proxy by default.
    let socks = SocksV5::new(proxy_uri(proxy), tcp).with_auth(random(), random());
    let mut tls = client_tls()?;
    tls.resumption = Resumption::in_memory_sessions(IDLE_CONNECTIONS);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(socks);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(connector))
}

fn proxy_uri(proxy: &SocksProxy) -> Uri {
    let uri = Uri::builder().scheme("http").authority(proxy.to_string()).path_and_query("/").build();
    // The setting has been such a part of a URL before.
    debug_assert!(uri.is_ok());
    uri.unwrap_or_default()
}

/// Whether a SOCKS5 proxy listens that takes credentials (RFC 1928).
pub(super) async fn check(proxy: &SocksProxy, limit: Duration) -> Result<(), Away> {
    const GREETING: [u8; 3] = [5, 1, 2];
    const CHOICE: [u8; 2] = [5, 2];
    let away = |reason: String| Away { proxy: proxy.to_string(), reason };
    let greet = async {
        let mut socket = TcpStream::connect((proxy.host.as_str(), proxy.port)).await?;
        socket.write_all(&GREETING).await?;
        let mut choice = [0; 2];
        socket.read_exact(&mut choice).await?;
        io::Result::Ok(choice)
    };
    match timeout(limit, greet).await {
        Ok(Ok(CHOICE)) => Ok(()),
        Ok(Ok([5, _])) => Err(away("it takes no user and password".to_owned())),
        Ok(Ok(_)) => Err(away("it does not speak SOCKS5".to_owned())),
        Ok(Err(error)) => Err(away(error.to_string())),
        Err(_) => Err(away(format!("no answer within {limit:?}"))),
    }
}

impl Way {
    /// Asks for `url` and follows where it leads, with GET and HEAD only.
    pub(super) async fn ask(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        config: &Proxy,
    ) -> Result<Answer, Failure> {
        let (mut url, mut headers) = (url.clone(), headers.clone());
        for _ in 0..=config.max_redirects.get() {
            let mut request = Request::new(Full::default());
            *request.method_mut() = method.clone();
            *request.uri_mut() = with_port(&url).ok_or(Failure::Url)?;
            *request.headers_mut() = headers.clone();
            let answer = self.send(request).await.map_err(|error| {
                let reason = chain(&error);
                if error.is_connect() { Failure::Unreachable(reason) } else { Failure::Broken(reason) }
            })?;
            let Some(next) = redirect(&answer, &url).filter(|_| *method == Method::GET) else {
                return whole(answer, config.max_body.0).await;
            };
            if next.origin() != url.origin() {
                // They are for the server that was asked first.
                for secret in [header::AUTHORIZATION, header::COOKIE, header::HOST] {
                    headers.remove(secret);
                }
            }
            url = next;
        }
        Err(Failure::Redirects)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        match self {
            Self::Proxied(client) => client.request(request).await,
            Self::Direct(client) => client.request(request).await,
        }
    }
}

/// The connector for SOCKS takes every URL without a port for one of `https`.
fn with_port(url: &Url) -> Option<Uri> {
    let port = url.port_or_known_default()?;
    let host = url.host_str()?;
    let path = &url[::url::Position::BeforePath..::url::Position::AfterQuery];
    Uri::builder().scheme(url.scheme()).authority(format!("{host}:{port}")).path_and_query(path).build().ok()
}

fn redirect(answer: &Response<Incoming>, from: &Url) -> Option<Url> {
    let leads_on = matches!(
        answer.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = answer.headers().get(header::LOCATION).filter(|_| leads_on)?;
    url::target(from, location.to_str().ok()?)
}

async fn whole(answer: Response<Incoming>, most: usize) -> Result<Answer, Failure> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Failure::TooLarge
        } else {
            Failure::Broken(chain(error.as_ref()))
        }
    })?;
    Ok(Answer::new("proxy", head, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_url_gets_its_port() {
        for (url, uri) in [
            ("http://h/a?b=c", "http://h:80/a?b=c"),
            ("https://h", "https://h:443/"),
            ("http://[::1]:81/", "http://[::1]:81/"),
            ("http://h/ü", "http://h:80/%C3%BC"),
            ("http://h/a#b", "http://h:80/a"),
        ] {
            assert_eq!(with_port(&url::parse(url).unwrap()).unwrap(), uri, "{url}");
        }
    }
}
