use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep, timeout};

use crate::target::Target;

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Args)]
pub struct Request {
    /// Where to, such as <http://hello/microservice>
    url: String,
    #[arg(long, default_value = "GET")]
    method: String,
    /// The body.
    #[arg(long, default_value = "")]
    data: String,
    /// Seconds in which to try again to connect: a node may learn of a new Service a little late.
    /// What is sent is sent once.
    #[arg(long, default_value_t = 10)]
    connect_within: u64,
    /// Seconds until an answer must be complete.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
}

impl Request {
    pub async fn run(self) -> Result<()> {
        let Self { url, method, data, connect_within, timeout: limit } = self;
        let target = Target::new(&url, &method, &data)?;
        let end = Instant::now() + Duration::from_secs(connect_within);
        let mut sender = loop {
            match timeout(Duration::from_secs(2), target.connect()).await.context("connecting took over 2 s")
            {
                Ok(Ok(sender)) => break sender,
                Ok(Err(error)) | Err(error) if Instant::now() >= end => return Err(error),
                _ => sleep(PAUSE).await,
            }
        };
        let answer = async {
            let answer = sender.send_request(target.request()?).await?;
            let status = answer.status().as_u16();
            anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        let (status, body) =
            timeout(Duration::from_secs(limit), answer).await.context("no answer in time")??;
        println!("{status}\n{}", String::from_utf8_lossy(&body));
        Ok(())
    }
}
