//! Secrets: a type that does not show them, and where they come from.

use std::path::PathBuf;

use secrecy::SecretString;

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
