//! `stand_by_once`: show what the process on duty keeps of the tenant, write nothing, ask Graph nothing.

use chrono::TimeDelta;

use super::Tenant;
use crate::clock::UtcTime;

/// How far what is shown may lie behind what is kept: as often one small query asks whether anything has changed.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// A store that is away is asked, and spoken of, less often.
const AFTER_A_FAILURE: TimeDelta = TimeDelta::minutes(1);

impl Tenant {
    /// Shows the stored tenant where it has changed, or where time has changed how it stands; when to look again.
    pub async fn stand_by_once(&mut self) -> UtcTime {
        let now = self.shared.clock.now();
        match self.try_stand_by(now).await {
            Ok(next) => next.clamp(now + TimeDelta::seconds(1), now + LOOK_AGAIN),
            Err(error) => {
                tracing::warn!(tenant = %self.label.name, %error, "the tenant is another process's, and what it keeps cannot be shown");
                now + AFTER_A_FAILURE
            }
        }
    }

    async fn try_stand_by(&mut self, now: UtcTime) -> anyhow::Result<UtcTime> {
        let is_news = self.model.is_none() || self.has_changed_outside().await;
        if is_news {
            self.identify().await?;
            self.load().await?;
        }
        if is_news || self.agenda.is_evaluation_due(now) {
            let next = self.show_stored().await?;
            self.agenda.evaluated(now, next);
        }
        Ok(self.agenda.next_evaluation())
    }
}
