//! Tries again what is not an HTTP call (contract 4.5).

use std::{fmt::Display, time::Duration};

use tokio::time::sleep;

/// How often, and with which pauses: before the second try `delay * back_off`, and so on.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use chassis_client::Retry;
///
/// let mut tries = 0;
/// let retry = Retry { delay: std::time::Duration::from_millis(1), ..Retry::default() };
/// let found = retry
///     .run("look_up", async || {
///         tries += 1;
///         if tries < 3 { Err("not yet") } else { Ok(Some("here")) }
///     })
///     .await;
/// assert_eq!(found, Ok(Some("here")));
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all. Default 3.
    pub tries: u32,
    /// Default 2 s.
    pub delay: Duration,
    /// What each pause is multiplied with. Default 2.
    pub back_off: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: 3, delay: Duration::from_secs(2), back_off: 2 }
    }
}

impl Retry {
    /// Repeats `work` while it fails or finds nothing, and returns what it said last. Each failure is a warning, each
    /// pause a line that says how long it is.
    pub async fn run<T, E: Display>(
        self,
        name: &str,
        mut work: impl AsyncFnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let Self { tries, mut delay, back_off } = self;
        let mut left = tries;
        loop {
            let outcome = work().await;
            if let Err(error) = &outcome {
                tracing::warn!("{name} has failed: {error}");
            }
            left = left.saturating_sub(1);
            if matches!(outcome, Ok(Some(_))) || left == 0 {
                return outcome;
            }
            delay *= back_off;
            tracing::info!("Retrying {name} in {} sec ...", delay.as_secs_f64());
            sleep(delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn contract_4_5_28_three_tries_with_pauses_of_four_and_eight_seconds() {
        let began = Instant::now();
        let mut at = Vec::new();
        let outcome: Result<Option<()>, &str> = Retry::default()
            .run("work", async || {
                at.push(began.elapsed().as_secs());
                Err("no")
            })
            .await;
        assert_eq!((outcome, at), (Err("no"), vec![0, 4, 12]));
    }

    #[tokio::test(start_paused = true)]
    async fn contract_4_5_28_nothing_found_is_tried_again_and_returned_in_the_end() {
        let mut tries = 0;
        let outcome: Result<Option<()>, &str> = Retry::default()
            .run("work", async || {
                tries += 1;
                Ok(None)
            })
            .await;
        assert_eq!((outcome, tries), (Ok(None), 3));
        let outcome: Result<_, &str> = Retry::default().run("work", async || Ok(Some(7))).await;
        assert_eq!(outcome, Ok(Some(7)));
    }
}
