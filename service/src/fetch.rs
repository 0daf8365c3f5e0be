//! `microservice fetch`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use axum::http::HeaderMap;
use chassis::{
    Config,
    config::{Logging, Optional, Span, Value},
    logging,
    proxied_client::ProxiedClient,
    wire::{Fetched, fetch},
};
use clap::Args;

use crate::print::complain;

/// For the whole exchange when nobody says how long it may take.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// For example <http://hello/microservice>.
    url: String,
    /// POST this as JSON instead of a GET.
    #[arg(long, value_name = "BODY")]
    data: Option<String>,
    /// Write the body to this file, unless the status is 400 or more.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// GET it as `proxy` of the configuration says: through the SOCKS proxy, with further tries, within `--timeout` each.
    #[arg(long, conflicts_with = "data")]
    proxied: bool,
    /// For the whole exchange, for example `500ms` or `1m`. Default 10 s, with `--proxied` `proxy.timeout`.
    #[arg(long, value_parser = duration)]
    timeout: Option<Duration>,
}

impl Fetch {
    pub(crate) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        let Self { url, data, out, proxied, timeout } = self;
        let Fetched { status, body } = if proxied {
            // Standard output is for the body.
            let logging = Logging { file: Optional::NONE, ..config.logging.clone() };
            tracing::subscriber::set_global_default(logging::subscriber(&logging, io::stderr)?)?;
            let client = ProxiedClient::open(&config.proxy).await?;
            client.get_missing_user_agents().await;
            let answer = client.get(&url, &HeaderMap::new(), timeout).await?;
            Fetched { status: answer.status(), body: answer.body().clone() }
        } else {
            fetch(&url, data, timeout.unwrap_or(LIMIT)).await?
        };
        let good = status.as_u16() < 400;
        match &out {
            Some(file) if good => {
                tokio::fs::write(file, &body)
                    .await
                    .with_context(|| format!("cannot write {}", file.display()))?;
            }
            Some(_) => {}
            None => io::stdout().write_all(&body)?,
        }
        if good {
            return Ok(ExitCode::SUCCESS);
        }
        complain!("{status}");
        Ok(ExitCode::FAILURE)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    Span::parse(text).map(|span| span.0).ok_or_else(|| format!("write {}", Span::WRITE))
}
