//! Leases on tenants: which of several processes on one store watches which.
//!
//! A row a tenant, in database time, and no election beside it. Every process renews its own leases, takes free ones up to its fair
//! share, and offers to give one up when another process has fewer; what nobody took for a whole [`LEASE`] anybody takes, so that a
//! tenant which only one of them has configured is never left alone. Whoever loses a lease without noticing is fenced by the version
//! of its next commit.

use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe};
use uuid::Uuid;

use super::dialect::Dialect;
use super::error::Doing as _;
use super::sql::{Columns as _, text};
use super::{Error, Store};

/// How long a lease lasts when it is not renewed. Renew it three times as often.
pub const LEASE: Duration = Duration::from_secs(30);

const DOING: &str = "renew the leases on tenants";
const TAKE: &str = "UPDATE lease SET holder = $2, until = $3, pinned_at = NULLIF($4, 0) WHERE tenant = $1";
const LET_GO: &str = "UPDATE lease SET holder = $3, until = $4 WHERE tenant = $1 AND holder = $2";

/// What a process holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leases {
    /// The tenants it watches, for [`LEASE`] from before it asked.
    pub held: Vec<String>,
    /// Those of them that other processes should watch: stop watching them, then [`Store::give_up_lease`].
    pub spare: Vec<String>,
    /// How many processes share the tenants, this one included.
    pub replicas: usize,
}

/// A lease as stored.
struct Lease {
    tenant: String,
    holder: String,
    until: i64,
    pinned: bool,
}

impl Store {
    /// Renews the leases of this process, and takes free ones among `tenants`.
    pub async fn renew_leases(&self, replica: Uuid, tenants: &[String]) -> Result<Leases, Error> {
        let me = replica.to_string();
        let mut tx = self.begin().await?;
        // One process at a time, so that each sees what the others hold.
        if let Some(lock) = self.dialect.lock_leases() {
            sqlx::query::<Any>(lock).fetch_all(&mut *tx).await.doing(DOING)?;
        }
        let clock = format!("SELECT {} AS now", self.dialect.epoch());
        let now = sqlx::query::<Any>(AssertSqlSafe(clock)).fetch_one(&mut *tx).await.doing(DOING)?.number("now")?;
        let period = i64::try_from(LEASE.as_secs()).unwrap_or(i64::MAX);

        run(&mut tx, "DELETE FROM replica WHERE until < $1", &[], &[now]).await?;
        let stay =
            "INSERT INTO replica (id, since, until) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET until = excluded.until";
        run(&mut tx, stay, &[&me], &[now, now + period]).await?;
        run(&mut tx, "UPDATE lease SET until = $2 WHERE holder = $1", &[&me], &[now + period]).await?;
        let replicas = sqlx::query::<Any>("SELECT id, since FROM replica").fetch_all(&mut *tx).await.doing(DOING)?;
        let here_since =
            replicas.iter().find(|row| row.text("id").is_ok_and(|id| id == me)).map_or(Ok(now), |row| row.number("since"))?;
        let leases: Vec<Lease> = sqlx::query::<Any>("SELECT tenant, holder, until, pinned_at FROM lease")
            .fetch_all(&mut *tx)
            .await
            .doing(DOING)?
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?;

        let mine = |lease: &Lease| lease.holder == me;
        // What is not configured here any more is free for others.
        for lease in leases.iter().filter(|lease| mine(lease) && !tenants.contains(&lease.tenant)) {
            run(&mut tx, LET_GO, &[&lease.tenant, &me, &given_up_by(&me)], &[now - 1]).await?;
        }
        let mut held: Vec<String> = leases
            .iter()
            .filter(|lease| mine(lease) && tenants.contains(&lease.tenant))
            .map(|lease| lease.tenant.clone())
            .collect();
        let fair = tenants.len().div_ceil(replicas.len().max(1));
        for tenant in tenants {
            let Some(lease) = leases.iter().find(|lease| lease.tenant == *tenant) else {
                // Everybody may know from now on that nobody watches it.
                run(&mut tx, "INSERT INTO lease (tenant, holder, until) VALUES ($1, $2, $3)", &[tenant, ""], &[now - 1]).await?;
                if held.len() < fair {
                    run(&mut tx, TAKE, &[tenant, &me], &[now + period, 0]).await?;
                    held.push(tenant.clone());
                }
                continue;
            };
            if lease.until >= now {
                continue;
            }
            let free_for = now - lease.until.max(here_since);
            let others_first = lease.holder == given_up_by(&me) && free_for <= period / 2;
            if free_for > period || (held.len() < fair && !others_first) {
                let pinned = if held.len() < fair { 0 } else { now };
                run(&mut tx, TAKE, &[tenant, &me], &[now + period, pinned]).await?;
                held.push(tenant.clone());
            }
        }
        tx.commit().await.doing(DOING)?;

        let others = replicas.iter().filter_map(|row| row.text("id").ok()).filter(|id| *id != me);
        let live = |id: &str| leases.iter().filter(|lease| lease.holder == id && lease.until >= now).count();
        let fewest = others.map(|id| live(&id)).min().unwrap_or(usize::MAX);
        let uneven = fewest.saturating_add(1) < held.len();
        let surplus = if uneven { held.len().saturating_sub(fair).max(1) } else { 0 };
        let movable = leases.iter().filter(|lease| mine(lease) && !lease.pinned && held.contains(&lease.tenant));
        let spare = movable.map(|lease| lease.tenant.clone()).take(surplus).collect();
        Ok(Leases { held, spare, replicas: replicas.len() })
    }

    /// Leaves a tenant to others.
    pub async fn give_up_lease(&self, replica: Uuid, tenant: &str) -> Result<(), Error> {
        let me = replica.to_string();
        let sql = format!("UPDATE lease SET holder = $3, until = {} - 1 WHERE tenant = $1 AND holder = $2", self.dialect.epoch());
        sqlx::query::<Any>(AssertSqlSafe(sql))
            .bind(text(tenant))
            .bind(me.clone())
            .bind(given_up_by(&me))
            .execute(&self.writer)
            .await
            .doing(DOING)
            .map(drop)
    }

    /// Leaves every tenant to others: the process ends.
    pub async fn give_up_all_leases(&self, replica: Uuid) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let me = replica.to_string();
        let sql = format!("UPDATE lease SET holder = $2, until = {} - 1 WHERE holder = $1", self.dialect.epoch());
        let query = sqlx::query::<Any>(AssertSqlSafe(sql)).bind(me.clone()).bind(given_up_by(&me));
        query.execute(&mut *tx).await.doing(DOING)?;
        run(&mut tx, "DELETE FROM replica WHERE id = $1", &[&me], &[]).await?;
        tx.commit().await.doing(DOING)
    }

    /// On SQLite the lock of the file tells that no other process holds anything.
    pub(super) async fn free_leases_of_the_dead(&self) -> Result<(), Error> {
        if self.dialect == Dialect::Postgres {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        run(&mut tx, "DELETE FROM lease", &[], &[]).await?;
        run(&mut tx, "DELETE FROM replica", &[], &[]).await?;
        tx.commit().await.doing(DOING)
    }
}

/// In the place of the holder, so that who gave a tenant up does not take it back before others had the time to.
fn given_up_by(replica: &str) -> String {
    format!("given up by {replica}")
}

/// Runs a statement whose parameters are texts, then numbers.
async fn run(connection: &mut AnyConnection, sql: &'static str, texts: &[&str], numbers: &[i64]) -> Result<(), Error> {
    let query = texts.iter().fold(sqlx::query::<Any>(sql), |query, value| query.bind(text(value)));
    let query = numbers.iter().fold(query, |query, number| query.bind(*number));
    query.execute(connection).await.doing(DOING).map(drop)
}

fn read(row: &AnyRow) -> Result<Lease, Error> {
    Ok(Lease {
        tenant: row.text("tenant")?,
        holder: row.text("holder")?,
        until: row.number("until")?,
        pinned: row.number_or_null("pinned_at")?.is_some(),
    })
}
