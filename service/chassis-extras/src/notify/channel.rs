//! The ways to people.

use chassis_telemetry::metrics::Counter;

use super::{DeliveryError, dead_letters::Refusal, email::Email, outbox::Message, slack::Slack};

/// One way, with its counts.
#[derive(Debug)]
pub(super) struct Channel {
    pub way: Way,
    pub sent: Counter,
    pub failed: Counter,
    pub refused: Counter,
}

#[derive(Debug)]
pub(super) enum Way {
    Email(Email),
    Slack(Box<Slack>),
}

impl Channel {
    /// Also its label in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self.way {
            Way::Email(_) => Way::EMAIL,
            Way::Slack(_) => Way::SLACK,
        }
    }

    /// How many of the first messages are sent together, of at least one.
    pub(super) fn batch(&self, messages: &[Message]) -> usize {
        match self.way {
            Way::Email(_) => Email::fitting(messages),
            Way::Slack(_) => Slack::fitting(messages),
        }
    }

    /// Sends to everybody, or to these recipients; a refusal is one for good.
    pub(super) async fn send(
        &self,
        messages: &[Message],
        recipients: &[String],
    ) -> Result<Result<(), Refusal>, DeliveryError> {
        match &self.way {
            Way::Email(email) => email.send(messages, recipients).await,
            Way::Slack(slack) => slack.send(messages).await,
        }
    }
}

impl Way {
    pub(super) const EMAIL: &'static str = "email";
    pub(super) const SLACK: &'static str = "slack";
}
