//! Makes the tables, brings older ones up to date, and refuses a database that is newer or somebody else's.
//!
//! A migration is never changed once released, and leaves the tables usable for the version before it: with several replicas the
//! old ones still run while the first new one migrates.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use super::Error;
use super::dialect::Dialect;
use super::error::Doing as _;

/// In order; the version of a store is how many of them it has seen.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_leases.sql"),
    include_str!("migrations/0003_due_mails.sql"),
    include_str!("migrations/0004_given_up.sql"),
];

const DOING: &str = "bring its tables up to date";

/// Refuses what is not ours; changes nothing.
pub(super) async fn examine(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    stored_version(connection, dialect).await.map(drop)
}

/// Applies what is missing, in one transaction.
pub(super) async fn migrate(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    if stored_version(connection, dialect).await? == MIGRATIONS.len() {
        return Ok(());
    }
    let mut tx = connection.begin_with(dialect.begin()).await.doing(DOING)?;
    if let Some(lock) = dialect.lock_schema() {
        sqlx::query(lock).fetch_all(&mut *tx).await.doing(DOING)?;
    }
    let stored = stored_version(&mut tx, dialect).await?;
    if stored == 0 {
        let table = "CREATE TABLE entrawatch_schema (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)";
        sqlx::query(table).execute(&mut *tx).await.doing(DOING)?;
    }
    for (number, migration) in (1_i64..).zip(MIGRATIONS).skip(stored) {
        sqlx::raw_sql(*migration).execute(&mut *tx).await.doing(DOING)?;
        let note = format!("INSERT INTO entrawatch_schema (version, applied_at) VALUES ($1, {})", dialect.epoch());
        sqlx::query(AssertSqlSafe(note)).bind(number).execute(&mut *tx).await.doing(DOING)?;
    }
    tx.commit().await.doing(DOING)
}

/// How many migrations the store has seen; 0: the database is empty.
async fn stored_version(connection: &mut AnyConnection, dialect: Dialect) -> Result<usize, Error> {
    let rows = sqlx::query(dialect.tables()).fetch_all(&mut *connection).await.doing("list its tables")?;
    let tables: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>().doing("list its tables")?;
    if !tables.iter().any(|table| table == "entrawatch_schema") {
        return match tables.first() {
            None => Ok(0),
            Some(table) => Err(Error::Unusable(format!(
                "the database of store.url belongs to something else: it has a table \"{table}\" and none of entrawatch's; \
                 name a database, a schema or a file of its own"
            ))),
        };
    }
    let row = sqlx::query("SELECT MAX(version) AS version FROM entrawatch_schema")
        .fetch_one(connection)
        .await
        .doing("read the version of its tables")?;
    let stored: Option<i64> = row.try_get("version").doing("read the version of its tables")?;
    let stored = usize::try_from(stored.unwrap_or(0)).unwrap_or(usize::MAX);
    if stored > MIGRATIONS.len() {
        return Err(Error::Unusable(format!(
            "the store was made by a newer version of entrawatch (its tables have version {stored}, this program knows {}): \
             run that version or a later one",
            MIGRATIONS.len()
        )));
    }
    Ok(stored)
}
