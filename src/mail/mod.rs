//! Mails: how they read ([`render`]) and how they leave ([`Mailer`]).

pub mod advice;
mod compose;
mod digest;
pub mod folder;
pub mod graph;
mod identity;
mod letter;
mod links;
mod list;
pub mod render;
pub mod report;
pub mod samples;
mod sheet;
mod situation;
pub mod smtp;
mod text;
pub mod trial;
pub mod watcher;
mod words;

pub use letter::{Fact, Guide, Link, Step};
pub(crate) use text::cell;
pub use text::clean;
pub(crate) use words::item::credential as credential_in_words;
pub use words::{MARKS, NAMES};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use lettre::Address;

use crate::config::{SmtpConfig, SmtpLogin, SmtpProof, TransportConfig};
use crate::graph::{Client, Mailbox};
use crate::policy::TransportKind;

/// The configured way out. `identity` gives the client of the tenant with a name, for transports that sign in as its application.
pub fn mailer(transport: &TransportConfig, identity: impl Fn(&str) -> Option<Client>) -> anyhow::Result<Arc<dyn Mailer>> {
    let client = named(identity);
    Ok(match transport {
        TransportConfig::Smtp(smtp) => Arc::new(smtp_mailer(smtp, client)?),
        TransportConfig::Graph(graph) => Arc::new(graph::GraphMailer::new(Mailbox::new(client(&graph.tenant)?, &graph.sender))),
        TransportConfig::Folder { path } => Arc::new(folder::FolderMailer::new(path.clone())),
    })
}

fn named(identity: impl Fn(&str) -> Option<Client>) -> impl Fn(&str) -> anyhow::Result<Client> {
    move |name| identity(name).with_context(|| format!("mail.transport.tenant: no [[tenant]] is named {name:?}"))
}

fn smtp_mailer(config: &SmtpConfig, client: impl Fn(&str) -> anyhow::Result<Client>) -> anyhow::Result<smtp::SmtpMailer> {
    let mailer = smtp::SmtpMailer::new(config);
    Ok(match &config.login {
        Some(SmtpLogin { username, proof: SmtpProof::Token { tenant, scope } }) => {
            mailer.signing_in_as(username, client(tenant)?, scope)
        }
        _ => mailer,
    })
}

/// One recipient, one message.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The sender's address.
    pub from: &'a Address,
    /// The recipient's address.
    pub to: &'a Address,
    /// The outbox id: the file name of the folder transport.
    pub id: uuid::Uuid,
    /// The whole message, RFC 5322.
    pub message: &'a [u8],
}

/// Something that takes mails.
pub trait Mailer: std::fmt::Debug + Send + Sync {
    /// What kind of transport it is.
    fn kind(&self) -> TransportKind;

    /// Hands one mail over; the server's answer, or what became of the attempt.
    fn send<'a>(&'a self, envelope: Envelope<'a>) -> Pin<Box<dyn Future<Output = Result<String, SendError>> + Send + 'a>>;
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{answer}")]
pub struct SendError {
    /// What to do about it.
    pub fate: Fate,
    /// The server's last answer, or what went wrong, in plain words.
    pub answer: String,
    /// The attempt may have got as far as DATA: the server may have taken the message although we do not know.
    pub after_data: bool,
}

/// What becomes of a mail that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Try again later: 4xx, network, 421.
    Transient,
    /// This recipient or message will never be taken: 5xx.
    Permanent,
    /// Nothing will be taken until somebody mends the set-up: the sign-in is refused, TLS is missing, the sender is not allowed.
    Misconfigured,
}
