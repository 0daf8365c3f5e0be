//! Who is told what the service has to say (contract 2.4).

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chassis_config::{
    BaseUrl, ByteSize, Legacy, Optional, OrNone, Port, Reader, Secret, SecretKeys, Timeout, Value, shell_name,
};
use lettre::message::{Mailbox, Mailboxes};

/// The section `notify`. Notifications are on when one of the channels is enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// How long notifications are gathered before they are sent. Default 30 minutes.
    pub batch: Minutes,
    /// Where they wait. Default `notifications.db` in `storage.data_dir`.
    pub file: PathBuf,
    /// How large that file may get; more is refused. Default 16 MiB.
    pub max_size: ByteSize,
    /// Whether a channel is enabled, even one that lacks what it needs to send.
    pub enabled: bool,
    /// E-mail, if it is enabled.
    pub email: Option<Email>,
    /// Slack, if it is enabled.
    pub slack: Option<Slack>,
}

impl Notify {
    /// Reads the section of the service of this name, which keeps its files in `data_dir`.
    pub fn read(reader: &mut Reader, service: &str, data_dir: &Path) -> Self {
        const ABOUT: &str = "Where notifications wait; else `notifications.db` in `storage.data_dir`.";
        const BATCH: &[Legacy] = &[Legacy::same("notifications.batch_minutes")];
        const FILE: &[Legacy] = &[Legacy::same("message_file")];
        const EMAIL: &[Legacy] = &[Legacy::same("notifications.email.enabled")];
        const SLACK: &[Legacy] = &[Legacy::same("notifications.slack.enabled")];
        let batch = reader
            .key("notify.batch_minutes")
            .about("How long notifications are gathered before they are sent.");
        let batch = batch.in_file(BATCH).or(Minutes(Duration::from_mins(30)));
        let file: Option<PathBuf> = reader.key("notify.file").about(ABOUT).in_file(FILE).or(None);
        let email_enabled = reader.key("notify.email.enabled").about("Whether they are sent by e-mail.");
        let email_enabled = email_enabled.in_file(EMAIL).or(false);
        let slack_enabled = reader.key("notify.slack.enabled").about("Whether they are sent to Slack.");
        let slack_enabled = slack_enabled.in_file(SLACK).or(false);
        Self {
            batch,
            file: file.unwrap_or_else(|| data_dir.join("notifications.db")),
            max_size: reader
                .key("notify.max_size")
                .about("How large that file may get; more is refused.")
                .or(ByteSize(16 << 20)),
            enabled: email_enabled || slack_enabled,
            email: Email::read(reader, service, email_enabled),
            slack: Slack::read(reader, service, slack_enabled),
        }
    }

    /// Whether anybody is to be told anything.
    pub fn is_on(&self) -> bool {
        self.enabled
    }
}

/// The section `notify.email`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The mail server's name, which its certificate has to have as well.
    pub server: String,
    /// Default 465 for `tls`, 587 for `starttls`, 25 for `none`.
    pub port: u16,
    /// Default `tls`.
    pub security: Security,
    /// Left out only where `notify.email.from` is set: a server of the same network may want none.
    pub login: Option<Login>,
    /// Default: the user name (contract 2.4.22).
    pub from: Option<Mailbox>,
    /// One or more, with commas between them.
    pub to: Mailboxes,
    /// Default `Notifications`.
    pub subject: String,
    /// A PEM file of the authorities that may vouch for the server, in place of Mozilla's list. Read at each use.
    pub ca_file: Option<PathBuf>,
    /// For each step of a delivery. Default 30 s.
    pub timeout: Timeout,
}

/// User name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Login {
    pub username: Secret,
    pub password: Secret,
}

impl Email {
    fn read(reader: &mut Reader, service: &str, enabled: bool) -> Option<Self> {
        const USERNAME: SecretKeys = SecretKeys::new(
            "notify.email.username",
            "notify.email.username_file",
            "Who logs in at the mail server, and who mails are from where `notify.email.from` says nothing.",
        );
        const PASSWORD: SecretKeys =
            SecretKeys::new("notify.email.password", "notify.email.password_file", "Of that user.");
        const CA_FILE: &str =
            "A PEM file of the authorities that may vouch for the mail server, in place of Mozilla's list.";
        let security =
            reader.key("notify.email.security").about("How the connection is protected.").or(Security::Tls);
        let server =
            reader.key("notify.email.server").about("The mail server's name, which its certificate has too.");
        let server = server.of_service(service, "EMAIL_SERVER").or(Optional::NONE);
        let port = reader.key("notify.email.port").about("465 for `tls`, 587 for `starttls`, 25 for `none`.");
        let port = port.of_service(service, "EMAIL_PORT").or(security.port());
        let username = reader.service_secret(USERNAME, service, "EMAIL_USERNAME");
        let password = reader.service_secret(PASSWORD, service, "EMAIL_PASSWORD");
        let from = reader.key("notify.email.from").about("Who mails are from; else the user.");
        let Sender(from) = from.or(Sender::default());
        let to = reader.key("notify.email.to").about("Who gets them.");
        let to = to.of_service(service, "EMAIL").or(Recipients::default());
        let subject =
            reader.key("notify.email.subject").about("Of each mail.").or("Notifications".to_owned());
        let ca_file = reader.key("notify.email.ca_file").about(CA_FILE).or(None);
        let timeout = reader.key("notify.email.timeout").about("For each step of a delivery.");
        let timeout = timeout.or(Timeout::seconds(30));
        if !enabled {
            return None;
        }
        let without_login = from.is_some() && username.is_none() && password.is_none();
        for (is_missing, key, suffix) in [
            (server.get().is_none(), "notify.email.server", "EMAIL_SERVER"),
            (username.is_none() && !without_login, "notify.email.username", "EMAIL_USERNAME"),
            (password.is_none() && !without_login, "notify.email.password", "EMAIL_PASSWORD"),
            (to.0.is_none(), "notify.email.to", "EMAIL"),
        ] {
            if is_missing {
                missing(reader, key, "notify.email.enabled", service, suffix);
            }
        }
        if let Some(Ok(name)) = username.as_ref().map(Secret::read)
            && from.is_none()
            && name.parse::<Mailbox>().is_err()
        {
            let reason = "the user name is not an address that mail could come from; write one, for example service@example.com";
            reader.problem("notify.email.from", reason);
        }
        Some(Self {
            server: server.get()?.to_owned(),
            port: port.0,
            security,
            login: username.zip(password).map(|(username, password)| Login { username, password }),
            from,
            to: to.0?,
            subject,
            ca_file,
            timeout,
        })
    }
}

/// The section `notify.slack`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slack {
    /// Of a bot that may `chat:write`, and `chat:write.customize` for a name and an icon of its own.
    pub token: Secret,
    /// Name or id. Default `notifications`.
    pub channel: String,
    /// Under which name the bot writes. Default its own.
    pub username: Option<String>,
    /// Default `:newspaper:`.
    pub icon_emoji: Option<String>,
    /// Where Slack's methods are. Default `https://slack.com/api`.
    pub url: BaseUrl,
    /// For one request. Default 10 s.
    pub timeout: Timeout,
}

impl Slack {
    fn read(reader: &mut Reader, service: &str, enabled: bool) -> Option<Self> {
        const CHANNEL: &[Legacy] = &[Legacy::same("notifications.slack.channel")];
        const ICON: &[Legacy] = &[Legacy::same("notifications.slack.icon_emoji")];
        const TOKEN: SecretKeys = SecretKeys::new(
            "notify.slack.token",
            "notify.slack.token_file",
            "Of a bot that may `chat:write`, and `chat:write.customize` for a name and an icon of its own.",
        );
        let optional = |text: Optional| text.get().map(str::to_owned);
        let token = reader.service_secret(TOKEN, service, "SLACK_TOKEN");
        let channel = reader
            .key("notify.slack.channel")
            .about("Its name or id.")
            .in_file(CHANNEL)
            .or("notifications".to_owned());
        let username =
            reader.key("notify.slack.username").about("Under which name the bot writes; else its own.");
        let username = username.of_service(service, "SLACK_USERNAME");
        let username = optional(username.or(Optional::NONE));
        let icon = Optional::parse(":newspaper:").unwrap_or(Optional::NONE);
        let icon_emoji =
            optional(reader.key("notify.slack.icon_emoji").about("Beside that name.").in_file(ICON).or(icon));
        let url = reader
            .key("notify.slack.url")
            .about("Where Slack's methods are.")
            .or(BaseUrl::parse("https://slack.com/api"));
        let timeout = reader.key("notify.slack.timeout").about("For one request.").or(Timeout::seconds(10));
        if !enabled {
            return None;
        }
        if token.is_none() {
            missing(reader, "notify.slack.token", "notify.slack.enabled", service, "SLACK_TOKEN");
        }
        if url.is_none() {
            reader.problem(
                "notify.slack.url",
                "is none, and notify.slack.enabled is true; leave one of them out",
            );
        }
        Some(Self { token: token?, channel, username, icon_emoji, url: url?, timeout })
    }
}

/// All that is missing is told at once, and by the names under which it may be set (contract 2.2.7).
fn missing(reader: &mut Reader, key: &str, enabled: &str, service: &str, suffix: &str) {
    let variable = shell_name(&format!("{service}__{suffix}"));
    reader.problem(key, format!("is not set, and {enabled} is true; set it, or the variable {variable}"));
}

/// A duration longer than zero; a bare number is minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minutes(pub Duration);

impl Value for Minutes {
    const WRITE: &'static str = "minutes, for example 30, or a duration such as 90s";

    fn parse(text: &str) -> Option<Self> {
        let is_bare = text.trim().ends_with(|c: char| c.is_ascii_digit());
        let text = if is_bare { format!("{}m", text.trim()) } else { text.to_owned() };
        Timeout::parse(&text).map(|duration| Self(duration.0))
    }

    fn text(&self) -> String {
        let seconds = self.0.as_secs();
        let is_whole = self.0.subsec_nanos() == 0 && seconds.is_multiple_of(60);
        if is_whole { (seconds / 60).to_string() } else { Timeout(self.0).text() }
    }
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte on.
    Tls,
    /// TLS after a greeting in plain text; nothing is sent without it.
    StartTls,
    /// No TLS.
    None,
}

impl Security {
    fn port(self) -> Port {
        Port(match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        })
    }
}

impl Value for Security {
    const WRITE: &'static str = "tls, starttls or none";

    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "tls" => Some(Self::Tls),
            "starttls" => Some(Self::StartTls),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn text(&self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }
}

/// Who a mail is from.
#[derive(Default)]
struct Sender(Option<Mailbox>);

impl Value for Sender {
    const WRITE: &'static str = "an address such as service@example.com or Service <service@example.com>";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() { Some(Self(None)) } else { text.parse().ok().map(|from| Self(Some(from))) }
    }

    fn text(&self) -> String {
        self.0.as_ref().map_or_else(String::new, ToString::to_string)
    }
}

#[derive(Default)]
struct Recipients(Option<Mailboxes>);

impl Value for Recipients {
    const WRITE: &'static str = "addresses such as ops@example.com, Ann <ann@example.com>";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() { Some(Self(None)) } else { text.parse().ok().map(|to| Self(Some(to))) }
    }

    fn text(&self) -> String {
        self.0.as_ref().map_or_else(String::new, ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use chassis_config::{ConfigError, Loaded, Sources, load};

    use super::*;

    fn loaded(env: &[(&str, &str)]) -> Result<Loaded<Notify>, ConfigError> {
        let read = |reader: &mut Reader| {
            let service = reader.key("service.name").or("Microservice".to_owned());
            Notify::read(reader, &service, Path::new("/data"))
        };
        load(&Sources::default().with_env(env.iter().copied()), read)
    }

    const ALL: [(&str, &str); 8] = [
        ("CHASSIS_SERVICE__NAME", "company.project.service"),
        ("CHASSIS_NOTIFY__EMAIL__ENABLED", "true"),
        ("CHASSIS_NOTIFY__SLACK__ENABLED", "true"),
        ("company.project.service__EMAIL_SERVER", "mail.example.com"),
        ("COMPANY_PROJECT_SERVICE__EMAIL_USERNAME", "service@example.com"),
        ("COMPANY_PROJECT_SERVICE__EMAIL_PASSWORD", "geheim"),
        ("COMPANY_PROJECT_SERVICE__EMAIL", "ops@example.com, ann@example.com"),
        ("COMPANY_PROJECT_SERVICE__SLACK_TOKEN", "xoxb-geheim"),
    ];

    #[test]
    fn contract_2_2_6_secrets_come_from_variables_named_after_the_service() {
        let all = loaded(&ALL).unwrap();
        let email = all.config.email.clone().unwrap();
        assert_eq!((email.server.as_str(), email.port), ("mail.example.com", 465));
        assert_eq!(email.login.unwrap().password.read().unwrap(), "geheim");
        assert_eq!(email.to.iter().count(), 2);
        assert_eq!(all.config.slack.clone().unwrap().token.read().unwrap(), "xoxb-geheim");
        let shown = format!("{all:?}{}", all.settings.to_yaml());
        assert!(!shown.contains("geheim") && shown.contains("(hidden)"), "{shown}");
        // The exact name wins over the one that a shell can set.
        let exact = [("company.project.service__EMAIL_PASSWORD", "exact")];
        let email = loaded(&[&ALL[..], &exact].concat()).unwrap().config.email.unwrap();
        assert_eq!(email.login.unwrap().password.read().unwrap(), "exact");
    }

    #[test]
    fn contract_2_2_6_a_secret_may_stand_in_a_file_and_a_port_is_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "from a file\n").unwrap();
        let mut env: Vec<_> = ALL.iter().copied().filter(|(name, _)| !name.ends_with("PASSWORD")).collect();
        env.push(("COMPANY_PROJECT_SERVICE__EMAIL_PASSWORD_FILE", file.to_str().unwrap()));
        env.push(("COMPANY_PROJECT_SERVICE__EMAIL_PORT", "2525"));
        let email = loaded(&env).unwrap().config.email.unwrap();
        assert_eq!(email.login.unwrap().password.read().unwrap(), "from a file");
        assert_eq!(email.port, 2525);
        env.push(("company.project.service__EMAIL_PORT", "many"));
        let loaded = loaded(&env).unwrap();
        assert!(loaded.warnings[0].contains("company.project.service__EMAIL_PORT ignored"), "{loaded:?}");
    }

    #[test]
    fn contract_2_2_7_everything_that_is_missing_is_told_at_once() {
        let error = loaded(&ALL[..3]).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.problems.len(), 5, "{text}");
        for (key, enabled, variable) in [
            ("email.server", "email", "EMAIL_SERVER"),
            ("email.username", "email", "EMAIL_USERNAME"),
            ("email.password", "email", "EMAIL_PASSWORD"),
            ("email.to", "email", "EMAIL"),
            ("slack.token", "slack", "SLACK_TOKEN"),
        ] {
            let line = format!(
                "notify.{key}: is not set, and notify.{enabled}.enabled is true; set it, or the variable COMPANY_PROJECT_SERVICE__{variable}\n"
            );
            assert!(format!("{text}\n").contains(&line), "{line} is not in {text}");
        }
    }

    #[test]
    fn a_user_name_that_is_no_address_needs_a_sender() {
        let key = [("COMPANY_PROJECT_SERVICE__EMAIL_USERNAME", "apikey")];
        let error = loaded(&[&ALL[..], &key].concat()).unwrap_err().to_string();
        assert!(error.contains("notify.email.from: the user name is not an address"), "{error}");
        let from = [("CHASSIS_NOTIFY__EMAIL__FROM", "Service <service@example.com>")];
        assert!(loaded(&[&ALL[..], &key, &from].concat()).is_ok());
    }

    #[test]
    fn batches_are_minutes() {
        for (text, seconds, canonical) in
            [("30", 1800, "30"), ("0.5", 30, "30s"), ("90s", 90, "90s"), ("1h", 3600, "60")]
        {
            let minutes = Minutes::parse(text).unwrap();
            assert_eq!((minutes.0.as_secs(), minutes.text().as_str()), (seconds, canonical), "{text}");
        }
        for bad in ["0", "-1", "soon", ""] {
            assert_eq!(Minutes::parse(bad), None, "{bad}");
        }
    }
}
