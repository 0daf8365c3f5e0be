//! E-mail by SMTP (contract 2.4.22).

use std::{fs, io, sync::Arc};

use chassis_config::Secret;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};

use super::{
    DeliveryError,
    config::{self, Login, Security},
    digest,
    outbox::Message,
};

/// Bytes of messages in one mail; with text and HTML it is a few times as large, and servers take 10 MB and more.
const LARGEST: usize = 1 << 20;

/// As many messages as fit are one mail.
#[derive(Debug)]
pub(super) struct Email(Arc<config::Email>);

/// A connection that is yet to be made, and who sends.
struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Email {
    pub(super) fn new(config: config::Email) -> Self {
        Self(Arc::new(config))
    }

    /// How many of the first messages fit in one mail; at least one.
    pub(super) fn fitting(messages: &[Message]) -> usize {
        let sizes = messages.iter().scan(0, |size, message| {
            *size += message.text.len();
            Some(*size)
        });
        sizes.take_while(|size| *size <= LARGEST).count().max(1)
    }

    pub(super) async fn send(&self, messages: &[Message]) -> Result<(), DeliveryError> {
        let config = Arc::clone(&self.0);
        // Files are read.
        let Sender { transport, from } = tokio::task::spawn_blocking(move || sender(&config)).await??;
        let to = self.0.to.iter().cloned();
        let mail = to.fold(lettre::Message::builder().from(from), lettre::message::MessageBuilder::to);
        let body = MultiPart::alternative_plain_html(digest::text(messages), digest::html(messages));
        let mail = mail.subject(&self.0.subject).multipart(body)?;
        transport.send(mail).await.map(|_| ()).map_err(|source| smtp(&self.0, source))
    }
}

/// With the secrets and certificates as they are now (contract 2.2.9).
fn sender(config: &config::Email) -> Result<Sender, DeliveryError> {
    let login = config.login.as_ref().map(credentials).transpose()?;
    let from = match (&config.from, &login) {
        (Some(from), _) => from.clone(),
        (None, Some((username, _))) => username.parse().map_err(|_| DeliveryError::Sender)?,
        (None, None) => return Err(DeliveryError::Sender),
    };
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.server.as_str())
        .port(config.port)
        .timeout(Some(config.timeout.0))
        .tls(match config.security {
            Security::Tls => Tls::Wrapper(tls(config)?),
            Security::StartTls => Tls::Required(tls(config)?),
            Security::None => Tls::None,
        });
    let transport = match login {
        Some((username, password)) => transport.credentials(Credentials::new(username, password)),
        None => transport,
    };
    Ok(Sender { transport: transport.build(), from })
}

fn credentials(login: &Login) -> Result<(String, String), DeliveryError> {
    let read = |secret: &Secret, what| secret.read().map_err(|source| DeliveryError::File { what, source });
    Ok((
        read(&login.username, "notify.email.username_file")?,
        read(&login.password, "notify.email.password_file")?,
    ))
}

fn tls(config: &config::Email) -> Result<TlsParameters, DeliveryError> {
    let mut parameters = TlsParameters::builder(config.server.clone());
    if let Some(path) = &config.ca_file {
        let error = |source| DeliveryError::File { what: "notify.email.ca_file", source };
        let pem = fs::read(path).map_err(|source| {
            error(io::Error::new(source.kind(), format!("{}: {source}", path.display())))
        })?;
        let authorities = Certificate::from_pem(&pem);
        let authorities = authorities.map_err(|source| error(io::Error::other(source)))?;
        parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(authorities);
    }
    parameters.build().map_err(|source| smtp(config, source))
}

fn smtp(config: &config::Email, source: lettre::transport::smtp::Error) -> DeliveryError {
    DeliveryError::Smtp { server: format!("{}:{}", config.server, config.port), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_does_not_get_larger_than_servers_take() {
        let message = Message { id: 0, service: "users".to_owned(), text: "x".repeat(LARGEST / 4) };
        assert_eq!(Email::fitting(&vec![message.clone(); 3]), 3);
        assert_eq!(Email::fitting(&vec![message; 9]), 4);
    }
}
