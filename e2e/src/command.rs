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

/// Runs a program, with arguments of its own before the others, and this input. Its failure is not an error.
pub(crate) async fn output(command: &[String], arguments: &[&str], input: &str) -> Result<Output> {
    let (program, first) = command.split_first().context("the command is empty")?;
    let mut child = Command::new(program)
        .args(first)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| {
            format!("can't run {program}: set E2E_KUBECTL and E2E_HELM to programs that are there")
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may end without having read all; its own complaint says more than ours.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) })
}

/// Runs a program and returns its output; a failure is an error.
pub(crate) async fn run(command: &[String], arguments: &[&str]) -> Result<String> {
    let output = output(command, arguments, "").await?;
    let name = command.first().map_or("", String::as_str);
    ensure!(output.success, "{name} {}: {}", arguments.join(" "), output.stderr);
    Ok(output.stdout)
}
