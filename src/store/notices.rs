//! Who was told what.

use futures_util::TryStreamExt as _;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AssertSqlSafe};
use uuid::Uuid;

use super::error::Doing as _;
use super::sql::{Columns as _, ROWS_A_STATEMENT, placeholders, text};
use super::{Error, Store};
use crate::inventory::ObjectKey;
use crate::policy::{CredentialKey, NoticeRow};

const COLUMNS: &str = "mail, kind, object, key_id, not_after, posture, notice, threshold, recipient, severity, transport, at";

impl Store {
    /// Every notice of a tenant, in no order.
    pub async fn notices(&self, tenant: &str) -> Result<Vec<NoticeRow>, Error> {
        sqlx::query::<Any>(AssertSqlSafe(format!("SELECT {COLUMNS} FROM notice WHERE tenant = $1")))
            .bind(text(tenant))
            .fetch(&self.pool)
            .map_err(|source| Error::Database { doing: "read the notices of a tenant", source })
            .and_then(async |row| read(&row))
            .try_collect()
            .await
    }

    /// The notices about the credentials of one object, the latest first.
    pub async fn notices_about(&self, tenant: &str, object: &ObjectKey) -> Result<Vec<NoticeRow>, Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM notice WHERE tenant = $1 AND kind = $2 AND object = $3 ORDER BY at DESC, recipient");
        let rows = sqlx::query::<Any>(AssertSqlSafe(sql))
            .bind(text(tenant))
            .bind(<&str>::from(object.kind))
            .bind(text(&object.id))
            .fetch_all(&self.pool)
            .await
            .doing("read the notices of an object")?;
        rows.iter().map(read).collect()
    }

    /// The notices that a mail carries.
    pub async fn notices_of(&self, mail: Uuid) -> Result<Vec<NoticeRow>, Error> {
        let rows = sqlx::query::<Any>(AssertSqlSafe(format!("SELECT {COLUMNS} FROM notice WHERE mail = $1")))
            .bind(mail.to_string())
            .fetch_all(&self.pool)
            .await
            .doing("read the notices of a mail")?;
        rows.iter().map(read).collect()
    }
}

pub(super) async fn add(connection: &mut AnyConnection, tenant: &str, notices: &[NoticeRow]) -> Result<(), Error> {
    for chunk in notices.chunks(ROWS_A_STATEMENT) {
        let sql =
            format!("INSERT INTO notice (tenant, {COLUMNS}) VALUES {} ON CONFLICT DO NOTHING", placeholders(1, 12, chunk.len()));
        let mut query = sqlx::query::<Any>(AssertSqlSafe(sql)).persistent(chunk.len() == ROWS_A_STATEMENT).bind(text(tenant));
        for notice in chunk {
            query = query
                .bind(notice.mail.to_string())
                .bind(<&str>::from(notice.credential.object.kind))
                .bind(text(&notice.credential.object.id))
                .bind(text(&notice.credential.key_id))
                .bind(notice.not_after.map(|at| at.timestamp()))
                .bind(<&str>::from(notice.posture))
                .bind(<&str>::from(notice.notice))
                .bind(notice.threshold)
                .bind(text(&notice.recipient))
                .bind(<&str>::from(notice.severity))
                .bind(<&str>::from(notice.transport))
                .bind(notice.at.timestamp());
        }
        query.execute(&mut *connection).await.doing("write notices")?;
    }
    Ok(())
}

fn read(row: &AnyRow) -> Result<NoticeRow, Error> {
    Ok(NoticeRow {
        credential: CredentialKey {
            object: ObjectKey { kind: row.one_of("kind")?, id: row.text("object")? },
            key_id: row.text("key_id")?,
        },
        not_after: row.time_or_null("not_after")?,
        posture: row.one_of("posture")?,
        notice: row.one_of("notice")?,
        threshold: row.number("threshold")?,
        recipient: row.text("recipient")?,
        severity: row.one_of("severity")?,
        transport: row.one_of("transport")?,
        at: row.time("at")?,
        mail: row.uuid("mail")?,
    })
}
