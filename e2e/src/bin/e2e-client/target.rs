use anyhow::{Context, Result, ensure};
use http::{Method, Request, Uri, header};
use http_body_util::Full;
use hyper::{
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub type Body = Full<Bytes>;

/// Where requests go, and what they carry.
#[derive(Clone, Debug)]
pub struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
    method: Method,
    data: Bytes,
    closing: bool,
}

impl Target {
    /// Takes a URL apart; only `http://` is understood.
    pub fn new(url: &str, method: &str, data: &str) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url}: not a URL"))?;
        ensure!(uri.scheme_str() == Some("http"), "{url}: write a URL that begins with http://");
        let authority = uri.authority().context("a URL without host")?;
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).into(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.to_string(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).into(),
            method: method.to_uppercase().parse().with_context(|| format!("{method}: not a method"))?,
            data: Bytes::copy_from_slice(data.as_bytes()),
            closing: false,
        })
    }

    /// Every request asks the server to close its connection.
    pub fn closing(self, closing: bool) -> Self {
        Self { closing, ..self }
    }

    /// Opens a connection of its own: nothing is sent again behind our back, as a pool would.
    pub async fn connect(&self) -> Result<SendRequest<Body>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .with_context(|| format!("can't connect to {}:{}", self.host, self.port))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its error reaches the request that is under way.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// The request to send.
    pub fn request(&self) -> Result<Request<Body>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::USER_AGENT, "e2e-client");
        if self.closing {
            request = request.header(header::CONNECTION, "close");
        }
        Ok(request.body(Full::new(self.data.clone()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_url_is_taken_apart() {
        let target = Target::new("http://hello.shop.svc/microservice?a=b", "post", "{}").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("hello.shop.svc", 80));
        assert_eq!((target.path.as_str(), target.method.as_str()), ("/microservice?a=b", "POST"));
        let target = Target::new("http://[::1]:8080", "GET", "").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("::1", 8080, "/"));
    }

    #[test]
    fn other_urls_are_refused() {
        for wrong in ["https://hello", "hello", "/microservice", "http://"] {
            assert!(Target::new(wrong, "GET", "").is_err(), "{wrong}");
        }
    }
}
