//! What can go wrong with the store, in words that say what to do.

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else wrote meanwhile: nothing was changed. Load again and decide afresh.
    #[error("somebody else changed the tenant meanwhile: nothing was written")]
    Conflict,
    /// The store cannot be used as it is; the sentence says why and what to do.
    #[error("{0}")]
    Unusable(String),
    /// A row holds something that no version of this program writes.
    #[error("the store holds something that cannot be read: {0}")]
    Damaged(String),
    /// A cursor of a page that this program did not hand out.
    #[error("unknown cursor: ask for the first page again")]
    Cursor,
    /// The database failed.
    #[error("the store failed to {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
}

/// Adds what was being done to what the database said.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Database { doing, source })
    }
}

impl Error {
    /// Whether two transactions of PostgreSQL stood in each other's way, and one of them was undone for it.
    pub(super) fn is_collision(&self) -> bool {
        let Self::Database { source: sqlx::Error::Database(error), .. } = self else { return false };
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }
}
