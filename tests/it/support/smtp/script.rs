//! A mail server that does what a test says, where it says so, and is an ordinary one otherwise.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the server does at some point, in place of what it would do.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers this; a line break is added.
    Say(&'static str),
    /// Answers this and closes the connection.
    SayAndHangUp(&'static str),
    /// Closes the connection.
    HangUp,
    /// Answers nothing until the client goes away.
    Stall,
    /// Waits, then goes on as an ordinary server.
    Wait(Duration),
    /// Reads so many bytes of the message, then answers this and closes.
    CutOff(usize, &'static str),
}

/// Where in the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// Which connection, from 1.
    pub connection: usize,
    /// `CONNECT`, `EHLO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `MESSAGE` (before it is read), `DOT` (after it), ….
    pub verb: String,
    /// The whole line.
    pub line: String,
    /// Mails taken on this connection.
    pub taken: usize,
}

type Script = Arc<dyn Fn(&At) -> Option<Act> + Send + Sync>;

/// What TLS it does.
#[derive(Clone, Default)]
pub enum Tls {
    /// None.
    #[default]
    None,
    /// STARTTLS.
    Starttls(TlsAcceptor),
    /// From the first byte.
    Implicit(TlsAcceptor),
}

/// What the server saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Connections.
    pub connections: usize,
    /// Every line of every client.
    pub lines: Vec<String>,
    /// Every message that was taken, as it came.
    pub messages: Vec<Vec<u8>>,
}

/// The server.
pub struct Scripted {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::AbortHandle,
}

#[derive(Clone)]
struct Server {
    script: Script,
    tls: Tls,
    capabilities: &'static [&'static str],
    seen: Arc<Mutex<Seen>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Talk {
    stream: Pin<Box<dyn Stream>>,
    buffer: Vec<u8>,
}

impl Scripted {
    /// Starts it on a port of its own.
    pub async fn start(
        tls: Tls,
        capabilities: &'static [&'static str],
        script: impl Fn(&At) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.expect("a port"), tls, capabilities, script)
    }

    /// Starts a plain one at an address that was free.
    pub async fn start_at(address: &str, script: impl Fn(&At) -> Option<Act> + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind(address).await.expect("the port"), Tls::None, &[], script)
    }

    fn listen(
        listener: TcpListener,
        tls: Tls,
        capabilities: &'static [&'static str],
        script: impl Fn(&At) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Server { script: Arc::new(script), tls, capabilities, seen: Arc::clone(&seen) };
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                server.seen.lock().unwrap().connections += 1;
                let connection = server.seen.lock().unwrap().connections;
                spawn(async move {
                    let _ = server.serve(stream, connection).await;
                });
            }
        });
        Self { address, seen, task }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it saw so far.
    pub fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("address", &self.address).finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of a test has no tracker; it ends with the test")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
    tokio::spawn(task).abort_handle()
}

/// `Err` ends the connection.
type Outcome = Result<(), ()>;

impl Server {
    async fn serve(&self, stream: TcpStream, connection: usize) -> Outcome {
        let mut talk = Talk { stream: Box::pin(stream), buffer: Vec::new() };
        if let Tls::Implicit(acceptor) = &self.tls {
            talk.encrypt(acceptor).await?;
        }
        let mut at = At { connection, verb: "CONNECT".to_owned(), line: String::new(), taken: 0 };
        self.act(&mut talk, &at, "220 scripted.example.com ESMTP").await?;
        while let Some(line) = talk.line().await {
            self.seen.lock().unwrap().lines.push(line.clone());
            at.verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            at.line = line;
            match at.verb.as_str() {
                "EHLO" => {
                    let offers: Vec<&str> = self.offers();
                    let mut lines: Vec<String> = offers.iter().map(|offer| format!("250-{offer}")).collect();
                    lines.insert(0, "250-scripted.example.com".to_owned());
                    lines.push("250 HELP".to_owned());
                    self.act(&mut talk, &at, &lines.join("\r\n")).await?;
                }
                "STARTTLS" => {
                    self.act(&mut talk, &at, "220 go ahead").await?;
                    if let Tls::Starttls(acceptor) = &self.tls {
                        talk.encrypt(acceptor).await?;
                    }
                }
                "AUTH" => self.act(&mut talk, &at, "235 welcome").await?,
                "DATA" => {
                    self.act(&mut talk, &at, "354 go ahead").await?;
                    "MESSAGE".clone_into(&mut at.verb);
                    if let Some(Act::CutOff(bytes, answer)) = (self.script)(&at) {
                        talk.read_at_least(bytes).await?;
                        talk.say(answer).await?;
                        return Err(());
                    }
                    let message = talk.message().await?;
                    "DOT".clone_into(&mut at.verb);
                    match (self.script)(&at) {
                        // An ordinary server that is slow: it has the message, and the client does not know yet.
                        Some(Act::Wait(time)) => {
                            self.seen.lock().unwrap().messages.push(message);
                            tokio::time::sleep(time).await;
                        }
                        Some(act) => {
                            talk.perform(&act, "250 taken").await?;
                            continue;
                        }
                        None => self.seen.lock().unwrap().messages.push(message),
                    }
                    at.taken += 1;
                    talk.say("250 2.0.0 queued as 42").await?;
                }
                "QUIT" => {
                    talk.say("221 bye").await?;
                    return Err(());
                }
                _ => self.act(&mut talk, &at, "250 ok").await?,
            }
        }
        Ok(())
    }

    fn offers(&self) -> Vec<&'static str> {
        let starttls = matches!(self.tls, Tls::Starttls(_)).then_some("STARTTLS");
        starttls.into_iter().chain(self.capabilities.iter().copied()).collect()
    }

    async fn act(&self, talk: &mut Talk, at: &At, otherwise: &str) -> Outcome {
        match (self.script)(at) {
            None => talk.say(otherwise).await,
            Some(act) => talk.perform(&act, otherwise).await,
        }
    }
}

impl Talk {
    async fn perform(&mut self, act: &Act, otherwise: &str) -> Outcome {
        match act {
            Act::Say(answer) => self.say(answer).await,
            Act::SayAndHangUp(answer) => {
                self.say(answer).await?;
                Err(())
            }
            Act::HangUp | Act::CutOff(..) => Err(()),
            Act::Stall => {
                while self.more().await {}
                Err(())
            }
            Act::Wait(time) => {
                tokio::time::sleep(*time).await;
                self.say(otherwise).await
            }
        }
    }

    async fn say(&mut self, answer: &str) -> Outcome {
        // Latin-1 where the text has such letters, as old servers do.
        let bytes: Vec<u8> = answer.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).chain(*b"\r\n").collect();
        self.stream.write_all(&bytes).await.map_err(drop)?;
        self.stream.flush().await.map_err(drop)
    }

    async fn more(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await {
            Ok(count) if count > 0 => {
                self.buffer.extend_from_slice(&chunk[..count]);
                true
            }
            _ => false,
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn message(&mut self) -> Result<Vec<u8>, ()> {
        loop {
            if let Some(end) = self.buffer.windows(5).position(|five| five == b"\r\n.\r\n") {
                let message: Vec<u8> = self.buffer.drain(..end + 5).take(end).collect();
                let text = message.split(|byte| *byte == b'\n').map(|line| line.strip_prefix(b".").unwrap_or(line));
                return Ok(text.collect::<Vec<_>>().join(&b'\n'));
            }
            if !self.more().await {
                return Err(());
            }
        }
    }

    async fn read_at_least(&mut self, bytes: usize) -> Outcome {
        while self.buffer.len() < bytes {
            if !self.more().await {
                return Err(());
            }
        }
        Ok(())
    }

    async fn encrypt(&mut self, acceptor: &TlsAcceptor) -> Outcome {
        let plain = std::mem::replace(&mut self.stream, Box::pin(tokio::io::empty()));
        self.stream = Box::pin(acceptor.accept(plain).await.map_err(drop)?);
        self.buffer.clear();
        Ok(())
    }
}
