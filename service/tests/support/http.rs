//! HTTP/1.1 by hand: what goes over the socket is what the test wrote.

use std::net::SocketAddr;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::soon;

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// What is wrong, in the envelope of codes: `error`, else `message`.
    pub fn said(&self) -> String {
        self.json()["error"].as_str().map_or_else(|| self.message(), str::to_owned)
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_else(|| panic!("no message in {:?}", self.body)).to_owned()
    }
}

/// A refusal in the envelope of codes: the words of the status, and what is wrong where these do not say it.
pub fn coded(status: u16, said: &str) -> Value {
    let words = StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
    let mut body = json!({ "message": words, "code": 100_001 });
    if said != words {
        body["error"] = said.into();
    }
    body
}

/// One connection.
pub struct Connection {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let socket = soon("a connection", TcpStream::connect(address)).await.unwrap();
        Self { socket, received: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The same where the server may have closed already.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.socket.write_all(bytes.as_ref()).await
    }

    /// Says that nothing more will be sent.
    pub async fn end(&mut self) {
        self.socket.shutdown().await.unwrap();
    }

    pub async fn request(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.send(request(method, path, body)).await;
        self.answer().await
    }

    /// The next answer, of a length that is announced.
    pub async fn answer(&mut self) -> Answer {
        self.try_answer().await.unwrap_or_else(|| panic!("closed instead of an answer: {:?}", self.received))
    }

    /// The same, or `None` when the server closes without one.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let mut answer = self.head().await?;
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.received.len() < length {
            assert!(self.read().await, "closed in the middle of a body");
        }
        answer.body = String::from_utf8(self.received.drain(..length).collect()).unwrap();
        Some(answer)
    }

    /// An answer without its body: all there is to a HEAD, whatever length it announces.
    pub async fn head(&mut self) -> Option<Answer> {
        let end = loop {
            match self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None if self.read().await => {}
                None => return None,
            }
        };
        let head: Vec<u8> = self.received.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Answer { status, headers, body: String::new() })
    }

    /// Reads up to `most` bytes and throws them away with those that were read before; how many there were.
    pub async fn take(&mut self, most: usize) -> usize {
        let mut scrap = vec![0; most];
        let read = soon("more of an answer", self.socket.read(&mut scrap)).await.unwrap();
        assert!(read > 0, "closed in the middle of a body");
        read + std::mem::take(&mut self.received).len()
    }

    /// Whether the server has closed and sent nothing more.
    pub async fn is_closed(&mut self) -> bool {
        self.received.is_empty() && !self.read().await
    }

    async fn read(&mut self) -> bool {
        soon("an answer", self.socket.read_buf(&mut self.received)).await.is_ok_and(|read| read > 0)
    }
}

/// `method path` with a body of announced length.
pub fn request(method: &str, path: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    Connection::open(address).await.request(method, path, body).await
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, "").await
}

pub async fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    ask(address, "POST", path, body).await
}

/// `GET path` with headers of its own.
pub async fn get_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    let mut connection = Connection::open(address).await;
    connection.send(format!("GET {path} HTTP/1.1\r\nhost: users:8080\r\n{lines}\r\n")).await;
    connection.answer().await
}
