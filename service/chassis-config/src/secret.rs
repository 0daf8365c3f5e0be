//! Passwords and tokens: never shown, and read anew at each use where they stand in a file.

use std::{fmt, fs, io, path::PathBuf};

use super::{Legacy, Optional, Reader, Value};

/// The two keys of one secret: `<name>` for the secret itself, `<name>_file` for the path of a file with it, as
/// Kubernetes mounts a Secret and as the agents of vaults write one.
///
/// ```
/// use chassis_config::{Legacy, SecretKeys, Sources, load};
///
/// const PASSWORD: &[Legacy] = &[Legacy::same("POSTGRES_SERVICE_PASSWORD")];
/// const PASSWORD_FILE: &[Legacy] = &[Legacy::same("POSTGRES_SERVICE_PASSWORD_FILE")];
/// let keys = SecretKeys::new("db.password", "db.password_file", "Of the database.").legacy(PASSWORD, PASSWORD_FILE);
/// let sources = Sources::default().with_env([("POSTGRES_SERVICE_PASSWORD", "geheim")]);
/// let loaded = load(&sources, |reader| reader.secret(keys))?;
/// assert_eq!(loaded.config.unwrap().read()?, "geheim");
/// assert!(!loaded.settings.to_yaml().contains("geheim"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SecretKeys {
    value: &'static str,
    file: &'static str,
    legacy_value: &'static [Legacy],
    legacy_file: &'static [Legacy],
    about: &'static str,
}

impl SecretKeys {
    /// Without legacy variables. `about` is what the secret is, for a reference.
    pub const fn new(value: &'static str, file: &'static str, about: &'static str) -> Self {
        Self { value, file, legacy_value: &[], legacy_file: &[], about }
    }

    /// With variables of an earlier convention for the secret and for the path of its file; the first ones may stand in
    /// the configuration file as well.
    #[must_use]
    pub const fn legacy(self, value: &'static [Legacy], file: &'static [Legacy]) -> Self {
        Self { legacy_value: value, legacy_file: file, ..self }
    }
}

/// A password or a token. It is in no log and not in `config print`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Origin);

#[derive(Clone, PartialEq, Eq)]
enum Origin {
    Value(String),
    File(PathBuf),
}

impl Secret {
    /// The secret as it is now: a file is read at each call, so that one that was changed counts without a restart.
    /// A line break at its end is no part of the secret.
    ///
    /// Blocks for as long as a small file takes; so call it where a connection is made, not for each request.
    pub fn read(&self) -> io::Result<String> {
        match &self.0 {
            Origin::Value(value) => Ok(value.clone()),
            Origin::File(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Origin::Value(_) => out.write_str("Secret(hidden)"),
            Origin::File(path) => write!(out, "Secret(in {})", path.display()),
        }
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(Origin::Value(value))
    }
}

const FILE: &str =
    "A file with that secret in place of the key before. Read at each use: a changed one needs no restart.";

impl Reader<'_> {
    /// The secret of `keys`, if one of the two is set. Both, or a file that can't be read, is a problem.
    pub fn secret(&mut self, keys: SecretKeys) -> Option<Secret> {
        let value = self.key(keys.value).about(keys.about).above_file(keys.legacy_value);
        let Hidden(value) = value.in_file(keys.legacy_value).or(Hidden(None));
        let file = self.key(keys.file).about(FILE).above_file(keys.legacy_file).or(Optional::NONE);
        self.one_of(keys, value, &file)
    }

    /// The same, with variables named after the service ([`Key::of_service`](super::Key::of_service)):
    /// `<service>__<suffix>`, and `<service>__<suffix>_FILE` for the path of a file (contract 2.2.6).
    pub fn service_secret(&mut self, keys: SecretKeys, service: &str, suffix: &str) -> Option<Secret> {
        let value =
            self.key(keys.value).about(keys.about).above_file(keys.legacy_value).of_service(service, suffix);
        let Hidden(value) = value.or(Hidden(None));
        let suffix = format!("{suffix}_FILE");
        let file = self.key(keys.file).about(FILE).above_file(keys.legacy_file).of_service(service, &suffix);
        let file = file.or(Optional::NONE);
        self.one_of(keys, value, &file)
    }

    fn one_of(&mut self, keys: SecretKeys, value: Option<String>, file: &Optional) -> Option<Secret> {
        let file = file.get().map(PathBuf::from);
        let secret = match (value, file) {
            (Some(_), Some(_)) => {
                let place = format!("{} and {}", keys.value, keys.file);
                self.problem(place, "both are set; keep one of them");
                return None;
            }
            (Some(value), None) => Secret(Origin::Value(value)),
            (None, Some(file)) => Secret(Origin::File(file)),
            (None, None) => return None,
        };
        if let Err(error) = secret.read() {
            self.problem(keys.file, format!("cannot be read: {error}; name an existing file"));
        }
        Some(secret)
    }
}

/// What is shown in place of a secret. Not taken for one: what was printed may be read again.
pub const HIDDEN: &str = "(hidden)";

/// A text that is not shown again.
struct Hidden(Option<String>);

impl Value for Hidden {
    const WRITE: &'static str = "a text in quotes";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        (text != HIDDEN).then(|| Self(Some(text.to_owned()).filter(|text| !text.is_empty())))
    }

    fn text(&self) -> String {
        if self.0.is_some() { HIDDEN.to_owned() } else { String::new() }
    }

    fn refusal(_text: &str) -> String {
        format!(
            "{HIDDEN} stands for a secret that is not shown; write the secret, or name a file that has it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ConfigError, Loaded, Sources, load},
        *,
    };

    fn token(sources: &Sources) -> Result<Loaded<Option<Secret>>, ConfigError> {
        const LEGACY: &[Legacy] = &[Legacy::same("OLD_TOKEN")];
        const LEGACY_FILE: &[Legacy] = &[Legacy::same("OLD_TOKEN_FILE")];
        let keys = SecretKeys::new("inbox.token", "inbox.token_file", "Ours.").legacy(LEGACY, LEGACY_FILE);
        load(sources, |reader| reader.secret(keys))
    }

    #[test]
    fn a_changed_file_counts_at_the_next_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        for name in ["CHASSIS_INBOX__TOKEN_FILE", "OLD_TOKEN_FILE"] {
            let sources = Sources::default().with_env([(name, path.to_str().unwrap())]);
            let secret = token(&sources).unwrap().config.unwrap();
            assert_eq!(secret.read().unwrap(), "first");
            std::fs::write(&path, "second").unwrap();
            assert_eq!(secret.read().unwrap(), "second");
            std::fs::write(&path, "first\n").unwrap();
        }
    }

    #[test]
    fn a_secret_is_nowhere_to_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("service.yaml");
        std::fs::write(&path, "inbox: {token: '4711'}").unwrap();
        for sources in
            [Sources::default().with_file(&path), Sources::default().with_env([("OLD_TOKEN", "4711")])]
        {
            let loaded = token(&sources).unwrap();
            let shown = format!("{:?} {}", loaded, loaded.settings.to_yaml());
            assert!(shown.contains("(hidden)") && !shown.contains("4711"), "{shown}");
            // What was printed is not taken for the secret.
            std::fs::write(dir.path().join("printed.yaml"), loaded.settings.to_yaml()).unwrap();
            let again = token(&Sources::default().with_file(dir.path().join("printed.yaml"))).unwrap_err();
            assert!(again.to_string().contains("(hidden) stands for a secret that is not shown"), "{again}");
        }
        std::fs::write(&path, "inbox: {token: 4711}").unwrap();
        let error = token(&Sources::default().with_file(&path)).unwrap_err().to_string();
        assert!(error.contains("put it in quotes") && !error.contains("4711"), "{error}");
    }

    #[test]
    fn two_origins_or_a_missing_file_are_refused() {
        let both = [("CHASSIS_INBOX__TOKEN", "x"), ("CHASSIS_INBOX__TOKEN_FILE", "/nowhere")];
        let error = token(&Sources::default().with_env(both)).unwrap_err().to_string();
        assert!(error.contains("inbox.token and inbox.token_file: both are set; keep one"), "{error}");
        let missing = [("CHASSIS_INBOX__TOKEN_FILE", "/nowhere")];
        let error = token(&Sources::default().with_env(missing)).unwrap_err().to_string();
        assert!(error.contains("inbox.token_file: cannot be read: /nowhere: No such file"), "{error}");
        assert!(token(&Sources::default()).unwrap().config.is_none());
    }
}
