//! Secrets: a type that does not show them, and where they come from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::user;

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

/// Why a secret cannot be had, in plain words that hold nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {instead}")]
pub struct SecretError {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub instead: String,
}

impl SecretSource {
    /// The secret as it is now.
    ///
    /// # Errors
    /// When the file cannot be read, or when there is nothing in it.
    pub async fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::File(path) => of_file(path, tokio::fs::read(path).await),
            Self::Inline(value) | Self::Env { value, .. } => Ok(value.clone()),
        }
    }

    /// The same while nothing else runs yet: when the configuration is checked.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_at_start(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::File(path) => of_file(path, std::fs::read(path)),
            Self::Inline(value) | Self::Env { value, .. } => Ok(value.clone()),
        }
    }
}

fn of_file(path: &Path, content: std::io::Result<Vec<u8>>) -> Result<SecretString, SecretError> {
    let shown = path.display();
    let error = |what: String, instead: &str| SecretError { what, instead: instead.to_owned() };
    let bytes = content.map_err(|failure| match failure.kind() {
        ErrorKind::NotFound => {
            error(format!("there is no file {shown}"), "create it with the secret in it, or write the right path")
        }
        ErrorKind::IsADirectory => {
            let instead = "write the path of the file in it; a container mount of a missing file makes a directory of this name";
            error(format!("{shown} is a directory"), instead)
        }
        ErrorKind::PermissionDenied => error(format!("{shown} may not be read"), &format!("let {} read it", user::running())),
        _ => error(format!("{shown} cannot be read: {failure}"), "mend what the operating system says"),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| error(format!("{shown} is not UTF-8 text"), "save it as plain UTF-8"))?;
    match text.trim_start_matches('\u{feff}').trim() {
        "" => Err(error(format!("{shown} is empty"), "write the secret into it")),
        secret => Ok(secret.into()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn of_file(content: &[u8]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, content).unwrap();
        match SecretSource::File(path).read_at_start() {
            Ok(secret) => Ok(secret.expose_secret().to_owned()),
            Err(error) => Err(error.to_string().replace(&directory.path().display().to_string(), "…")),
        }
    }

    #[test]
    fn a_file_gives_its_content_without_what_editors_add() {
        assert_eq!(of_file(b"s3cr3t~"), Ok("s3cr3t~".to_owned()));
        assert_eq!(of_file(b"s3cr3t~\n"), Ok("s3cr3t~".to_owned()));
        assert_eq!(of_file(b"\xef\xbb\xbfs3cr3t~\r\n"), Ok("s3cr3t~".to_owned()));
    }

    #[tokio::test]
    async fn a_file_is_read_again_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let source = SecretSource::File(path.clone());
        for secret in ["first", "second"] {
            std::fs::write(&path, secret).unwrap();
            assert_eq!(source.read().await.unwrap().expose_secret(), secret);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(source.read().await.is_err());
    }

    #[test]
    fn a_file_that_gives_no_secret_says_why() {
        assert_eq!(of_file(b" \n"), Err("…/secret is empty; write the secret into it".to_owned()));
        assert_eq!(of_file(b"\xff\xfes\0"), Err("…/secret is not UTF-8 text; save it as plain UTF-8".to_owned()));
        let directory = tempfile::tempdir().unwrap();
        let error = SecretSource::File(directory.path().to_owned()).read_at_start().unwrap_err().to_string();
        assert!(error.contains(" is a directory; write the path of the file in it"), "{error}");
        let error = SecretSource::File(directory.path().join("none")).read_at_start().unwrap_err().to_string();
        assert!(error.starts_with("there is no file "), "{error}");
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let inline = SecretSource::Inline("s3cr3t".into());
        let variable = SecretSource::Env { variable: "CLIENT_SECRET".to_owned(), value: "s3cr3t".into() };
        let shown = format!("{inline:?} {variable:?}");
        assert!(!shown.contains("s3cr3t") && shown.contains("CLIENT_SECRET"), "{shown}");
    }
}
