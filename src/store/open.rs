//! Opens the store that `store.url` names, or says in a sentence why it cannot and what to do.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};
use tokio::sync::Notify;
use url::Url;

use super::dialect::Dialect;
use super::error::Doing as _;
use super::place::{self, Place};
use super::{Error, Store, migrate};

/// Enough for the tenants' tasks, delivery and the web to work side by side.
const CONNECTIONS: u32 = 6;
/// For a first connection, and for one from the pool.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

impl Store {
    /// Opens the store beside a daemon that may be running: `silence`, `plan`, `explain`, `doctor`. It is made if absent.
    ///
    /// # Errors
    /// A sentence saying why it cannot be used and what to do.
    pub async fn open(url: &SecretString) -> Result<Self, Error> {
        open(&Place::read(url.expose_secret())?, None).await
    }

    /// Opens the store for a daemon. On SQLite a second one is refused. What a dead process had claimed is free again, and counts
    /// as having got as far as DATA; on PostgreSQL that is known of a process only when it renewed no claim for a while.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_exclusive(url: &SecretString) -> Result<Self, Error> {
        let place = Place::read(url.expose_secret())?;
        let lock = match &place {
            Place::Sqlite(path) => Some(place::lock(path)?),
            Place::Postgres(_) => None,
        };
        let store = open(&place, lock).await?;
        store.free_claims_of_the_dead().await?;
        Ok(store)
    }

    /// Closes every connection, so that SQLite writes its log back into the file.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }
}

async fn open(place: &Place, lock: Option<std::fs::File>) -> Result<Store, Error> {
    sqlx::any::install_default_drivers();
    let dialect = match place {
        Place::Sqlite(_) => Dialect::Sqlite,
        Place::Postgres(_) => Dialect::Postgres,
    };
    let options = AnyConnectOptions::from_url(&place.url()?).doing("read store.url")?.disable_statement_logging();

    // Not through the pool, which waits and tries again where this tells at once what is wrong. Somebody else's file is not touched.
    let first = tokio::time::timeout(CONNECT_WITHIN, AnyConnection::connect_with(&options));
    let mut first = match first.await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(refusal(place, error)),
        Err(_) => return Err(refusal(place, io::Error::from(io::ErrorKind::TimedOut).into())),
    };
    let prepared = prepare(&mut first, dialect).await;
    let closed = first.close().await;
    match prepared {
        Ok(()) => closed.doing("close its first connection")?,
        Err(Error::Database { source, .. }) => return Err(refusal(place, source)),
        Err(error) => return Err(error),
    }

    let pool = AnyPoolOptions::new().acquire_timeout(CONNECT_WITHIN).after_connect(move |connection, _| {
        Box::pin(async move { sqlx::raw_sql(dialect.settings()).execute(connection).await.map(drop) })
    });
    let (pool, writer) = match dialect {
        Dialect::Sqlite => (
            pool.clone().max_connections(CONNECTIONS).connect_lazy_with(options.clone()),
            pool.max_connections(1).connect_lazy_with(options),
        ),
        Dialect::Postgres => {
            let pool = pool.max_connections(CONNECTIONS).connect_lazy_with(options);
            (pool.clone(), pool)
        }
    };
    Ok(Store { pool, writer, dialect, lock: lock.map(Arc::new), outbox_filled: Arc::new(Notify::new()) })
}

async fn prepare(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), Error> {
    migrate::examine(connection, dialect).await?;
    sqlx::raw_sql(dialect.settings()).execute(&mut *connection).await.doing("set its connection up")?;
    migrate::migrate(connection, dialect).await
}

/// What the database said, and what to do.
fn refusal(place: &Place, error: sqlx::Error) -> Error {
    match place {
        Place::Sqlite(path) => sqlite_refusal(path, error),
        Place::Postgres(url) => postgres_refusal(url, error),
    }
}

fn sqlite_refusal(path: &Path, error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(DatabaseError::code).map(Cow::into_owned);
    // Extended codes carry the plain one in their lowest byte.
    match code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
        Some(8) => place::unusable(path, &io::ErrorKind::PermissionDenied.into()),
        Some(14) => match std::fs::File::options().append(true).create(true).open(path) {
            Err(error) => place::unusable(path, &error),
            Ok(_) => place::unusable(path, &io::Error::other("SQLite cannot make its files beside it")),
        },
        Some(26) => Error::Unusable(format!("{} is not an SQLite database; name another file in store.url", path.display())),
        Some(11) => Error::Unusable(format!(
            "the SQLite file {} is damaged ({error}): put a backup in its place, or move it away to start afresh \
             (then everybody is told once more)",
            path.display()
        )),
        _ => Error::Database { doing: "open its SQLite file", source: error },
    }
}

fn postgres_refusal(url: &Url, error: sqlx::Error) -> Error {
    let server =
        format!("{}:{}", url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost"), url.port().unwrap_or(5432));
    let database = url.path().trim_start_matches('/');
    let remedy = match &error {
        sqlx::Error::Database(refused) => match refused.code().as_deref() {
            Some("28P01") => "the password is wrong, or the user unknown: correct store.url",
            Some("28000") => {
                "the server does not let this user in from here: see its pg_hba.conf, or correct the user in store.url"
            }
            Some("3D000") => "the database does not exist: CREATE DATABASE makes it, with the user of store.url as its owner",
            Some("42501") => "the user may not make tables there: let it own the database, or GRANT CREATE ON SCHEMA to it",
            Some("3F000") => "there is no schema to make tables in: create one, or correct search_path",
            Some("53300") => "the server has no connection left: raise its max_connections, or close others",
            Some("57P03") => "the server is starting or stopping: try again when it is up",
            _ => "",
        },
        sqlx::Error::Io(_) => "nothing answers there: is the server up, and are host and port in store.url right?",
        sqlx::Error::Tls(_) => "TLS failed: name the server's authority with ?sslmode=verify-full&sslrootcert=FILE in store.url",
        _ => "",
    };
    if remedy.is_empty() {
        return Error::Database { doing: "use its PostgreSQL database", source: error };
    }
    Error::Unusable(format!("the store, database \"{database}\" on {server}, cannot be used ({error}): {remedy}"))
}
