//! The program itself, with a configuration file of its own.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{http, soon};

/// `microservice` without any variable of the test's own environment.
pub fn command() -> Command {
    bare(env!("CARGO_BIN_EXE_microservice"))
}

/// The same, where it is by another name.
pub fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().kill_on_drop(true).stdin(Stdio::null());
    // Where a coverage run gathers what its programs have run.
    command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
    command
}

/// Runs `microservice ARGS` to its end.
pub async fn run(env: &[(&str, &str)], args: &[&str]) -> Output {
    let run = command().envs(env.iter().copied()).args(args).output();
    soon("the end of the program", run).await.unwrap()
}

pub fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A running service.
pub struct Process {
    pub directory: TempDir,
    pub service: SocketAddr,
    pub admin: SocketAddr,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts with `sections` in `service.yaml`; the listeners take free ports.
    pub async fn start(sections: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("service.yaml");
        fs::write(&file, sections).unwrap();
        Self::start_with(directory, &file).await
    }

    /// The same with so many file descriptors.
    pub async fn start_within(descriptors: u32, sections: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("service.yaml");
        fs::write(&file, sections).unwrap();
        let mut shell = bare("sh");
        let run = format!("ulimit -n {descriptors} && exec \"$0\"");
        shell.args(["-c", &run, env!("CARGO_BIN_EXE_microservice")]);
        Self::start_by(shell, directory, &file).await
    }

    /// Starts with an existing `file` below `directory`.
    pub async fn start_with(directory: TempDir, file: &Path) -> Self {
        Self::start_by(command(), directory, file).await
    }

    async fn start_by(mut command: Command, directory: TempDir, file: &Path) -> Self {
        let mut child = command
            .env("CHASSIS_CONFIG", file)
            .env("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0")
            .env("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = line_with(&mut lines, "serving ").await;
        let mut addresses =
            ready.split("http://").skip(1).map(|rest| rest.split(',').next().unwrap().parse().unwrap());
        let (service, admin) = (addresses.next().unwrap(), addresses.next().unwrap());
        Self { directory, service, admin, child, lines }
    }

    pub fn file(&self) -> PathBuf {
        self.directory.path().join("service.yaml")
    }

    /// The next log line that contains `part`.
    pub async fn logs(&mut self, part: &str) -> String {
        line_with(&mut self.lines, part).await
    }

    /// All log lines that are still to come, to the end of the program.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(line) = soon("the end of the log", self.lines.next_line()).await.unwrap() {
            rest.push(line);
        }
        rest
    }

    /// `GET /workers`
    pub async fn workers(&self) -> Value {
        http::get(self.admin, "/workers").await.json()
    }

    /// What `/proc/PID/status` says of `field`, in KiB or as a number.
    pub fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    pub async fn exit_code(&mut self) -> Option<i32> {
        soon("the end of the program", self.child.wait()).await.unwrap().code()
    }
}

async fn line_with(lines: &mut Lines<BufReader<ChildStdout>>, part: &str) -> String {
    let mut before = Vec::new();
    loop {
        let line =
            soon(&format!("a log line with {part:?} after {before:?}"), lines.next_line()).await.unwrap();
        let line = line.unwrap_or_else(|| panic!("ended without a log line with {part:?}: {before:?}"));
        if line.contains(part) {
            return line;
        }
        before.push(line);
    }
}
