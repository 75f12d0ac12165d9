//! One mail on request, to see whether mails arrive: `entrawatch mail test`. For `entrawatch doctor`, the same without a mail.

use anyhow::Context as _;
use lettre::Address;
use uuid::Uuid;

use super::compose::{self, Parts};
use super::letter::Tone;
use super::smtp::Line;
use super::{Envelope, SendError, mailer, named, smtp_mailer, words};
use crate::clock::UtcTime;
use crate::config::{MailConfig, TransportConfig};
use crate::graph::Client;

/// What came of it.
#[derive(Debug)]
pub struct Trial {
    /// The conversation with the server, its secrets masked; empty where there is none.
    pub dialogue: Vec<Line>,
    /// The server's answer, or why the mail was not taken.
    pub result: Result<String, SendError>,
}

/// Sends one mail.
///
/// `identity` is that of [`super::mailer`].
///
/// # Errors
/// When no message can be made of sender and recipient, or the transport names a tenant that is none.
pub async fn send(
    mail: &MailConfig,
    to: &Address,
    at: UtcTime,
    identity: impl Fn(&str) -> Option<Client>,
) -> anyhow::Result<Trial> {
    let id = Uuid::new_v4();
    let recipient = to.to_string();
    let subject = words::trial::SUBJECT;
    let parts = Parts {
        from: &mail.from,
        to: &recipient,
        id,
        at,
        subject,
        tone: Tone::Info,
        text: words::trial::TEXT,
        html: None,
        file: None,
    };
    let message = compose::message(parts).context("no message can be made of this sender and recipient")?;
    let envelope = Envelope { from: &mail.from.email, to, id, message: message.as_bytes() };
    let (dialogue, result) = match &mail.transport {
        TransportConfig::Smtp(smtp) => smtp_mailer(smtp, named(identity))?.converse(envelope).await,
        transport => (Vec::new(), mailer(transport, identity)?.send(envelope).await),
    };
    Ok(Trial { dialogue, result })
}

/// Sees whether the transport can be reached and lets us in, without a mail; what was found.
///
/// `identity` is that of [`super::mailer`].
///
/// # Errors
/// When the transport names a tenant that is none.
pub async fn knock(mail: &MailConfig, identity: impl Fn(&str) -> Option<Client>) -> anyhow::Result<Result<String, SendError>> {
    Ok(match &mail.transport {
        TransportConfig::Smtp(smtp) => {
            let lets_in = if smtp.login.is_some() { "answers and accepts the sign-in" } else { "answers" };
            smtp_mailer(smtp, named(identity))?.knock().await.map(|server| format!("{server} {lets_in}"))
        }
        TransportConfig::Folder { path } => match tokio::fs::create_dir_all(path).await {
            Ok(()) => Ok(format!("mails are written into {}, and nobody receives them", path.display())),
            Err(error) => {
                let answer = format!("{} cannot be made: {error}", path.display());
                Err(SendError { fate: super::Fate::Misconfigured, answer, after_data: false })
            }
        },
        TransportConfig::Graph(graph) => {
            // Whether Exchange lets it send as this mailbox, only a mail shows.
            mailer(&mail.transport, identity)?;
            Ok(format!("mails leave by Microsoft Graph as {}", graph.sender))
        }
    })
}
