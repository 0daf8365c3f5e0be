//! Runs nginx with the configurations that the operator writes.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use operator_core::{
    api::Microservice,
    manifests::build,
    model::{Network, Settings},
    observed::Observed,
    plan::validate,
};
use serde_json::Value;

/// A directory that goes with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("nginx-{name}-{process}-{number}"));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running nginx, ended with the test.
pub struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Gracefully, or its workers would stay.
        let _ = Command::new("kill").args(["-QUIT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// What the operator writes for a spec; none where it has no nginx.
pub fn config(spec: &Value, ipv6: bool) -> Option<String> {
    let mut microservice = Microservice::new("orders", serde_json::from_value(spec.clone()).unwrap());
    microservice.metadata.namespace = Some("team".into());
    microservice.metadata.uid = Some("uid".into());
    let settings = Settings { network: Network { ipv6, ..Network::default() }, ..Settings::default() };
    let resolved = validate(&microservice, &Observed::default(), &settings).unwrap();
    build(&resolved).configuration?.data?.remove("nginx.conf")
}

/// nginx with a configuration whose /tmp is `folder`.
fn nginx(folder: &Folder, config: &str) -> Command {
    let program =
        std::env::var_os("NGINX_PROGRAM").expect("NGINX_PROGRAM is not set: run e2e/scripts/nginx.sh");
    let (file, types) = (folder.0.join("nginx.conf"), folder.0.join("mime.types"));
    let config = config
        .replace("/tmp/", &format!("{}/", folder.0.display()))
        .replace("/etc/nginx/mime.types", &types.display().to_string())
        .replace("/etc/microservice-tls", &folder.0.display().to_string());
    fs::write(&file, config).unwrap();
    fs::write(&types, "types { text/html html; }").unwrap();
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-c"]).arg(&file);
    command
}

/// Does nginx take the configuration? Its words in either case.
pub fn test(folder: &Folder, config: &str) -> Result<String, String> {
    let output = nginx(folder, config).args(["-t", "-q"]).output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(says) } else { Err(says) }
}

/// Starts nginx.
pub fn start(folder: &Folder, config: &str) -> Nginx {
    let mut command = nginx(folder, config);
    Nginx(command.args(["-g", "daemon off;"]).stdout(Stdio::null()).spawn().unwrap())
}
