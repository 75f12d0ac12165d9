//! Tenants: their rows, and their versions.

use sqlx::Any;

use super::error::Doing as _;
use super::sql::{Columns as _, text};
use super::{Error, Store, TenantRecord};
use crate::state::TenantState;

impl Store {
    /// A tenant with all its objects; its row is made if absent. `name` is a label and may change.
    pub async fn tenant(&self, id: &str, name: &str) -> Result<TenantRecord, Error> {
        let state = serde_json::to_string(&TenantState::default()).map_err(|error| Error::Damaged(error.to_string()))?;
        sqlx::query::<Any>(
            "INSERT INTO tenant (id, name, version, state) VALUES ($1, $2, 0, $3) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE tenant.name <> excluded.name",
        )
        .bind(text(id))
        .bind(text(name))
        .bind(state)
        .execute(&self.writer)
        .await
        .doing("enter a tenant")?;

        // Version first: objects that somebody writes in between belong to a later one, and the next commit finds that out.
        let row = sqlx::query::<Any>("SELECT version, state FROM tenant WHERE id = $1")
            .bind(text(id))
            .fetch_one(&self.pool)
            .await
            .doing("read a tenant")?;
        let state = serde_json::from_str(&row.text("state")?)
            .map_err(|error| Error::Damaged(format!("the state of tenant {id}: {error}")))?;
        Ok(TenantRecord { version: row.number("version")?, state, objects: self.objects(id).await? })
    }

    /// Id and name of every tenant that was ever watched.
    pub async fn tenant_names(&self) -> Result<Vec<(String, String)>, Error> {
        let rows = sqlx::query::<Any>("SELECT id, name FROM tenant WHERE id <> $1 ORDER BY name, id")
            .bind(super::WATCHER)
            .fetch_all(&self.pool)
            .await
            .doing("list the tenants")?;
        rows.iter().map(|row| Ok((row.text("id")?, row.text("name")?))).collect()
    }

    /// The GUID of the tenant that was watched by this domain.
    pub async fn tenant_of_domain(&self, domain: &str) -> Result<Option<String>, Error> {
        // The state is text to the database, so what is found is looked at.
        let pattern = format!("%\"domain\":{}%", serde_json::json!(domain));
        let rows = sqlx::query::<Any>("SELECT id, state FROM tenant WHERE state LIKE $1 ORDER BY id")
            .bind(text(&pattern))
            .fetch_all(&self.pool)
            .await
            .doing("look a domain up")?;
        for row in rows {
            let state: TenantState = serde_json::from_str(&row.text("state")?).unwrap_or_default();
            if state.domain.as_deref() == Some(domain) {
                return row.text("id").map(Some);
            }
        }
        Ok(None)
    }

    /// The version of a tenant, to find out whether somebody else wrote; 0: it has no row yet.
    pub async fn version(&self, id: &str) -> Result<i64, Error> {
        let row = sqlx::query::<Any>("SELECT version FROM tenant WHERE id = $1")
            .bind(text(id))
            .fetch_optional(&self.pool)
            .await
            .doing("read the version of a tenant")?;
        row.map_or(Ok(0), |row| row.number("version"))
    }

    /// Whether nothing was ever seen or told: a new store, or a lost one.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        let row = sqlx::query::<Any>(
            "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM object LIMIT 1) AS o) \
                  + (SELECT COUNT(*) FROM (SELECT 1 FROM notice LIMIT 1) AS n) AS found",
        )
        .fetch_one(&self.pool)
        .await
        .doing("see whether it is empty")?;
        Ok(row.number("found")? == 0)
    }
}
