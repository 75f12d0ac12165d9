//! Secrets: a type that does not show them, and where they come from.

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

/// Where a secret is kept. Files are read again at each use, so that a rotated one is picked up without a restart.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Written in the configuration itself.
    Inline(SecretString),
    /// The content of a file, without surrounding white space or a byte order mark.
    File(PathBuf),
    /// An environment variable, read once at start.
    Env {
        /// Its name, for messages.
        variable: String,
        /// Its value.
        value: SecretString,
    },
}

/// Why a secret could not be had. Never holds any part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret file {} cannot be read: {cause}; check that it exists and that EntraWatch may read it", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The file is no text.
    #[error("the secret file {} holds bytes that are no UTF-8 text; write the secret itself into it, as text", .0.display())]
    NotText(PathBuf),
    /// There is nothing in it.
    #[error("{0} is empty; write the secret into it")]
    Empty(String),
}

impl SecretSource {
    /// The secret as it is now.
    ///
    /// # Errors
    /// When the file cannot be read, or when there is nothing in it.
    pub async fn read(&self) -> Result<SecretString, SecretError> {
        let (secret, place) = match self {
            Self::Inline(secret) => (secret.clone(), "the secret in the configuration".to_owned()),
            Self::Env { variable, value } => (value.clone(), format!("the environment variable {variable}")),
            Self::File(path) => {
                let bytes = tokio::fs::read(path)
                    .await
                    .map_err(|error| SecretError::Unreadable { path: path.clone(), cause: error.to_string() })?;
                let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(path.clone()))?;
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text).trim();
                (SecretString::from(text), format!("the secret file {}", path.display()))
            }
        };
        if secret.expose_secret().is_empty() { Err(SecretError::Empty(place)) } else { Ok(secret) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_again_each_time_without_what_editors_add() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let source = SecretSource::File(path.clone());
        for (content, secret) in [("first", "first"), ("\u{feff}second \r\n", "second"), ("  a b\n", "a b")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(source.read().await.unwrap().expose_secret(), secret);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_secret_is_named_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let source = SecretSource::File(path.clone());
        assert!(matches!(source.read().await, Err(SecretError::Unreadable { .. })));
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(source.read().await, Err(SecretError::Empty(_))));
        std::fs::write(&path, b"hunter\xff2").unwrap();
        let error = source.read().await.unwrap_err();
        assert!(matches!(error, SecretError::NotText(_)) && !error.to_string().contains("hunter"));
        assert!(matches!(SecretSource::Inline(SecretString::from("")).read().await, Err(SecretError::Empty(_))));
    }
}
