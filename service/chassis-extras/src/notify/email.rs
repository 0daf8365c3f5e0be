//! E-mail by SMTP (contract 2.4.22).

use std::{fs, io, slice, sync::Arc};

use chassis_config::Secret;
use chassis_http::error_chain::chain;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    address::Envelope,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        response::Category,
    },
};

use super::{
    DeliveryError,
    config::{self, Login, Security},
    dead_letters::Refusal,
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

    /// Sends one mail to everybody, or to `only` these addresses. Where the server refuses it for good, each of them is
    /// tried alone: a person who has left keeps it from nobody else.
    pub(super) async fn send(
        &self,
        messages: &[Message],
        only: &[String],
    ) -> Result<Result<(), Refusal>, DeliveryError> {
        let config = Arc::clone(&self.0);
        // Files are read.
        let Sender { transport, from } = tokio::task::spawn_blocking(move || sender(&config)).await??;
        let sender = from.email.clone();
        let to = self.0.to.iter().cloned();
        let mail = to.fold(lettre::Message::builder().from(from), lettre::message::MessageBuilder::to);
        let body = MultiPart::alternative_plain_html(digest::text(messages), digest::html(messages));
        let mail = mail.subject(&self.0.subject).multipart(body)?.formatted();
        let send = async |to: &[Address]| {
            let envelope = Envelope::new(Some(sender.clone()), to.to_vec())?;
            match transport.send_raw(&envelope, &mail).await {
                Ok(_) => Ok(Ok(())),
                Err(error) if is_for_good(&error) => Ok(Err(chain(&error))),
                Err(source) => Err(smtp(&self.0, source)),
            }
        };
        let is_meant =
            |address: &Address| only.is_empty() || only.iter().any(|one| *one == address.to_string());
        let all = self.0.to.iter().map(|mailbox| mailbox.email.clone());
        let meant: Vec<Address> = all.filter(is_meant).collect();
        // Those who have not got it may be no recipients any more.
        if meant.is_empty() {
            return Ok(Ok(()));
        }
        let Err(reason) = send(&meant).await? else { return Ok(Ok(())) };
        if let [_] = meant[..] {
            return Ok(Err(Refusal { recipients: only.to_vec(), reason }));
        }
        let mut refused = Vec::new();
        for address in &meant {
            if let Err(reason) = send(slice::from_ref(address)).await? {
                refused.push((address.to_string(), reason));
            }
        }
        let is_everybody = refused.len() == meant.len();
        let Some((_, reason)) = refused.last().cloned() else { return Ok(Ok(())) };
        let refused = refused.into_iter().map(|(address, _)| address).collect();
        Ok(Err(Refusal { recipients: if is_everybody { only.to_vec() } else { refused }, reason }))
    }
}

/// No such mailbox, too large, taken for spam: the server will not think better of it. What it says of a login (53x) or
/// of commands (50x) is about the settings, and a person may put them right.
fn is_for_good(error: &lettre::transport::smtp::Error) -> bool {
    error.is_permanent() && error.status().is_some_and(|code| code.category == Category::MailSystem)
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
