//! Keeps messages and sends them.

use std::{fmt, sync::Arc, time::Duration};

use chassis_client::{Upstreams, config::Upstream};
use chassis_config::{ByteSize, Count, Timeout};
use chassis_http::error_chain::chain;
use chassis_telemetry::metrics::{Counter, Metrics};
use futures::future::join_all;
use prometheus::Error;

use super::{
    DeliveryError, NotifyError,
    channel::{Channel, Way},
    config,
    dead_letters::{DeadLetter, Refusal},
    email::Email,
    outbox::{AT_ONCE, Message, Outbox},
    slack::Slack,
};

/// Leaves messages for people. Cheap to clone; all clones share one file.
#[derive(Clone)]
pub struct Notifier(Arc<Shared>);

struct Shared {
    service: String,
    batch: config::Minutes,
    outbox: Outbox,
    channels: Vec<Channel>,
    queued: Counter,
}

/// A channel that refuses so many messages one after the other is not asked for each of the others alone.
const IN_A_ROW: usize = 3;

/// What became of a dead letter that was sent once more.
#[derive(Debug)]
pub struct Retry {
    /// Which one.
    pub id: i64,
    /// Why it is refused again; `None` when it is sent.
    pub refused: Option<String>,
}

/// What a channel did.
#[derive(Debug)]
pub struct Delivery {
    /// `email` or `slack`.
    pub channel: &'static str,
    /// How many messages it sent, or why it did not send all of them.
    pub outcome: Result<u64, DeliveryError>,
}

impl Notifier {
    /// Sends in the name of `service`. Touches no file yet. An error when there is one for `metrics` already.
    pub fn new(
        config: &config::Notify,
        service: &str,
        metrics: &Metrics,
        upstreams: &Upstreams,
    ) -> Result<Self, Error> {
        let queued = metrics.counter("chassis_notifications_queued_total", "Notifications that were kept")?;
        let count = |name, help| metrics.counters(name, help, &["channel"]);
        let sent = count("chassis_notifications_sent_total", "Notifications that a channel has sent")?;
        let failed = count(
            "chassis_notifications_failed_deliveries_total",
            "Times that a channel could not send what waited",
        )?;
        let refused = count(
            "chassis_notifications_refused_total",
            "Notifications that a channel refuses for good, set aside",
        )?;
        let channel = |name, way| -> Result<Channel, Error> {
            let (sent, failed) = (sent.with(&[name])?, failed.with(&[name])?);
            Ok(Channel { way, sent, failed, refused: refused.with(&[name])? })
        };
        let mut channels = Vec::new();
        if let Some(email) = &config.email {
            channels.push(channel(Way::EMAIL, Way::Email(Email::new(email.clone())))?);
        }
        if let Some(slack) = &config.slack {
            let api = upstreams.open(&upstream(slack));
            let slack = Slack::new(slack.clone(), api.map_err(|error| Error::Msg(chain(&error)))?);
            channels.push(channel(Way::SLACK, Way::Slack(Box::new(slack)))?);
        }
        let outbox = Outbox::new(config.file.clone(), config.max_size.0);
        let shared = Shared { service: service.to_owned(), batch: config.batch, outbox, channels, queued };
        Ok(Self(Arc::new(shared)))
    }

    /// Whether [`open`](Self::open) could do its work; leaves nothing behind.
    pub fn check(&self) -> Result<(), NotifyError> {
        self.0.outbox.check()
    }

    /// Makes the file if there is none: what could not be kept is told at the start.
    pub async fn open(&self) -> Result<(), NotifyError> {
        self.0.outbox.open().await.map(|_| ())
    }

    /// Keeps `message`, at most 64 KiB, to be sent with others. Returns when it is on disk (contract 2.4.20).
    pub async fn send(&self, message: &str) -> Result<(), NotifyError> {
        self.0.outbox.append(&self.0.service, message).await?;
        self.0.queued.inc();
        Ok(())
    }

    /// How many messages some channel has not sent yet.
    pub async fn waiting(&self) -> Result<i64, NotifyError> {
        self.0.outbox.count().await
    }

    /// Sends all messages by all channels at once, and removes what every channel has taken (contract 2.4.21).
    pub async fn flush(&self) -> Vec<Delivery> {
        let deliver = |channel| async move {
            Delivery { channel: Channel::name(channel), outcome: self.deliver(channel).await }
        };
        join_all(self.0.channels.iter().map(deliver)).await
    }

    pub(super) fn channels(&self) -> usize {
        self.0.channels.len()
    }

    /// How long messages are gathered.
    pub(super) fn interval(&self) -> Duration {
        self.0.batch.0
    }

    /// Sends what the channel of this number has not sent yet.
    pub(super) async fn deliver_by(&self, channel: usize) -> Option<Delivery> {
        let channel = self.0.channels.get(channel)?;
        Some(Delivery { channel: channel.name(), outcome: self.deliver(channel).await })
    }

    async fn deliver(&self, channel: &Channel) -> Result<u64, DeliveryError> {
        let outcome = self.deliver_all(channel).await;
        if outcome.is_err() {
            channel.failed.inc();
        }
        outcome
    }

    async fn deliver_all(&self, channel: &Channel) -> Result<u64, DeliveryError> {
        let Shared { outbox, channels, .. } = &*self.0;
        let names: Vec<&str> = channels.iter().map(Channel::name).collect();
        if outbox.unsent(channel.name()).await?.is_empty() {
            return Ok(0);
        }
        let _claim = outbox.claim(channel.name()).await?;
        let mut count = 0;
        loop {
            let unsent = outbox.unsent(channel.name()).await?;
            count += self.deliver_each(channel, &unsent).await?;
            outbox.remove_sent(&names).await?;
            // Later ones wait for the next delivery, else many small mails would be sent under load.
            if unsent.len() < AT_ONCE {
                return Ok(count);
            }
        }
    }

    /// How many were sent. Those that the channel refuses for good are looked for by halves and set aside.
    async fn deliver_each(&self, channel: &Channel, unsent: &[Message]) -> Result<u64, DeliveryError> {
        let outbox = &self.0.outbox;
        let (mut count, mut refused_in_a_row) = (0, 0);
        let mut parts = vec![unsent];
        while let Some(part) = parts.pop() {
            let (batch, rest) = part.split_at(channel.batch(part).min(part.len()));
            let Some(last) = batch.last() else { continue };
            parts.push(rest);
            match channel.send(batch, &[]).await? {
                Ok(()) => {
                    outbox.sent(channel.name(), last.id).await?;
                    let sent = u64::try_from(batch.len()).unwrap_or(u64::MAX);
                    channel.sent.add(sent);
                    count += sent;
                    refused_in_a_row = 0;
                }
                // Some have got all of it; or it is not about one of the messages.
                Err(refusal)
                    if batch.len() == 1 || !refusal.recipients.is_empty() || refused_in_a_row >= IN_A_ROW =>
                {
                    refused_in_a_row += 1;
                    self.set_aside(channel, batch, &refusal).await?;
                }
                Err(_) => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    // In order: the first half is the next.
                    parts.extend([second, first]);
                }
            }
        }
        Ok(count)
    }

    async fn set_aside(
        &self,
        channel: &Channel,
        messages: &[Message],
        refusal: &Refusal,
    ) -> Result<(), DeliveryError> {
        let Refusal { recipients, reason } = refusal;
        let removed = self.0.outbox.set_aside(channel.name(), messages, refusal).await?;
        channel.refused.add(u64::try_from(messages.len()).unwrap_or(u64::MAX));
        let (count, name) = (messages.len(), channel.name());
        let whom =
            if recipients.is_empty() { String::new() } else { format!(" for {}", recipients.join(", ")) };
        tracing::warn!(
            "{count} notifications are refused by {name}{whom} and set aside (notify list): {reason}"
        );
        if removed > 0 {
            tracing::warn!("{removed} of the notifications that were set aside made room and are lost");
        }
        Ok(())
    }

    /// What channels refuse for good, the oldest first.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, NotifyError> {
        self.0.outbox.dead_letters(&[]).await
    }

    /// Sends dead letters once more: those of these ids, or all where there are none.
    pub async fn retry(&self, ids: &[i64]) -> Result<Vec<Retry>, DeliveryError> {
        let outbox = &self.0.outbox;
        let mut retries = Vec::new();
        for channel in &self.0.channels {
            let letters = outbox.dead_letters(ids).await?;
            if !letters.iter().any(|letter| letter.channel == channel.name()) {
                continue;
            }
            let _claim = outbox.claim(channel.name()).await?;
            for letter in letters.into_iter().filter(|letter| letter.channel == channel.name()) {
                let DeadLetter { id, service, message: text, recipients, .. } = letter;
                let message = Message { id, service, text };
                let refused = channel.send(&[message], &recipients).await?.err();
                match &refused {
                    None => {
                        channel.sent.inc();
                        outbox.remove_dead_letter(id).await?;
                    }
                    Some(refusal) => outbox.refused_again(id, refusal).await?,
                }
                retries.push(Retry { id, refused: refused.map(|refusal| refusal.reason) });
            }
        }
        Ok(retries)
    }

    /// Removes a dead letter; false when there is none of this id.
    pub async fn discard(&self, id: i64) -> Result<bool, NotifyError> {
        self.0.outbox.remove_dead_letter(id).await
    }
}

/// Slack as another service that this one asks.
fn upstream(slack: &config::Slack) -> Upstream {
    Upstream {
        name: Way::SLACK,
        url: Some(slack.url.clone()),
        timeout: slack.timeout,
        try_timeout: slack.timeout,
        connect_timeout: slack.timeout,
        // What fails is tried again by the next delivery.
        tries: Count::new(1),
        retry_delay: Timeout::seconds(1),
        max_connections: Count::new(1),
        max_body: ByteSize(1 << 20),
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.channels.iter().map(Channel::name)).finish()
    }
}
