//! Directory objects: a row each, the body as JSON, so that a poll writes only what changed.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::error::Doing as _;
use super::sql::{Columns as _, ROWS_A_STATEMENT, placeholders, text};
use super::{Error, Store};
use crate::inventory::{DirectoryObject, ObjectKey, Tracked};

impl Store {
    /// Every object of a tenant, gone ones too.
    pub(super) async fn objects(&self, tenant: &str) -> Result<Vec<Tracked>, Error> {
        let mut rows = sqlx::query::<Any>("SELECT kind, id, hash, missing_since, gone_at, body FROM object WHERE tenant = $1")
            .bind(text(tenant))
            .fetch(&self.pool);
        let mut objects = Vec::new();
        while let Some(row) = rows.try_next().await.doing("read the objects of a tenant")? {
            match serde_json::from_str::<DirectoryObject>(&row.text("body")?) {
                Ok(object) => objects.push(Tracked {
                    object,
                    hash: row.text("hash")?,
                    missing_since: row.time_or_null("missing_since")?,
                    gone_at: row.time_or_null("gone_at")?,
                }),
                // The next complete listing brings it again; one damaged row must not blind a tenant.
                Err(error) => tracing::error!(
                    tenant, kind = row.text("kind")?, object = row.text("id")?, %error,
                    "a stored object cannot be read and is left out until it is listed again"
                ),
            }
        }
        Ok(objects)
    }
}

/// Writes objects whole, in the place of older ones.
pub(super) async fn put(connection: &mut AnyConnection, tenant: &str, version: i64, objects: Vec<Tracked>) -> Result<(), Error> {
    // PostgreSQL refuses a statement that would write one row twice; the last one stands.
    let objects: BTreeMap<ObjectKey, Tracked> =
        objects.into_iter().map(|tracked| (tracked.object.key.clone(), tracked)).collect();
    let objects: Vec<Tracked> = objects.into_values().collect();
    for chunk in objects.chunks(ROWS_A_STATEMENT) {
        let sql = format!(
            "INSERT INTO object (tenant, changed_version, kind, id, hash, missing_since, gone_at, body) VALUES {} \
             ON CONFLICT (tenant, kind, id) DO UPDATE SET changed_version = excluded.changed_version, hash = excluded.hash, \
             missing_since = excluded.missing_since, gone_at = excluded.gone_at, body = excluded.body",
            placeholders(2, 6, chunk.len())
        );
        let mut query =
            sqlx::query::<Any>(AssertSqlSafe(sql)).persistent(chunk.len() == ROWS_A_STATEMENT).bind(text(tenant)).bind(version);
        for tracked in chunk {
            let body = serde_json::to_string(&tracked.object)
                .map_err(|error| Error::Damaged(format!("{}: {error}", tracked.object.key)))?;
            query = query
                .bind(<&str>::from(tracked.object.key.kind))
                .bind(text(&tracked.object.key.id))
                .bind(text(&tracked.hash))
                .bind(tracked.missing_since.map(|at| at.timestamp()))
                .bind(tracked.gone_at.map(|at| at.timestamp()))
                .bind(body);
        }
        query.execute(&mut *connection).await.doing("write objects")?;
    }
    Ok(())
}

/// Forgets objects for good.
pub(super) async fn forget(connection: &mut AnyConnection, tenant: &str, keys: &[ObjectKey]) -> Result<(), Error> {
    for key in keys {
        sqlx::query::<Any>("DELETE FROM object WHERE tenant = $1 AND kind = $2 AND id = $3")
            .bind(text(tenant))
            .bind(<&str>::from(key.kind))
            .bind(text(&key.id))
            .execute(&mut *connection)
            .await
            .doing("forget an object")?;
    }
    Ok(())
}
