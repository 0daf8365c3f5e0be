//! Real sockets on the loopback interface: a client, an in-process server, and the program itself.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod browser;
pub mod collector;
pub mod gate;
pub mod http;
pub mod issuer;
pub mod loggly;
pub mod mail;
pub mod parts;
pub mod peer;
pub mod postgres;
pub mod process;
pub mod running;
pub mod slack;
pub mod socks;
pub mod tls;

use std::{fmt::Debug, time::Duration};

use tokio::time::{sleep, timeout};

/// Far longer than anything takes; a test that reaches it has failed.
pub const LONG: Duration = Duration::from_secs(20);

/// Waits for `work`, but not for ever.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(LONG, work).await.unwrap_or_else(|_| panic!("{what} did not happen within {LONG:?}"))
}

/// Waits until `look` sees `wanted`.
pub async fn until<T: PartialEq + Debug>(wanted: T, mut look: impl AsyncFnMut() -> T) {
    let mut last = None;
    let reached = timeout(LONG, async {
        loop {
            let seen = look().await;
            if seen == wanted {
                return;
            }
            last = Some(seen);
            sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(reached.await.is_ok(), "waited for {wanted:?}, last seen {last:?}");
}
