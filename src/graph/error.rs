//! What can go wrong with Graph, in words that say what to do.

/// Why Graph did not give what was asked. Displays as a plain sentence that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The object does not exist (404).
    #[error("Microsoft Graph has no such object")]
    NotFound,
    /// Anything else, for now.
    #[error("{0}")]
    Other(String),
}
