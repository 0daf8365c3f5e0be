//! Slack, by `chat.postMessage` (contract 2.4.23).

use std::time::Duration;

use chassis_client::{Answer, Upstream};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::{task::spawn_blocking, time::sleep};

use super::{DeliveryError, config, dead_letters::Refusal, digest, outbox::Message};

/// Characters of a text that Slack shows in one piece; it advises no more and breaks longer ones up.
const LONGEST: usize = 4000;

const FENCE: &str = "```";

/// A longer pause that Slack asks for is left to the next delivery.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What Slack says of a text that it will never take. All else is about the token or the channel: a person may put it
/// right, and the messages wait for that.
const ABOUT_THE_TEXT: [&str; 3] = ["msg_too_long", "no_text", "markdown_text_conflict"];

/// As many messages as fit are one post.
#[derive(Debug)]
pub(super) struct Slack {
    config: config::Slack,
    api: Upstream,
}

#[derive(Serialize)]
struct Post<'a> {
    channel: &'a str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_emoji: Option<&'a str>,
}

#[derive(Deserialize)]
struct Verdict {
    ok: bool,
    error: Option<String>,
}

impl Slack {
    pub(super) fn new(config: config::Slack, api: Upstream) -> Self {
        Self { config, api }
    }

    /// How many of the first messages fit in one post; at least one.
    pub(super) fn fitting(messages: &[Message]) -> usize {
        let fits = |count: &usize| fenced(&digest::text(&messages[..*count])).len() == 1;
        (2..=messages.len()).take_while(fits).last().unwrap_or(1)
    }

    pub(super) async fn send(&self, messages: &[Message]) -> Result<Result<(), Refusal>, DeliveryError> {
        let secret = self.config.token.clone();
        // It may stand in a file.
        let token = spawn_blocking(move || secret.read()).await?;
        let token =
            token.map_err(|source| DeliveryError::File { what: "notify.slack.token_file", source })?;
        let mut token =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| DeliveryError::Token)?;
        token.set_sensitive(true);
        for text in fenced(&digest::text(messages)) {
            let config::Slack { channel, username, icon_emoji, .. } = &self.config;
            let (username, icon_emoji) = (username.as_deref(), icon_emoji.as_deref());
            match self.post(&Post { channel, text, username, icon_emoji }, &token).await {
                Err(DeliveryError::Refused(reason)) if ABOUT_THE_TEXT.contains(&&*reason) => {
                    return Ok(Err(Refusal { recipients: Vec::new(), reason }));
                }
                posted => posted?,
            }
        }
        Ok(Ok(()))
    }

    /// Posts until Slack takes or refuses it.
    async fn post(&self, post: &Post<'_>, token: &HeaderValue) -> Result<(), DeliveryError> {
        loop {
            let call = self.api.post("/chat.postMessage", post);
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            let call = call.header(header::CONTENT_TYPE, json).header(header::AUTHORIZATION, token.clone());
            let answer = call.send().await?;
            if answer.status() != StatusCode::TOO_MANY_REQUESTS {
                return verdict(&answer);
            }
            let wait = answer.retry_after().unwrap_or(Duration::from_secs(1));
            if wait > LONGEST_WAIT {
                return Err(DeliveryError::Later(wait));
            }
            sleep(wait).await;
        }
    }
}

fn verdict(answer: &Answer) -> Result<(), DeliveryError> {
    if !answer.status().is_success() {
        return Err(DeliveryError::Refused(answer.status().to_string()));
    }
    match answer.json()? {
        Verdict { ok: true, .. } => Ok(()),
        Verdict { error, .. } => Err(DeliveryError::Refused(error.unwrap_or("no reason given".to_owned()))),
    }
}

/// `text` in code blocks none of which is too long. What Slack would take for markup is none in them.
fn fenced(text: &str) -> Vec<String> {
    let text = text.replace(FENCE, "``\u{200b}`");
    let room = LONGEST - 2 * FENCE.len();
    let (mut blocks, mut block, mut length) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        let mut buffer = [0; 4];
        let spelt = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => c.encode_utf8(&mut buffer),
        };
        let longer = spelt.chars().count();
        if length + longer > room {
            blocks.push(format!("{FENCE}{block}{FENCE}"));
            (block, length) = (String::new(), 0);
        }
        block += spelt;
        length += longer;
    }
    blocks.push(format!("{FENCE}{block}{FENCE}"));
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(texts: &[&str]) -> Vec<Message> {
        let message = |text: &&str| Message { id: 0, service: "users".to_owned(), text: (*text).to_owned() };
        texts.iter().map(message).collect()
    }

    #[test]
    fn contract_2_4_23_texts_are_fenced_and_hold_no_markup_of_slack() {
        assert_eq!(fenced("a <!channel> & b"), ["```a &lt;!channel&gt; &amp; b```"]);
        assert_eq!(fenced("x```y"), ["```x``\u{200b}`y```"]);
    }

    #[test]
    fn no_block_is_longer_than_slack_shows_and_nothing_is_lost_between_them() {
        let text = "é<".repeat(3000);
        let blocks = fenced(&text);
        assert!(blocks.iter().all(|block| block.chars().count() <= LONGEST), "{}", blocks.len());
        let whole: String = blocks.iter().map(|block| block.trim_matches('`')).collect();
        assert_eq!(whole.replace("&lt;", "<"), text);
    }

    #[test]
    fn as_many_messages_as_fit_are_one_post() {
        let long = "x".repeat(1900);
        assert_eq!(Slack::fitting(&messages(&[&long, &long, &long])), 2);
        assert_eq!(Slack::fitting(&messages(&[&"x".repeat(9000), "y"])), 1, "split, but not mixed");
        assert_eq!(Slack::fitting(&messages(&["x"])), 1);
    }
}
