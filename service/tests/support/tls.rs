//! A TLS server of openssl with a certificate of its own: its page says what was agreed on.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::until;

pub struct TlsServer {
    directory: TempDir,
    pub port: u16,
    _child: Child,
}

impl TlsServer {
    /// With a certificate for `name`, which is its own authority.
    pub async fn start(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (key, certificate) = (directory.path().join("key"), directory.path().join("certificate"));
        let made: Output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=test of the service"])
            .args(["-addext", &format!("subjectAltName=DNS:{name}")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .args([key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
            .output()
            .await
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("openssl")
            .args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
            .args([certificate.as_os_str(), "-key".as_ref(), key.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        until(true, async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        Self { directory, port, _child: child }
    }

    /// The page, for a client that finds the server under `name`.
    pub fn url(&self, name: &str) -> String {
        format!("https://{name}:{}/", self.port)
    }

    /// A file with the authority (PEM).
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate")
    }
}
