//! Silences. Adding or removing one raises the version of the tenants concerned, so that a running daemon loads it.

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection};

use super::error::Doing as _;
use super::sql::{Columns as _, text};
use super::{Error, Store};
use crate::clock::UtcTime;
use crate::policy::{Silence, SilenceScope};

impl Store {
    /// Silences that have not ended at `now`, the one that ends first first.
    pub async fn silences(&self, now: UtcTime) -> Result<Vec<Silence>, Error> {
        let rows = sqlx::query::<Any>(
            "SELECT id, tenant, scope, value, until, reason, author, created_at FROM silence WHERE until > $1 ORDER BY until, id",
        )
        .bind(now.timestamp())
        .fetch_all(&self.pool)
        .await
        .doing("read the silences")?;
        rows.iter().map(read).collect()
    }

    /// Adds a silence.
    pub async fn add_silence(&self, silence: &Silence) -> Result<(), Error> {
        let (scope, value) = match &silence.scope {
            SilenceScope::App(id) => ("app", id),
            SilenceScope::Credential(id) => ("credential", id),
            SilenceScope::Name(glob) => ("name", glob),
        };
        let mut tx = self.begin().await?;
        sqlx::query::<Any>(
            "INSERT INTO silence (id, tenant, scope, value, until, reason, author, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(text(&silence.id))
        .bind(silence.tenant.as_deref().map(text))
        .bind(scope)
        .bind(text(value))
        .bind(silence.until.timestamp())
        .bind(text(&silence.reason))
        .bind(text(&silence.author))
        .bind(silence.created_at.timestamp())
        .execute(&mut *tx)
        .await
        .doing("add a silence")?;
        raise_versions(&mut tx, silence.tenant.as_deref()).await?;
        tx.commit().await.doing("add a silence")
    }

    /// Removes a silence; `None`: there is none with this id.
    pub async fn remove_silence(&self, id: &str) -> Result<Option<Silence>, Error> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query::<Any>(
            "DELETE FROM silence WHERE id = $1 RETURNING id, tenant, scope, value, until, reason, author, created_at",
        )
        .bind(text(id))
        .fetch_all(&mut *tx)
        .await
        .doing("remove a silence")?;
        let removed = rows.first().map(read).transpose()?;
        if let Some(silence) = &removed {
            raise_versions(&mut tx, silence.tenant.as_deref()).await?;
        }
        tx.commit().await.doing("remove a silence")?;
        Ok(removed)
    }
}

async fn raise_versions(connection: &mut AnyConnection, tenant: Option<&str>) -> Result<(), Error> {
    let query = match tenant {
        Some(tenant) => sqlx::query::<Any>("UPDATE tenant SET version = version + 1 WHERE id = $1").bind(text(tenant)),
        None => sqlx::query::<Any>("UPDATE tenant SET version = version + 1"),
    };
    query.execute(connection).await.doing("raise the version of a tenant").map(drop)
}

fn read(row: &AnyRow) -> Result<Silence, Error> {
    let value = row.text("value")?;
    Ok(Silence {
        id: row.text("id")?,
        tenant: row.text_or_null("tenant")?,
        scope: match row.text("scope")?.as_str() {
            "app" => SilenceScope::App(value),
            "credential" => SilenceScope::Credential(value),
            "name" => SilenceScope::Name(value),
            scope => return Err(Error::Damaged(format!("column scope: \"{scope}\" is not a value that this version knows"))),
        },
        until: row.time("until")?,
        reason: row.text("reason")?,
        author: row.text("author")?,
        created_at: row.time("created_at")?,
    })
}
