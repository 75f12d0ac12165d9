//! Exactly what differs between SQLite and PostgreSQL.

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// How a transaction that writes begins. On SQLite a deferred one that reads before it writes fails at once, whatever the busy
    /// timeout, when somebody else wrote in between.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Database time in seconds since 1970, as an SQL expression.
    pub(super) fn epoch(self) -> &'static str {
        match self {
            Self::Sqlite => "unixepoch()",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM statement_timestamp()) AS BIGINT)",
        }
    }

    /// What each connection is told before it is used.
    pub(super) fn settings(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
            Self::Postgres => "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s';",
        }
    }

    /// Keeps two processes from making the tables at the same time; SQLite's `BEGIN IMMEDIATE` does already.
    pub(super) fn lock_schema(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT CAST(pg_advisory_xact_lock(6178271) AS TEXT)"),
        }
    }

    /// Lets one process at a time share out the tenants.
    pub(super) fn lock_leases(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT CAST(pg_advisory_xact_lock(6178272) AS TEXT)"),
        }
    }

    /// Lists the tables that exist.
    pub(super) fn tables(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            Self::Postgres => {
                "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
            }
        }
    }
}
