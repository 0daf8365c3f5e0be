//! A real mail server with TLS and login, whose mails are read back as Python's e-mail package understands them.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{
    parts::{free_port, program},
    soon, until,
};

pub const USERNAME: &str = "service@example.com";
pub const PASSWORD: &str = "open sesame";

/// Where a mail server is or will be, with its certificates and its password.
pub struct MailServer {
    pub port: u16,
    directory: TempDir,
    security: &'static str,
    python: PathBuf,
    said: Arc<Mutex<Vec<Value>>>,
    child: Option<Child>,
}

impl MailServer {
    /// `security` is one of the values of `notify.email.security`. Nobody listens yet.
    pub async fn prepare(security: &'static str) -> Option<Self> {
        let python = program("smtp").await?;
        let directory = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let server = server.signed_by(&key, &authority).unwrap();
        for (name, text) in [
            ("ca.pem", authority.pem()),
            ("server.pem", server.pem()),
            ("server.key", key.serialize_pem()),
            ("password", PASSWORD.to_owned()),
        ] {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let (port, said, child) = (free_port(), Arc::default(), None);
        Some(Self { port, directory, security, python, said, child })
    }

    /// The same, and it listens.
    pub async fn start(security: &'static str) -> Option<Self> {
        let mut server = Self::prepare(security).await?;
        server.run().await;
        Some(server)
    }

    pub async fn run(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mail_server.py");
        let mut child = Command::new(&self.python)
            .arg(script)
            .args([self.security, &self.port.to_string()])
            .args(["server.pem", "server.key"].map(|name| self.path(name)))
            .args([USERNAME, &self.path("password")])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = soon("the mail server", lines.next_line()).await.unwrap();
        assert_eq!(ready.as_deref(), Some("{\"ready\": true}"));
        let said = Arc::clone(&self.said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                said.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        self.child = Some(child);
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// From now on it wants this one.
    pub fn set_password(&self, password: &str) {
        fs::write(self.path("password"), password).unwrap();
    }

    /// The section `notify.email` for it, as JSON, with the client's password in `password_file`.
    pub fn section(&self, password_file: &str) -> Value {
        serde_json::json!({
            "enabled": true,
            "server": "localhost",
            "port": self.port,
            "security": self.security,
            "username": USERNAME,
            "password_file": password_file,
            "to": "ops@example.com, Ann <ann@example.com>",
            "ca_file": self.path("ca.pem"),
        })
    }

    /// A file with the right password.
    pub fn password_file(&self) -> String {
        let path = self.path("client-password");
        fs::write(&path, format!("{PASSWORD}\n")).unwrap();
        path
    }

    /// Mails so far.
    pub fn mails(&self) -> Vec<Value> {
        let said = self.said.lock().unwrap();
        said.iter().filter(|said| said.get("subject").is_some()).cloned().collect()
    }

    /// Refused logins so far.
    pub fn refused(&self) -> usize {
        self.said.lock().unwrap().iter().filter(|said| said.get("refused").is_some()).count()
    }

    /// Waits for so many mails, and returns the texts of all of them.
    pub async fn texts(&self, count: usize) -> Vec<String> {
        until(count, async || self.mails().len()).await;
        let text = |mail: &Value| mail["text"].as_str().unwrap().replace("\r\n", "\n").trim_end().to_owned();
        self.mails().iter().map(text).collect()
    }
}
