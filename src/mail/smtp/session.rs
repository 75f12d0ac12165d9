//! One conversation with the mail server, from the connection to the final dot.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter, ServerInfo};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::answer::{Failure, Step, judge};
use super::wire::Wire;
use super::{Settings, SignIn, hello, tls};
use crate::config::SmtpTls;
use crate::graph::{Client, Token};
use crate::mail::identity::is_lasting;
use crate::mail::{Envelope, Fate, SendError};

/// How long the steps may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the name, one address, the TLS handshake: each.
    pub connect: Duration,
    /// For the answer to one command.
    pub command: Duration,
    /// For the message and the answer to its final dot.
    pub message: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(20), command: Duration::from_mins(1), message: Duration::from_mins(3) }
    }
}

/// AUTH LOGIN asks two questions; a server that asks on and on is broken.
const MOST_CHALLENGES: usize = 5;

/// A server that is ready for mails.
pub struct Session {
    connection: AsyncSmtpConnection,
    wire: Wire,
    info: ServerInfo,
    server: String,
    patience: Patience,
    /// Mails it has taken.
    pub taken: u32,
    /// When it was last of use.
    pub last_used: Instant,
}

/// A failed step.
pub struct Stopped {
    /// What becomes of the mail.
    pub error: SendError,
    /// The connection is of no more use.
    pub broken: bool,
}

impl Session {
    /// Connects, protects the connection, signs in. `transcript` is told as soon as there is a wire, so that it can be read after a failure.
    pub async fn open(settings: &Settings, transcript: Option<&mut Option<Wire>>) -> Result<Self, SendError> {
        let server = settings.server();
        let stop = |step, failure| judge(&server, step, &failure);
        let stream = connect(settings).await.map_err(|failure| stop(Step::Connect, failure))?;
        let wire =
            Wire::new(stream, transcript.is_some()).map_err(|error| stop(Step::Connect, Failure::Broken(error.to_string())))?;
        wire.note(&format!("connected to {}", wire.peer()));
        if let Some(slot) = transcript {
            *slot = Some(wire.clone());
        }
        if settings.tls == SmtpTls::Implicit {
            handshake(settings, &wire).await.map_err(|failure| stop(Step::Handshake, failure))?;
        }
        let name = hello(&wire);
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &name);
        let connection = within(settings.patience.command, greeting).await.map_err(|failure| stop(Step::Greeting, failure))?;
        let info = connection.server_info().clone();
        let patience = settings.patience;
        let mut session = Self { connection, wire, info, server, patience, taken: 0, last_used: Instant::now() };
        session.starttls(settings, name).await?;
        session.sign_in(settings).await?;
        Ok(session)
    }

    async fn starttls(&mut self, settings: &Settings, name: ClientId) -> Result<(), SendError> {
        let required = match settings.tls {
            SmtpTls::Implicit | SmtpTls::None => return Ok(()),
            SmtpTls::StarttlsRequired => true,
            SmtpTls::StarttlsOpportunistic => false,
        };
        if !self.info.supports_feature(Extension::StartTls) {
            let missing = "it does not offer STARTTLS, or somebody in between removed the offer; without TLS nothing is \
                sent. A server that really has none needs starttls = \"none\"";
            return if required { Err(self.stop(Step::Starttls, &Failure::Setup(missing.to_owned())).error) } else { Ok(()) };
        }
        self.command(Step::Starttls, Starttls).await.map_err(|stopped| stopped.error)?;
        handshake(settings, &self.wire).await.map_err(|failure| self.stop(Step::Handshake, &failure).error)?;
        // What was said before TLS may have been said by anybody.
        let capabilities = self.command(Step::Greeting, Ehlo::new(name)).await.map_err(|stopped| stopped.error)?;
        self.info = ServerInfo::from_response(&capabilities)
            .map_err(|error| self.stop(Step::Greeting, &Failure::Broken(error.to_string())).error)?;
        Ok(())
    }

    async fn sign_in(&mut self, settings: &Settings) -> Result<(), SendError> {
        let Some(sign_in) = &settings.sign_in else { return Ok(()) };
        let setup = |session: &Self, what: String| session.stop(Step::Login, &Failure::Setup(what)).error;
        if !self.wire.is_encrypted() && !self.wire.peer().ip().is_loopback() {
            let exposed = "the connection is not encrypted, so the password is not sent; use starttls = \"required\" or \
                smtps://";
            return Err(setup(self, exposed.to_owned()));
        }
        match sign_in {
            SignIn::Password { username, password } => {
                let secret = password.read().await.map_err(|error| setup(self, format!("mail.transport: {error}")))?;
                let credentials = Credentials::new(username.clone(), secret.expose_secret().to_owned());
                let Some(mechanism) = self.info.get_auth_mechanism(&[Mechanism::Plain, Mechanism::Login]) else {
                    let missing =
                        "it offers no sign-in by password here (AUTH PLAIN or LOGIN); remove username and password, or use TLS";
                    return Err(setup(self, missing.to_owned()));
                };
                self.authenticate(mechanism, &credentials).await.map_err(|stopped| stopped.error)
            }
            SignIn::Token { username, client, scope } => {
                if self.info.get_auth_mechanism(&[Mechanism::Xoauth2]).is_none() {
                    let missing = "it offers no sign-in by token here (AUTH XOAUTH2); use auth = \"password\"";
                    return Err(setup(self, missing.to_owned()));
                }
                self.sign_in_by_token(username, client, scope).await
            }
        }
    }

    /// A token may have been revoked since it was fetched: one that is refused is fetched afresh, once.
    async fn sign_in_by_token(&mut self, username: &str, client: &Client, scope: &str) -> Result<(), SendError> {
        let mut refused: Option<(SendError, Arc<Token>)> = None;
        loop {
            let token = client.tokens().get(scope).await.map_err(|error| {
                let failure = if is_lasting(&error) { Failure::Setup } else { Failure::Broken };
                self.stop(Step::Login, &failure(error.to_string())).error
            })?;
            if let Some((error, before)) = refused.take_if(|(_, before)| before.expose() == token.expose()) {
                drop(before);
                return Err(error);
            }
            let again = refused.is_none();
            let credentials = Credentials::new(username.to_owned(), token.expose().to_owned());
            match self.authenticate(Mechanism::Xoauth2, &credentials).await {
                Ok(()) => return Ok(()),
                Err(stopped) if again && !stopped.broken && stopped.error.fate == Fate::Misconfigured => {
                    client.tokens().drop_refused(scope, &token, None).await;
                    refused = Some((stopped.error, token));
                }
                Err(stopped) => return Err(stopped.error),
            }
        }
    }

    /// One AUTH, with the answers to what the server asks. lettre's own goes by what the server offered before TLS, and takes the
    /// explanation that some servers send in place of a refusal (a 334 after XOAUTH2, to be answered by an empty line) for an error.
    async fn authenticate(&mut self, mechanism: Mechanism, credentials: &Credentials) -> Result<(), Stopped> {
        let mut next = Auth::new(mechanism, credentials.clone(), None);
        for _ in 0..MOST_CHALLENGES {
            let command = next.map_err(|error| self.stop(Step::Login, &Failure::Setup(cause(&error))))?;
            let answer = self.command(Step::Login, command).await?;
            if !answer.has_code(334) {
                return Ok(());
            }
            if mechanism == Mechanism::Xoauth2 {
                self.explained(&answer);
                return self.command(Step::Login, "\r\n").await.map(drop);
            }
            next = Auth::new_from_response(mechanism, credentials.clone(), &answer);
        }
        Err(self.stop(Step::Login, &Failure::Broken("it asks and asks".to_owned())))
    }

    /// Notes the explanation inside a 334.
    fn explained(&self, answer: &Response) {
        let encoded = answer.message().next().unwrap_or_default();
        if let Ok(json) = STANDARD.decode(encoded) {
            self.wire.note(&format!("the server explains: {}", String::from_utf8_lossy(&json)));
        }
    }

    /// Hands one mail over.
    pub async fn deliver(&mut self, envelope: Envelope<'_>) -> Result<String, Stopped> {
        let (from, to) = (ascii_domain(envelope.from), ascii_domain(envelope.to));
        let parameters = self.parameters(&from, &to, envelope.message)?;
        self.command(Step::Sender, Mail::new(Some(from), parameters)).await?;
        self.command(Step::Recipient, Rcpt::new(to, Vec::new())).await?;
        self.command(Step::Data, Data).await?;
        let sent = within(self.patience.message, self.connection.message(envelope.message)).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(Failure::Broken(what)) => return Err(self.cut_off(what).await),
            Err(failure) => return Err(self.stop(Step::Message, &failure)),
        };
        self.taken += 1;
        self.last_used = Instant::now();
        Ok(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))
    }

    /// A server that has had enough may say so and hang up while we are still sending: its answer is there to be read then.
    async fn cut_off(&mut self, what: String) -> Stopped {
        let failure = match within(Duration::from_secs(1), self.connection.read_response()).await {
            Err(failure @ Failure::Reply { .. }) => failure,
            _ => Failure::Broken(what),
        };
        Stopped { broken: true, ..self.stop(Step::Message, &failure) }
    }

    fn parameters(&self, from: &Address, to: &Address, message: &[u8]) -> Result<Vec<MailParameter>, Stopped> {
        let mut parameters = Vec::new();
        if let Some(address) = [from, to].into_iter().find(|address| !address.user().is_ascii()) {
            if !self.info.supports_feature(Extension::SmtpUtfEight) {
                let what = format!("it does not offer SMTPUTF8, which the address {address} needs; use an address in ASCII");
                return Err(self.stop(Step::Sender, &Failure::Unsendable(what)));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() && self.info.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    /// Makes ready for the next mail after one was refused.
    pub async fn reset(&mut self) -> bool {
        self.last_used = Instant::now();
        within(self.patience.command, self.connection.command("RSET\r\n")).await.is_ok()
    }

    /// Takes leave.
    pub async fn quit(mut self) {
        let _ = within(Duration::from_secs(2), self.connection.command(Quit)).await;
    }

    async fn command<C: std::fmt::Display>(&mut self, step: Step, command: C) -> Result<Response, Stopped> {
        let answer = within(self.patience.command, self.connection.command(command)).await;
        answer.map_err(|failure| self.stop(step, &failure))
    }

    fn stop(&self, step: Step, failure: &Failure) -> Stopped {
        let broken = matches!(failure, Failure::Broken(_) | Failure::Reply { code: 421, .. });
        Stopped { error: judge(&self.server, step, failure), broken }
    }
}

async fn connect(settings: &Settings) -> Result<TcpStream, Failure> {
    let limit = settings.patience.connect;
    let late = || Failure::Broken(format!("no answer within {} s", limit.as_secs()));
    let found = timeout(limit, lookup_host((settings.host.as_str(), settings.port))).await.map_err(|_| late())?;
    let addresses = found.map_err(|error| Failure::Broken(format!("its name cannot be resolved: {error}")))?;
    let mut last = Failure::Broken("its name has no address".to_owned());
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Failure::Broken(format!("{address}: {error}")),
            Err(_) => last = late(),
        }
    }
    Err(last)
}

async fn handshake(settings: &Settings, wire: &Wire) -> Result<(), Failure> {
    let connector = tls::connector(settings.ca_file.as_deref()).map_err(Failure::Setup)?;
    let name = tls::name(&settings.host).map_err(Failure::Setup)?;
    let limit = settings.patience.connect;
    match timeout(limit, wire.encrypt(&connector, name)).await {
        Ok(Ok(())) => {
            wire.note("TLS");
            Ok(())
        }
        Ok(Err(error)) => Err(tls::lasting(&error).map_or_else(|| Failure::Broken(error.to_string()), Failure::Setup)),
        Err(_) => Err(Failure::Broken(format!("no answer within {} s", limit.as_secs()))),
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = Result<T, lettre::transport::smtp::Error>>) -> Result<T, Failure> {
    match timeout(limit, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(match error.status() {
            Some(code) => Failure::Reply { code: code.into(), text: cause(&error) },
            None => Failure::Broken(cause(&error)),
        }),
        Err(_) => Err(Failure::Broken(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// The server's words, or the operating system's.
fn cause(error: &lettre::transport::smtp::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Domains travel in ASCII, so that only a foreign local part needs SMTPUTF8.
fn ascii_domain(address: &Address) -> Address {
    match url::Host::parse(address.domain()) {
        Ok(url::Host::Domain(domain)) => Address::new(address.user(), domain).unwrap_or_else(|_| address.clone()),
        _ => address.clone(),
    }
}
