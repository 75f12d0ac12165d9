//! The bytes between us and the mail server.
//!
//! lettre's connection reads and writes one clone of a [`Wire`], the session holds the other: so that the session can turn plain text into
//! TLS, keep a transcript of both (lettre does not hand out greetings and capabilities), and see to it that nothing which came before
//! TLS is taken for something that came inside it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::transcript::{Line, Transcript};

/// A connection to a mail server, shared by its two users.
#[derive(Debug, Clone)]
pub struct Wire(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    stream: Stream,
    peer: SocketAddr,
    /// What was read since something was last written.
    heard: Vec<u8>,
    transcript: Option<Transcript>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While it is being changed, and after that failed.
    Gone,
}

impl Wire {
    /// Over a fresh connection; with a transcript where somebody wants to read it.
    pub fn new(stream: TcpStream, transcript: bool) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?;
        let transcript = transcript.then(Transcript::default);
        Ok(Self(Arc::new(Mutex::new(Inner { stream: Stream::Plain(stream), peer, heard: Vec::new(), transcript }))))
    }

    /// Turns plain text into TLS.
    pub async fn encrypt(&self, connector: &TlsConnector, name: ServerName<'static>) -> io::Result<()> {
        let plain = {
            let mut inner = self.inner();
            if !inner.heard.is_empty() && !is_one_reply(&inner.heard) {
                return Err(io::Error::other("the server sent more than its answer to STARTTLS, as somebody in between would"));
            }
            match std::mem::replace(&mut inner.stream, Stream::Gone) {
                Stream::Plain(plain) => plain,
                other => {
                    inner.stream = other;
                    return Err(io::Error::other("the connection is encrypted already"));
                }
            }
        };
        let encrypted = connector.connect(name, plain).await?;
        self.inner().stream = Stream::Tls(Box::new(encrypted));
        Ok(())
    }

    /// Whether TLS protects it.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.inner().stream, Stream::Tls(_))
    }

    /// The address at the other end.
    pub fn peer(&self) -> SocketAddr {
        self.inner().peer
    }

    /// Our own address.
    pub fn local(&self) -> io::Result<SocketAddr> {
        match &self.inner().stream {
            Stream::Plain(stream) => stream.local_addr(),
            Stream::Tls(stream) => stream.get_ref().0.local_addr(),
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Notes something in the transcript that is not part of the conversation.
    pub fn note(&self, what: &str) {
        if let Some(transcript) = &mut self.inner().transcript {
            transcript.note(what);
        }
    }

    /// What was said so far.
    pub fn transcript(&self) -> Vec<Line> {
        self.inner().transcript.as_ref().map(Transcript::lines).unwrap_or_default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn hear(&mut self, bytes: &mut [u8]) {
        // lettre takes a reply that is not UTF-8 for a broken connection; some servers answer in Latin-1.
        if std::str::from_utf8(bytes).is_err() {
            bytes.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        if matches!(self.stream, Stream::Plain(_)) {
            self.heard.extend_from_slice(bytes);
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.server(bytes);
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.heard.clear();
        if let Some(transcript) = &mut self.transcript {
            transcript.client(bytes);
        }
    }
}

/// Whether these bytes are one whole SMTP reply and nothing else.
fn is_one_reply(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\r\n") else { return false };
    let mut lines = lines.split(|byte| *byte == b'\n').rev();
    let last = lines.next().unwrap_or_default();
    last.get(3) != Some(&b'-') && lines.all(|line| line.get(3) == Some(&b'-'))
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner();
        let before = buf.filled().len();
        ready!(match &mut inner.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })?;
        if let Some(fresh) = buf.filled_mut().get_mut(before..) {
            inner.hear(fresh);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.inner();
        let written = ready!(match &mut inner.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })?;
        inner.say(buf.get(..written).unwrap_or(buf));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer())
    }
}

#[cfg(test)]
mod tests {
    use super::is_one_reply;

    #[test]
    fn one_reply_is_told_from_more_than_one() {
        assert!(is_one_reply(b"220 go ahead\r\n"));
        assert!(is_one_reply(b"220-go\r\n220 ahead\r\n"));
        assert!(!is_one_reply(b"220 go ahead\r\n250 AUTH PLAIN\r\n"));
        assert!(!is_one_reply(b"220 go ahead\r\n250-x\r\n"));
        assert!(!is_one_reply(b"220 go ahe"));
    }
}
