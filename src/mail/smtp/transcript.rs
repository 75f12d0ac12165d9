//! What was said between us and the mail server, with its secrets masked: for `entrawatch mail test`.

/// A line of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The server said it.
    Server(String),
    /// We said it.
    Client(String),
    /// What happened beside the conversation.
    Note(String),
}

/// The conversation so far.
#[derive(Debug, Default)]
pub struct Transcript {
    lines: Vec<Line>,
    /// What came of a line that is not whole yet, from the server and from us.
    server: Vec<u8>,
    client: Vec<u8>,
    phase: Phase,
    /// Bytes of the message so far.
    message: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Commands,
    /// The next line from us answers a challenge: it is a secret.
    Challenge,
    /// DATA was sent.
    Data,
    /// What we send is the message, until the server says something.
    Message,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(line) => write!(f, "< {line}"),
            Self::Client(line) => write!(f, "> {line}"),
            Self::Note(line) => write!(f, "* {line}"),
        }
    }
}

impl Transcript {
    /// Notes something beside the conversation.
    pub fn note(&mut self, what: &str) {
        self.lines.push(Line::Note(what.to_owned()));
    }

    /// The server said this.
    pub fn server(&mut self, bytes: &[u8]) {
        if self.phase == Phase::Message && !bytes.is_empty() {
            self.lines.push(Line::Client(format!("[the message, {} bytes]", self.message)));
            self.phase = Phase::Commands;
            self.client.clear();
        }
        self.server.extend_from_slice(bytes);
        while let Some(line) = whole_line(&mut self.server) {
            self.phase = match (line.get(..3), &self.phase) {
                (Some("334"), _) => Phase::Challenge,
                (Some("354"), Phase::Data) => Phase::Message,
                _ => Phase::Commands,
            };
            self.lines.push(Line::Server(line));
        }
    }

    /// We said this.
    pub fn client(&mut self, bytes: &[u8]) {
        if self.phase == Phase::Message {
            self.message += bytes.len();
            return;
        }
        self.client.extend_from_slice(bytes);
        while let Some(line) = whole_line(&mut self.client) {
            let masked = masked(&line, self.phase == Phase::Challenge);
            self.phase = if line == "DATA" { Phase::Data } else { Phase::Commands };
            self.lines.push(Line::Client(masked));
        }
    }

    /// What was said so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.clone()
    }
}

/// Takes the first whole line out of a buffer.
fn whole_line(buffer: &mut Vec<u8>) -> Option<String> {
    let end = buffer.iter().position(|byte| *byte == b'\n')?;
    let line: Vec<u8> = buffer.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// A line of ours without what signs in.
fn masked(line: &str, secret: bool) -> String {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        _ if secret && !line.is_empty() => "********".to_owned(),
        (Some("AUTH"), Some(mechanism), Some(_)) => format!("AUTH {mechanism} ********"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(transcript: &Transcript) -> Vec<String> {
        transcript.lines().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_signs_in_is_masked() {
        let mut transcript = Transcript::default();
        transcript.client(b"AUTH PLAIN AHVzZXIAczNjcjN0\r\n");
        transcript.server(b"535 no\r\n");
        transcript.client(b"AUTH LOGIN\r\n");
        transcript.server(b"334 VXNlcm5hbWU6\r\n");
        transcript.client(b"dXNlcg==\r\n");
        transcript.server(b"334 UGFzc3dvcmQ6\r\n");
        transcript.client(b"czNj");
        transcript.client(b"cjN0\r\n");
        transcript.server(b"235 ok\r\n");
        transcript.client(b"NOOP\r\n");
        assert_eq!(
            shown(&transcript),
            [
                "> AUTH PLAIN ********",
                "< 535 no",
                "> AUTH LOGIN",
                "< 334 VXNlcm5hbWU6",
                "> ********",
                "< 334 UGFzc3dvcmQ6",
                "> ********",
                "< 235 ok",
                "> NOOP"
            ]
        );
    }

    #[test]
    fn the_message_is_counted_and_not_shown() {
        let mut transcript = Transcript::default();
        transcript.server(b"220 hello\r\n");
        transcript.client(b"DATA\r\n");
        transcript.server(b"354 go\r\n");
        transcript.client(b"Subject: x\r\n\r\nsecret\r\n");
        transcript.client(b"\r\n.\r\n");
        transcript.server(b"250-queued\r\n250 as 1\r\n");
        assert_eq!(
            shown(&transcript),
            ["< 220 hello", "> DATA", "< 354 go", "> [the message, 27 bytes]", "< 250-queued", "< 250 as 1"]
        );
    }
}
