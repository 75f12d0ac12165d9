//! Mails through Microsoft Graph, from a mailbox of a tenant: for those who have no SMTP server that takes them.

use std::pin::Pin;

use super::identity::is_lasting;
use super::text::clean;
use super::{Envelope, Fate, Mailer, SendError};
use crate::graph::{Error, Mailbox, Unsent};
use crate::policy::TransportKind;

/// Sends from a mailbox. Graph takes the recipient from the message itself.
#[derive(Debug)]
pub struct GraphMailer {
    mailbox: Mailbox,
}

impl GraphMailer {
    /// Sends from this mailbox.
    #[must_use]
    pub fn new(mailbox: Mailbox) -> Self {
        Self { mailbox }
    }

    fn judge(&self, unsent: &Unsent) -> SendError {
        let sender = self.mailbox.sender();
        let (fate, said) = match unsent {
            Unsent::Kept(error) | Unsent::Unanswered(error) => {
                let fate = if is_lasting(error) || matches!(error, Error::Redirected { .. }) {
                    Fate::Misconfigured
                } else {
                    Fate::Transient
                };
                (fate, error.to_string())
            }
            Unsent::Throttled(wait) => (
                Fate::Transient,
                format!("Microsoft Graph asks to wait {} s before it takes more mails from {sender}", wait.as_secs()),
            ),
            Unsent::Refused { status, code, message, request_id } => {
                let code = code.as_deref().unwrap_or_default();
                let (fate, advice) = refusal(*status, code);
                let message = message.as_deref().unwrap_or_default();
                let trace = request_id.as_deref().map(|id| format!(" (request-id {id})")).unwrap_or_default();
                (fate, format!("Microsoft Graph does not send from {sender}: {status} {code} {message}{trace}{advice}"))
            }
        };
        // A gateway that gives up does not know what became of the mail behind it.
        let after_data = matches!(unsent, Unsent::Unanswered(_) | Unsent::Refused { status: 500 | 502 | 504, .. });
        SendError { fate, answer: clean(&said, 600), after_data }
    }
}

/// What a refusal means, and what to do about it.
fn refusal(status: u16, code: &str) -> (Fate, &'static str) {
    match status {
        _ if code.eq_ignore_ascii_case("ErrorSendAsDenied") => (
            Fate::Misconfigured,
            "; mail.from must be an address of this mailbox, or an Exchange administrator grants it Send As on that address",
        ),
        401 => (Fate::Misconfigured, "; check that cloud, and graph_url where it is set, belong to the tenant"),
        403 => (
            Fate::Misconfigured,
            "; let an Exchange administrator grant EntraWatch's application the role \"Application Mail.Send\" for this mailbox (RBAC for \
             Applications); a grant can take two hours to count",
        ),
        404 => (Fate::Misconfigured, "; mail.transport.sender must be a mailbox of this tenant in Exchange Online"),
        408 | 429 | 500..=599 => (Fate::Transient, ""),
        _ => (Fate::Permanent, ""),
    }
}

impl Mailer for GraphMailer {
    fn kind(&self) -> TransportKind {
        TransportKind::Graph
    }

    fn send<'a>(&'a self, envelope: Envelope<'a>) -> Pin<Box<dyn Future<Output = Result<String, SendError>> + Send + 'a>> {
        Box::pin(async move {
            self.mailbox.send(envelope.message).await.map_err(|unsent| self.judge(&unsent))?;
            Ok(format!("taken by Microsoft Graph for {}", self.mailbox.sender()))
        })
    }
}
