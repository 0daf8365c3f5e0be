//! Messages that a channel refuses for good: set aside, so that they don't hold up the others.

use jiff::Timestamp;

use super::{
    NotifyError,
    outbox::{Message, Outbox},
};

/// So many are kept; the oldest make room.
const MOST: i64 = 1000;

/// A message that a channel refuses for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// By which it is named.
    pub id: i64,
    /// `email` or `slack`.
    pub channel: String,
    /// Who has not got it; empty where that is everybody.
    pub recipients: Vec<String>,
    /// Whose message it is.
    pub service: String,
    /// When it was refused.
    pub time: String,
    /// The message.
    pub message: String,
    /// What the channel says.
    pub reason: String,
}

/// Why `recipients`, or everybody, don't get a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub recipients: Vec<String>,
    pub reason: String,
}

impl Outbox {
    /// Sets messages aside, and notes that `channel` is done with them; how many had to make room.
    pub(super) async fn set_aside(
        &self,
        channel: &str,
        messages: &[Message],
        refusal: &Refusal,
    ) -> Result<u64, NotifyError> {
        let mut transaction = self.open().await?.begin().await.map_err(|error| self.error(error))?;
        let now = Timestamp::now().to_string();
        for Message { service, text, .. } in messages {
            let insert = "INSERT INTO dead_letters (channel, recipients, service, datetime, message, reason)
                VALUES (?, ?, ?, ?, ?, ?)";
            let insert = sqlx::query(insert).bind(channel).bind(refusal.recipients.join("\n"));
            let insert = insert.bind(service).bind(&now).bind(text).bind(&refusal.reason);
            insert.execute(&mut *transaction).await.map_err(|error| self.error(error))?;
        }
        let room = "DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?";
        let removed = sqlx::query(room).bind(MOST).execute(&mut *transaction).await;
        let removed = removed.map_err(|error| self.error(error))?.rows_affected();
        if let Some(last) = messages.last() {
            self.note_sent(channel, last.id, &mut transaction).await?;
        }
        transaction.commit().await.map_err(|error| self.error(error))?;
        Ok(removed)
    }

    /// All of them, or those of these ids; the oldest first.
    pub(super) async fn dead_letters(&self, ids: &[i64]) -> Result<Vec<DeadLetter>, NotifyError> {
        let query = "SELECT id, channel, recipients, service, datetime, message, reason
            FROM dead_letters ORDER BY id";
        let rows = sqlx::query_as(query).fetch_all(self.open().await?);
        let rows: Vec<(i64, String, String, String, String, String, String)> =
            rows.await.map_err(|error| self.error(error))?;
        let letters = rows.into_iter().map(|(id, channel, recipients, service, time, message, reason)| {
            let recipients = recipients.lines().map(str::to_owned).collect();
            DeadLetter { id, channel, recipients, service, time, message, reason }
        });
        Ok(letters.filter(|letter| ids.is_empty() || ids.contains(&letter.id)).collect())
    }

    /// It was sent, or nobody wants it any more; false when there is none of this id.
    pub(super) async fn remove_dead_letter(&self, id: i64) -> Result<bool, NotifyError> {
        let remove = sqlx::query("DELETE FROM dead_letters WHERE id = ?").bind(id);
        let removed = remove.execute(self.open().await?).await.map_err(|error| self.error(error))?;
        Ok(removed.rows_affected() > 0)
    }

    /// It was refused again.
    pub(super) async fn refused_again(&self, id: i64, refusal: &Refusal) -> Result<(), NotifyError> {
        let note = sqlx::query("UPDATE dead_letters SET recipients = ?, reason = ? WHERE id = ?");
        let note = note.bind(refusal.recipients.join("\n")).bind(&refusal.reason).bind(id);
        note.execute(self.open().await?).await.map(|_| ()).map_err(|error| self.error(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: &str) -> Refusal {
        Refusal { recipients: vec!["a@b".to_owned(), "c@d".to_owned()], reason: reason.to_owned() }
    }

    #[tokio::test]
    async fn what_is_set_aside_is_kept_and_no_longer_sent() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(directory.path().join("notifications.db"), 16 << 20);
        for text in ["one", "two"] {
            outbox.append("users", text).await.unwrap();
        }
        let messages = outbox.unsent("email").await.unwrap();
        assert_eq!(outbox.set_aside("email", &messages[..1], &refusal("no")).await.unwrap(), 0);
        assert_eq!(outbox.unsent("email").await.unwrap(), messages[1..]);
        assert_eq!(outbox.unsent("slack").await.unwrap(), messages, "for this channel only");
        let letters = outbox.dead_letters(&[]).await.unwrap();
        assert_eq!((letters.len(), letters[0].message.as_str(), letters[0].recipients.len()), (1, "one", 2));
        outbox.refused_again(letters[0].id, &refusal("still no")).await.unwrap();
        assert_eq!(outbox.dead_letters(&[letters[0].id]).await.unwrap()[0].reason, "still no");
        assert!(outbox.remove_dead_letter(letters[0].id).await.unwrap());
        assert!(!outbox.remove_dead_letter(letters[0].id).await.unwrap());
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(directory.path().join("notifications.db"), 16 << 20);
        let messages: Vec<_> = (0..MOST + 2)
            .map(|id| Message { id, service: "users".to_owned(), text: id.to_string() })
            .collect();
        assert_eq!(outbox.set_aside("email", &messages, &refusal("no")).await.unwrap(), 2);
        assert_eq!(outbox.dead_letters(&[]).await.unwrap()[0].message, "2");
    }
}
