//! Leases on tenants: which of several processes on one store watches which.
//!
//! A row a process, in database time, a row a tenant, and no election beside them. Every process renews its own row, forgets those whose row ran out, and
//! takes or offers what [`share`] says, which all compute alike. Whoever loses a lease without noticing is fenced by the version of its next commit.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{Any, AnyConnection, AssertSqlSafe};
use uuid::Uuid;

use super::dialect::Dialect;
use super::error::Doing as _;
use super::share::{Holders, Watchers, share};
use super::sql::{Columns as _, text};
use super::{Error, Store};

/// How long a lease lasts when it is not renewed. Renew it three times as often.
pub const LEASE: Duration = Duration::from_secs(30);

const DOING: &str = "renew the leases on tenants";
const STAY: &str = "INSERT INTO replica (id, tenants, until) VALUES ($1, $2, $3) \
                    ON CONFLICT (id) DO UPDATE SET tenants = excluded.tenants, until = excluded.until";
const LET_GO: &str = "DELETE FROM lease WHERE tenant = $1 AND holder = $2";

/// What a process holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leases {
    /// The tenants it watches, for [`LEASE`] from before it asked.
    pub held: BTreeSet<String>,
    /// Others that it holds and another process should watch: stop watching them, then [`Store::give_up_lease`].
    pub spare: BTreeSet<String>,
    /// How many processes share the tenants, this one included.
    pub replicas: usize,
}

impl Store {
    /// Whether other processes may watch tenants of this store: an SQLite file has one daemon, and no leases.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Renews the leases of this process, and takes those of `tenants` that it should have and nobody else holds.
    pub async fn renew_leases(&self, replica: Uuid, tenants: &BTreeSet<String>) -> Result<Leases, Error> {
        let me = replica.to_string();
        let mut tx = self.begin().await?;
        // One process at a time, so that each sees what the others hold.
        if let Some(lock) = self.dialect.lock_leases() {
            sqlx::query::<Any>(lock).fetch_all(&mut *tx).await.doing(DOING)?;
        }
        let clock = format!("SELECT {} AS now", self.dialect.epoch());
        let now = sqlx::query::<Any>(AssertSqlSafe(clock)).fetch_one(&mut *tx).await.doing(DOING)?.number("now")?;
        let period = i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX);
        let mine = serde_json::to_string(tenants).map_err(|error| Error::Damaged(error.to_string()))?;

        sqlx::query::<Any>("DELETE FROM replica WHERE until < $1").bind(now).execute(&mut *tx).await.doing(DOING)?;
        sqlx::query::<Any>("DELETE FROM lease WHERE holder NOT IN (SELECT id FROM replica)")
            .execute(&mut *tx)
            .await
            .doing(DOING)?;
        let stay = sqlx::query::<Any>(STAY).bind(me.clone()).bind(text(&mine)).bind(now + period);
        stay.execute(&mut *tx).await.doing(DOING)?;
        let watchers = watchers(&mut tx).await?;
        let before = holders(&mut tx).await?;

        let mut leases = Leases { replicas: watchers.len(), ..Leases::default() };
        let after = share(&watchers, &before);
        for (tenant, holder) in &before {
            if *holder == me && !tenants.contains(tenant) {
                sqlx::query::<Any>(LET_GO).bind(text(tenant)).bind(me.clone()).execute(&mut *tx).await.doing(DOING)?;
            } else if *holder == me {
                let kept = after.get(tenant) == Some(&me);
                if kept {
                    leases.held.insert(tenant.clone())
                } else {
                    leases.spare.insert(tenant.clone())
                };
            }
        }
        for (tenant, _) in after.iter().filter(|(tenant, holder)| **holder == me && !before.contains_key(*tenant)) {
            let take =
                sqlx::query::<Any>("INSERT INTO lease (tenant, holder) VALUES ($1, $2)").bind(text(tenant)).bind(me.clone());
            take.execute(&mut *tx).await.doing(DOING)?;
            leases.held.insert(tenant.clone());
        }
        tx.commit().await.doing(DOING)?;
        Ok(leases)
    }

    /// Leaves a tenant to others.
    pub async fn give_up_lease(&self, replica: Uuid, tenant: &str) -> Result<(), Error> {
        let query = sqlx::query::<Any>(LET_GO).bind(text(tenant)).bind(replica.to_string());
        query.execute(&self.writer).await.doing(DOING).map(drop)
    }

    /// Leaves every tenant to others: the process ends.
    pub async fn give_up_all_leases(&self, replica: Uuid) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for sql in ["DELETE FROM lease WHERE holder = $1", "DELETE FROM replica WHERE id = $1"] {
            sqlx::query::<Any>(sql).bind(replica.to_string()).execute(&mut *tx).await.doing(DOING)?;
        }
        tx.commit().await.doing(DOING)
    }
}

async fn watchers(connection: &mut AnyConnection) -> Result<Watchers, Error> {
    let rows = sqlx::query::<Any>("SELECT id, tenants FROM replica").fetch_all(connection).await.doing(DOING)?;
    let watcher = |row: &sqlx::any::AnyRow| {
        let tenants = row.text("tenants")?;
        let tenants =
            serde_json::from_str(&tenants).map_err(|error| Error::Damaged(format!("the tenants of a replica: {error}")))?;
        Ok((row.text("id")?, tenants))
    };
    rows.iter().map(watcher).collect()
}

async fn holders(connection: &mut AnyConnection) -> Result<Holders, Error> {
    let rows = sqlx::query::<Any>("SELECT tenant, holder FROM lease").fetch_all(connection).await.doing(DOING)?;
    rows.iter().map(|row| Ok((row.text("tenant")?, row.text("holder")?))).collect()
}
