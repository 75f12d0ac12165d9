//! Mails over SMTP: sessions that are kept for the next mail, and what becomes of a mail that a server does not take.
//!
//! lettre speaks the protocol, command by command and not through its own transport: only so is it known how far an attempt got, and only so
//! can `entrawatch mail test` show the whole conversation.

mod answer;
mod session;
mod tls;
mod transcript;
mod wire;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use answer::hint;
use lettre::transport::smtp::extension::ClientId;
pub use session::Patience;
use session::{Session, Stopped};
pub use transcript::Line;
use wire::Wire;

use super::{Envelope, Mailer, SendError};
use crate::config::{SmtpConfig, SmtpProof, SmtpTls};
use crate::graph::Client;
use crate::policy::TransportKind;
use crate::secret::SecretSource;

/// A session that was not used for this long is not trusted to be there still.
const IDLE: Duration = Duration::from_secs(20);

/// exim, as it comes, leaves what is more than this in its queue until the next run of it, half an hour later.
const MAILS_PER_SESSION: u32 = 10;

/// Sends over SMTP.
pub struct SmtpMailer {
    settings: Settings,
    idle: Mutex<Vec<Session>>,
}

/// What a session needs to know.
#[derive(Debug)]
struct Settings {
    host: String,
    port: u16,
    tls: SmtpTls,
    ca_file: Option<PathBuf>,
    sign_in: Option<SignIn>,
    patience: Patience,
}

/// How we sign in.
#[derive(Debug)]
enum SignIn {
    /// User name and password; the password is read at each sign-in, so that a changed one counts.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: SecretSource,
    },
    /// A token of the tenant's application (XOAUTH2).
    Token {
        /// The mailbox.
        username: String,
        /// Whose application it is.
        client: Client,
        /// What the token is asked for.
        scope: String,
    },
}

impl SmtpMailer {
    /// Sends through the configured server.
    #[must_use]
    pub fn new(config: &SmtpConfig) -> Self {
        let sign_in = config.login.as_ref().and_then(|login| match &login.proof {
            SmtpProof::Password(password) => {
                Some(SignIn::Password { username: login.username.clone(), password: password.clone() })
            }
            SmtpProof::Token { .. } => None,
        });
        let settings = Settings {
            host: config.host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: config.port,
            tls: config.tls,
            ca_file: config.ca_file.clone(),
            sign_in,
            patience: Patience::default(),
        };
        Self { settings, idle: Mutex::default() }
    }

    /// Signs in to the mailbox `username` with tokens for `scope` of `client`'s application.
    #[must_use]
    pub fn signing_in_as(mut self, username: &str, client: Client, scope: &str) -> Self {
        self.settings.sign_in = Some(SignIn::Token { username: username.to_owned(), client, scope: scope.to_owned() });
        self
    }

    /// Waits as long as this for the server's answers.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.settings.patience = patience;
        self
    }

    /// Sends one mail over a connection of its own, and tells everything that was said meanwhile.
    pub async fn converse(&self, envelope: Envelope<'_>) -> (Vec<Line>, Result<String, SendError>) {
        let mut wire: Option<Wire> = None;
        let result = match Session::open(&self.settings, Some(&mut wire)).await {
            Ok(mut session) => {
                let result = session.deliver(envelope).await.map_err(|stopped| stopped.error);
                session.quit().await;
                result
            }
            Err(error) => Err(error),
        };
        (wire.map(|wire| wire.transcript()).unwrap_or_default(), result)
    }

    /// Connects, signs in, and says goodbye: no mail is sent.
    pub async fn knock(&self) -> Result<String, SendError> {
        let session = Session::open(&self.settings, None).await?;
        session.quit().await;
        Ok(self.settings.server())
    }

    async fn hand_over(&self, envelope: Envelope<'_>) -> Result<String, SendError> {
        if let Some(session) = self.take() {
            match self.over(session, envelope).await {
                // The server had hung up since the last mail: that says nothing about this one.
                Err(Stopped { error, broken: true }) if !error.after_data => {}
                other => return other.map_err(|stopped| stopped.error),
            }
        }
        let session = Session::open(&self.settings, None).await?;
        self.over(session, envelope).await.map_err(|stopped| stopped.error)
    }

    async fn over(&self, mut session: Session, envelope: Envelope<'_>) -> Result<String, Stopped> {
        let result = session.deliver(envelope).await;
        let usable = match &result {
            Ok(_) => true,
            Err(stopped) => !stopped.broken && session.reset().await,
        };
        if usable && session.taken < MAILS_PER_SESSION {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        } else if usable {
            session.quit().await;
        }
        result
    }

    /// A session that is probably still there.
    fn take(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| session.last_used.elapsed() < IDLE);
        idle.pop()
    }
}

impl Mailer for SmtpMailer {
    fn kind(&self) -> TransportKind {
        TransportKind::Smtp
    }

    fn send<'a>(&'a self, envelope: Envelope<'a>) -> Pin<Box<dyn Future<Output = Result<String, SendError>> + Send + 'a>> {
        Box::pin(self.hand_over(envelope))
    }
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Settings {
    /// The server, as people write it.
    fn server(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

/// How we present ourselves: by this machine's full name, or by its address where it has none.
fn hello(wire: &Wire) -> ClientId {
    match (ClientId::default(), wire.local().map(|local| local.ip().to_canonical())) {
        (ClientId::Domain(name), _) if name.contains('.') && name.is_ascii() => ClientId::Domain(name),
        (_, Ok(std::net::IpAddr::V4(ip))) => ClientId::Ipv4(ip),
        (_, Ok(std::net::IpAddr::V6(ip))) => ClientId::Ipv6(ip),
        (other, Err(_)) => other,
    }
}
