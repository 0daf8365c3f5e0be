use std::net::SocketAddr;

use anyhow::{Context, Result};
use kube::Config;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Between a client in the test's process and the API server: connections that can be cut.
pub struct Relay {
    here: SocketAddr,
    /// Changes when they are cut.
    cuts: watch::Sender<()>,
}

impl Relay {
    /// To the API server that `config` names.
    pub async fn start(config: &Config) -> Result<Self> {
        let host = config.cluster_url.host().context("the API server's URL has no host")?.to_owned();
        let port = config.cluster_url.port_u16().unwrap_or(443);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (here, cuts) = (listener.local_addr()?, watch::Sender::new(()));
        let cut = cuts.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = (host.trim_matches(['[', ']']).to_owned(), port);
                tokio::spawn(carry(client, server, cut.clone()));
            }
        });
        Ok(Self { here, cuts })
    }

    /// The same API server, reached through here.
    pub fn through(&self, mut config: Config) -> Result<Config> {
        let host = config.cluster_url.host().context("the API server's URL has no host")?.to_owned();
        config.tls_server_name.get_or_insert(host);
        config.cluster_url = format!("https://{}", self.here).parse()?;
        Ok(config)
    }

    /// Cuts all connections; new ones may be made at once.
    pub fn cut(&self) {
        self.cuts.send_replace(());
    }
}

async fn carry(mut client: TcpStream, server: (String, u16), mut cut: watch::Receiver<()>) {
    // Cuts before this connection are none of it.
    cut.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        // How a connection ends is for its ends to judge.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = cut.changed() => {}
    }
}
