//! The log: tracing to standard error, as lines for people or JSON for machines. A line stays a line whatever its fields hold.

use std::fmt::Write as _;
use std::io::{self, Write};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Starts the log of this process.
///
/// # Errors
/// When it has been started before.
pub fn start(log: &LogConfig) -> Result<(), TryInitError> {
    subscriber(log, io::stderr).try_init()
}

fn subscriber<W>(log: &LogConfig, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&log.level)).with_ansi(false).with_writer(Whole(writer));
    match log.format {
        LogFormat::Text => Box::new(lines.finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_current_span(false).finish()),
    }
}

/// Escapes what would break a line or deceive its reader. tracing writes a whole event at once, but lets line breaks and
/// direction marks in its fields through.
#[derive(Debug)]
struct Whole<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for Whole<W> {
    type Writer = WholeLine<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        WholeLine(self.0.make_writer())
    }
}

#[derive(Debug)]
struct WholeLine<W>(W);

impl<W: Write> Write for WholeLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = escape(text.strip_suffix('\n').unwrap_or(&text));
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Text that came from a directory, as it may stand in a line of a log or a terminal: what is no ordinary character is written as JSON
/// writes it, which is right in both formats of the log.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control() || deceives(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Line and paragraph separators, direction marks, the byte order mark, tags.
fn deceives(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A mail address as a log may show it: enough to recognise one's own, too little to collect: `j***@e***.com`.
#[must_use]
pub fn mask_address(address: &str) -> String {
    let hide = |text: &str| text.chars().next().map(|first| format!("{first}***")).unwrap_or_default();
    match address.rsplit_once('@') {
        None => "***".to_owned(),
        Some((user, domain)) => match domain.rsplit_once('.') {
            Some((name, top)) => format!("{}@{}.{top}", hide(user), hide(name)),
            None => format!("{}@{}", hide(user), hide(domain)),
        },
    }
}

/// Text in which others may have written addresses, such as the answer of a mail server, with every one of them masked.
#[must_use]
pub fn mask_addresses(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word);
        let (end, dots) = word.split_at(word.trim_end_matches('.').len());
        masked.push_str(&if end.len() > 1 && end.contains('@') { mask_address(end) } else { end.to_owned() });
        masked.push_str(dots);
        let separator = after.find(is_part).unwrap_or(after.len());
        masked.push_str(&after[..separator]);
        rest = &after[separator..];
    }
    masked
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, event: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = LogConfig { format, level: level.to_owned() };
        tracing::subscriber::with_default(subscriber(&log, move || writer.clone()), event);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    const HOSTILE: &str = "x\n2026-11-22T00:00:00Z ERROR forged\r\u{1b}[31m \u{202e}gnp.exe \u{2028}end \u{85} \u{e0041} 🦀";

    #[test]
    fn hostile_text_stays_on_its_line() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = logged(format, "info", || tracing::info!(app = HOSTILE, name = ?HOSTILE, "saw {HOSTILE}"));
            assert_eq!(log.matches('\n').count(), 1, "{log}");
            assert!(log.ends_with('\n') && log.contains('🦀'), "{log}");
            assert!(!log.trim_end().chars().any(|c| c.is_control() || deceives(c)), "{log:?}");
        }
    }

    #[test]
    fn json_stays_json() {
        let log = logged(LogFormat::Json, "info", || tracing::info!(app = HOSTILE, "saw"));
        let line: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(
            (line["app"].as_str(), line["message"].as_str(), line["level"].as_str()),
            (Some(HOSTILE), Some("saw"), Some("INFO"))
        );
    }

    #[test]
    fn the_level_filters_by_module() {
        let both = || {
            tracing::info!(target: "entrawatch::graph", "quiet");
            tracing::info!(target: "entrawatch::mail", "heard");
        };
        let log = logged(LogFormat::Text, "info,entrawatch::graph=warn", both);
        assert!(log.contains("heard") && !log.contains("quiet"), "{log}");
    }

    #[test]
    fn an_address_is_masked() {
        for (address, masked) in [
            ("john.doe@example.com", "j***@e***.com"),
            ("ops@mail.example.co.uk", "o***@m***.uk"),
            ("root@localhost", "r***@l***"),
            ("žofie@příklad.cz", "ž***@p***.cz"),
            ("@", "@"),
            ("no address", "***"),
        ] {
            assert_eq!(mask_address(address), masked);
        }
    }

    #[test]
    fn addresses_in_an_answer_are_masked() {
        assert_eq!(
            mask_addresses("550 5.1.1 <jane.doe@mail.example.com>: no such user, ask admin@example.com. (x)"),
            "550 5.1.1 <j***@m***.com>: no such user, ask a***@e***.com. (x)"
        );
        assert_eq!(mask_addresses("421 4.3.0 später\u{202e} …"), "421 4.3.0 später\u{202e} …");
        assert_eq!(mask_addresses("a@b, <@>"), "a***@b***, <@>");
    }
}
