//! Mails as files: for a trial, for the demo, for another program that takes them from there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use chrono::{DateTime, Utc};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use super::{Envelope, Fate, Mailer, SendError};
use crate::policy::TransportKind;

/// Writes each mail as `<its date>-<its id>.eml`. The name follows from the mail, so that one that is handed over again, after a crash, is
/// the same file again.
#[derive(Debug)]
pub struct FolderMailer {
    directory: PathBuf,
}

impl FolderMailer {
    /// Writes into `directory`, which is made where it does not exist.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    async fn write(&self, id: Uuid, message: &[u8]) -> std::io::Result<PathBuf> {
        fs::create_dir_all(&self.directory).await?;
        let target = self.directory.join(name(id, message));
        let draft = self.directory.join(format!(".{id}.draft"));
        let mut file = fs::File::create(&draft).await?;
        file.write_all(message).await?;
        file.sync_all().await?;
        fs::rename(&draft, &target).await?;
        Ok(target)
    }
}

impl Mailer for FolderMailer {
    fn kind(&self) -> TransportKind {
        TransportKind::Folder
    }

    fn send<'a>(&'a self, envelope: Envelope<'a>) -> Pin<Box<dyn Future<Output = Result<String, SendError>> + Send + 'a>> {
        Box::pin(async move {
            match self.write(envelope.id, envelope.message).await {
                Ok(path) => Ok(format!("written to {}", path.display())),
                Err(error) => Err(refused(&self.directory, &error)),
            }
        })
    }
}

/// A file appears whole or not at all, so a failed attempt has left nothing behind that anybody would read.
fn refused(directory: &Path, error: &std::io::Error) -> SendError {
    let lasting = matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory | ErrorKind::AlreadyExists
    );
    SendError {
        fate: if lasting { Fate::Misconfigured } else { Fate::Transient },
        answer: format!(
            "cannot write a mail into {}: {error}; let EntraWatch write there, or change mail.transport.path",
            directory.display()
        ),
        after_data: false,
    }
}

fn name(id: Uuid, message: &[u8]) -> String {
    date(message).map_or_else(|| format!("{id}.eml"), |date| format!("{}-{id}.eml", date.format("%Y%m%dT%H%M%SZ")))
}

/// The policy time of a mail, as its `Date` says it.
fn date(message: &[u8]) -> Option<DateTime<Utc>> {
    let mut head = message.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let value = head.find_map(|line| std::str::from_utf8(line).ok()?.strip_prefix("Date:"))?;
    DateTime::parse_from_rfc2822(value.trim()).ok().map(|date| date.to_utc())
}
