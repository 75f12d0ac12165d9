//! One mail on request, to see whether mails arrive: `entrawatch mail test`.

use lettre::Address;
use uuid::Uuid;

use super::compose::{self, Parts};
use super::folder::FolderMailer;
use super::letter::Tone;
use super::smtp::{Line, SmtpMailer};
use super::{Envelope, Mailer as _, SendError};
use crate::clock::UtcTime;
use crate::config::{MailConfig, TransportConfig};

/// What it says.
const TEXT: &str = "\
This mail was asked for with `entrawatch mail test`. It says nothing about any credential.

That you read it means: EntraWatch can hand mails to this mail server, and the server delivers them to you. If it lay among the
unwanted mail, let the sender through, or the mails that matter will lie there too.
";

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
/// # Errors
/// When no message can be made.
pub async fn send(mail: &MailConfig, to: &Address, at: UtcTime) -> Result<Trial, lettre::error::Error> {
    let id = Uuid::new_v4();
    let recipient = to.to_string();
    let subject = "EntraWatch: a test mail";
    let parts = Parts { from: &mail.from, to: &recipient, id, at, subject, tone: Tone::Info, text: TEXT, html: None, file: None };
    let message = compose::message(parts)?;
    let envelope = Envelope { from: &mail.from.email, to, id, message: message.as_bytes() };
    let (dialogue, result) = match &mail.transport {
        TransportConfig::Smtp(smtp) => SmtpMailer::new(smtp).converse(envelope).await,
        TransportConfig::Folder { path } => (Vec::new(), FolderMailer::new(path.clone()).send(envelope).await),
    };
    Ok(Trial { dialogue, result })
}
