//! A SOCKS5 proxy (RFC 1928, RFC 1929) that is strict, resolves the names it was given and no others, relays, and keeps
//! who asked for what. microsocks takes one user only, and Tor relays into its own network only.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// One request to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub credentials: (String, String),
    /// `NAME:PORT`, or `ADDRESS:PORT` for one that was resolved before.
    pub target: String,
}

pub struct Socks {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Socks {
    /// A proxy that finds `names`, each of them `NAME:PORT`, where they are said to be.
    pub async fn start(names: &[(&str, SocketAddr)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<_>>>::default();
        let names: Vec<_> = names.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        let (kept, names) = (Arc::clone(&asked), Arc::<[_]>::from(names));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (kept, names) = (Arc::clone(&kept), Arc::clone(&names));
                tokio::spawn(async move { serve(client, &kept, &names).await });
            }
        });
        Self { address, asked, task }
    }

    pub fn url(&self) -> String {
        format!("socks5h://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn identities(&self) -> usize {
        self.asked().into_iter().map(|asked| asked.credentials).collect::<BTreeSet<_>>().len()
    }

    pub fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }

    /// Accepts no more.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Socks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut client: TcpStream,
    kept: &Mutex<Vec<Asked>>,
    names: &[(String, SocketAddr)],
) -> io::Result<()> {
    const GRANTED: u8 = 0;
    const HOST_UNREACHABLE: u8 = 4;
    const REFUSED: u8 = 5;
    assert_eq!(client.read_u8().await?, 5, "the version");
    let methods = text(&mut client).await?;
    assert!(methods.contains(&2), "no user and password offered: {methods:?}");
    client.write_all(&[5, 2]).await?;
    // A look whether the proxy is there ends here.
    assert_eq!(client.read_u8().await?, 1, "the version of the credentials");
    let user = String::from_utf8(text(&mut client).await?).unwrap();
    let password = String::from_utf8(text(&mut client).await?).unwrap();
    assert!(!user.is_empty() && !password.is_empty(), "RFC 1929");
    client.write_all(&[1, 0]).await?;

    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    assert_eq!(head[..3], [5, 1, 0], "version, CONNECT, reserved");
    let host = match head[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => String::from_utf8(text(&mut client).await?).unwrap(),
        4 => format!("[{}]", std::net::Ipv6Addr::from(client.read_u128().await?)),
        kind => panic!("no kind of address: {kind}"),
    };
    let target = format!("{host}:{}", client.read_u16().await?);
    kept.lock().unwrap().push(Asked { credentials: (user, password), target: target.clone() });

    let address = match target.parse() {
        Ok(address) => Some(address),
        Err(_) => names.iter().find(|(name, _)| *name == target).map(|(_, address)| *address),
    };
    let (reply, server) = match address {
        None => (HOST_UNREACHABLE, None),
        Some(address) => match TcpStream::connect(address).await {
            Ok(server) => (GRANTED, Some(server)),
            Err(_) => (REFUSED, None),
        },
    };
    client.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if let Some(mut server) = server {
        copy_bidirectional(&mut client, &mut server).await?;
    }
    Ok(())
}

/// Bytes whose number comes first.
async fn text(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}
