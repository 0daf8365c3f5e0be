//! What a container finds: for pods that are made to show it.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub struct Show {
    /// Files; it fails if one can't be read.
    files: Vec<PathBuf>,
    /// Names of variables.
    #[arg(long)]
    env: Vec<String>,
    /// Ends only when it is told to.
    #[arg(long)]
    stay: bool,
}

impl Show {
    pub async fn run(self) -> Result<()> {
        let Self { files, env, stay } = self;
        let mut told = signal(SignalKind::terminate())?;
        let files: BTreeMap<PathBuf, String> = files
            .into_iter()
            .map(|path| {
                let content = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                Ok((path, content))
            })
            .collect::<Result<_>>()?;
        let env: BTreeMap<&String, Option<String>> =
            env.iter().map(|name| (name, env::var(name).ok())).collect();
        println!("{}", json!({"files": files, "env": env}));
        if stay {
            told.recv().await;
        }
        Ok(())
    }
}

#[derive(Args)]
pub struct Write {
    /// The file.
    path: PathBuf,
    /// What it is to say.
    text: String,
}

impl Write {
    pub fn run(self) -> Result<()> {
        fs::write(&self.path, self.text).with_context(|| self.path.display().to_string())
    }
}
