use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::{io::AsyncWriteExt, process::Command};

/// What a command printed and how it ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Did it end with 0?
    pub success: bool,
    /// Its output.
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
}

/// `kubectl` as a user calls it, in one namespace.
pub struct Kubectl<'a> {
    command: &'a [String],
    namespace: &'a str,
}

impl<'a> Kubectl<'a> {
    pub(crate) fn new(command: &'a [String], namespace: &'a str) -> Self {
        Self { command, namespace }
    }

    /// Runs it; its failure is not an error.
    pub async fn output(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let (program, first) = self.command.split_first().context("E2E_KUBECTL has no command")?;
        let mut child = Command::new(program)
            .args(first)
            .args(["--namespace", self.namespace])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("can't run {program}: set E2E_KUBECTL to a kubectl"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // It may end without having read all; its own complaint says more than ours.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Output {
            success: output.status.success(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        })
    }

    /// Runs it and returns its output; a failure is an error.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments, "").await?;
        ensure!(output.success, "kubectl {}: {}", arguments.join(" "), output.stderr);
        Ok(output.stdout)
    }
}
