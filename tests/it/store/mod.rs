//! What the store promises, on SQLite and on PostgreSQL alike.

/// Runs each test on both databases.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: &Database) $body:block)*) => {
        $(async fn $name($database: &Database) $body)*

        mod on_sqlite {
            use crate::support::database::Database;
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(&Database::sqlite()).await; })*
        }

        mod on_postgres {
            use crate::support::database::Database;
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { if let Some(database) = Database::postgres().await { super::$name(&database).await; } })*
        }
    };
}

mod contract;
mod leases;
mod mails;
mod opening;
mod property;
pub mod samples;
