//! Why a message is not kept, and why it is not sent.

use std::{io, path::PathBuf, time::Duration};

use chassis_client::CallError;

/// Why a message is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// There is nothing to tell.
    #[error("the message is empty")]
    Empty,
    /// One message of this size is no notification.
    #[error("the message is longer than {limit} bytes")]
    TooLong {
        /// Bytes.
        limit: usize,
    },
    /// Too many wait, because nobody takes them.
    #[error("{} is full: notify.max_size, or its disk; the channels' failures are in the log", .file.display())]
    Full {
        /// `notify.file`
        file: PathBuf,
    },
    /// The directory cannot be made, or not be written to.
    #[error("{} cannot be used; name another notify.file or storage.data_dir", .file.display())]
    Directory {
        /// `notify.file`, or a file beside it.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What the database says.
    #[error("{} cannot be used", .file.display())]
    Outbox {
        /// `notify.file`
        file: PathBuf,
        /// The reason.
        #[source]
        source: sqlx::Error,
    },
}

/// Why a channel has not taken what it was to send. All of it is still there.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The file with the messages.
    #[error(transparent)]
    Outbox(#[from] NotifyError),
    /// A file with a secret or with certificates.
    #[error("{what} cannot be read")]
    File {
        /// The key of the setting.
        what: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The sender is the user name, and that is none.
    #[error("the user name is not an address that mail could come from; write one in notify.email.from")]
    Sender,
    /// A mail that cannot be written.
    #[error("the mail cannot be written")]
    Mail(#[from] lettre::error::Error),
    /// The mail server, or the way to it.
    #[error("{server} does not take the mail")]
    Smtp {
        /// Host and port.
        server: String,
        /// What it says.
        #[source]
        source: lettre::transport::smtp::Error,
    },
    /// Slack cannot be asked.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The token is not one that can be sent.
    #[error("notify.slack.token is not a token; write the one that begins with xoxb-")]
    Token,
    /// Slack says no, by one of the names that its documentation lists, for example `channel_not_found`.
    #[error("Slack refuses: {0}")]
    Refused(String),
    /// Slack wants to be left alone for a while.
    #[error("Slack takes no more for {0:?}")]
    Later(Duration),
    /// The work was cut off.
    #[error("the work has failed")]
    Task(#[from] tokio::task::JoinError),
}
