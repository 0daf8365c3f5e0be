use anyhow::Result;

use crate::command::{self, Output};

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
        command::output(self.command, &self.here(arguments), input).await
    }

    /// Runs it and returns its output; a failure is an error.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        command::run(self.command, &self.here(arguments)).await
    }

    fn here<'b>(&'b self, arguments: &[&'b str]) -> Vec<&'b str> {
        ["--namespace", self.namespace].into_iter().chain(arguments.iter().copied()).collect()
    }
}
