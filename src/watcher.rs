//! The watcher's own step, beside the tenants': what keeps EntraWatch from seeing or from telling is mailed, merged over tenants into one
//! mail for each recipient.
//!
//! It reads how the tenants stand from the store, so that it is right also where several processes share them; what it has told is one
//! row there. Two processes that tell at the same time meet at that row's version, and the second decides again.

mod conditions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::{Clock, Sleeper, UtcTime};
use crate::config::TenantConfig;
use crate::inventory::Severity;
use crate::mail::watcher::Bulletin;
use crate::metrics::{MailOutcome, Metrics};
use crate::policy::{Notice, Remark, Rules, WatcherInput, WatcherState, WatcherTold, watch};
use crate::progress::Progress;
use crate::snapshot::Snapshots;
use crate::store::{self, Commit, Mails, NewMail, Store, WATCHER};
use crate::tenant::MailSetup;

/// The name of the task among the signs of life, and of its mails' batch.
pub const TASK: &str = "watcher";

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// A look that comes this much later than it should follows a sleep of the machine, or a clock that was set: nothing was watched since.
const ASLEEP_AFTER: TimeDelta = TimeDelta::minutes(10);

/// A mail that was given up is spoken of for this long.
const UNDELIVERED_FOR: TimeDelta = TimeDelta::days(30);

/// How often a step that met somebody else's commit is decided again.
const CONFLICTS: u32 = 5;

/// What the watcher needs.
#[derive(Debug, Clone)]
pub struct WatcherParts {
    /// The truth.
    pub store: Store,
    /// Policy time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Signs of life.
    pub progress: Progress,
    /// For tenants that the store does not know yet.
    pub snapshots: Snapshots,
    /// Who is told.
    pub rules: Arc<Rules>,
    /// How mails are worded.
    pub mail: Arc<MailSetup>,
    /// The tenants, in the order of the snapshots.
    pub tenants: Vec<TenantConfig>,
}

/// The task.
#[derive(Debug)]
pub struct Watcher {
    parts: WatcherParts,
    /// Since when it has been looked without a break.
    looking_since: UtcTime,
    looked_at: UtcTime,
}

impl Watcher {
    /// One that has not looked yet.
    #[must_use]
    pub fn new(parts: WatcherParts) -> Self {
        let now = parts.clock.now();
        Self { parts, looking_since: now, looked_at: now }
    }

    /// Looks and sleeps, until `stop`.
    pub async fn run(mut self, sleeper: Arc<dyn Sleeper>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.parts.progress.beat(TASK);
            if let Err(error) = self.watch_once().await {
                tracing::error!(%error, "what EntraWatch has to say about itself cannot be kept");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleeper.sleep(LOOK_EVERY) => {}
            }
        }
        self.parts.progress.retire(TASK);
    }

    /// Looks once, and tells what is to be told.
    ///
    /// # Errors
    /// When the store fails: the next look tries again.
    pub async fn watch_once(&mut self) -> Result<(), store::Error> {
        let now = self.parts.clock.now();
        if now < self.looked_at || now - self.looked_at > ASLEEP_AFTER {
            self.looking_since = now;
        }
        self.looked_at = now;
        for _ in 0..CONFLICTS {
            match self.decide_and_commit(now).await {
                Err(store::Error::Conflict) => {}
                result => return result,
            }
        }
        Err(store::Error::Conflict)
    }

    async fn decide_and_commit(&self, now: UtcTime) -> Result<(), store::Error> {
        let Self { parts: WatcherParts { store, mail, rules, .. }, .. } = self;
        let (version, memory) = store.watcher().await?;
        let mails = store.mails(WATCHER, now - TimeDelta::hours(1)).await?;
        let undelivered = store.undelivered(now - UNDELIVERED_FOR).await?;
        let sights = self.sights(store.tenant_states().await?);
        let tenants: BTreeSet<String> = sights.iter().map(|sight| sight.id.clone()).collect();
        let found = conditions::find(&sights, &undelivered, &rules.recipients.fallback, self.looking_since, now);
        let verdict = watch(&WatcherInput {
            now,
            conditions: &found.conditions,
            recovered: &found.recovered,
            tenants: &tenants,
            memory: &memory,
            transport: mail.transport,
            waiting: &mails.withdrawable.iter().map(|mail| mail.id).collect(),
            left: &left(&mails),
        });
        let commit = self.mailing(verdict.memory, verdict.letters, &mails, now);
        if commit.state == memory && commit.mails.is_empty() && commit.withdraw.is_empty() && commit.handled.is_empty() {
            return Ok(());
        }
        let withdrawn = u64::try_from(commit.withdraw.len()).unwrap_or(u64::MAX);
        let told: Vec<_> = commit.mails.iter().map(|mail| (mail.recipient.clone(), mail.severity)).collect();
        store.commit_watcher(version, commit).await?;
        self.parts.metrics.mailed(MailOutcome::Withdrawn, withdrawn);
        for (recipient, severity) in told {
            self.parts.metrics.noticed(Notice::Watcher, severity);
            let recipient = crate::telemetry::mask_address(&recipient);
            tracing::info!(notice = <&str>::from(Notice::Watcher), severity = <&str>::from(severity), %recipient, "told");
        }
        Ok(())
    }

    /// How each configured tenant stands: as stored, or, where it was never identified, as this process sees it.
    fn sights(&self, mut stored: std::collections::HashMap<String, crate::state::TenantState>) -> Vec<conditions::Sight> {
        let snapshots = self.parts.snapshots.all();
        let sight = |(config, snapshot): (&TenantConfig, &Arc<crate::snapshot::Snapshot>)| {
            let id = snapshot.tenant.id.clone();
            conditions::Sight {
                state: stored.remove(&id).unwrap_or_else(|| snapshot.state.clone()),
                id,
                name: config.name.clone(),
                recipients: config.recipients.clone().unwrap_or_else(|| self.parts.rules.recipients.fallback.clone()),
                blind_after: config.blind_after,
            }
        };
        self.parts.tenants.iter().zip(&snapshots).map(sight).collect()
    }

    /// Words what is to be told. A mail that waits and says the same stays; every other that waits is taken back.
    fn mailing(
        &self,
        mut memory: WatcherState,
        letters: BTreeMap<String, Vec<Remark>>,
        mails: &Mails,
        now: UtcTime,
    ) -> Commit<WatcherState> {
        let mut commit = Commit::default();
        let mut kept = BTreeSet::new();
        for (recipient, remarks) in letters {
            let severity = remarks.iter().map(Remark::severity).max().unwrap_or(Severity::Info);
            let items = i64::try_from(remarks.len()).unwrap_or(i64::MAX);
            let fresh = Uuid::new_v4();
            let bulletin = Bulletin { recipient: recipient.clone(), at: now, remarks };
            let rendered = self.parts.mail.renderer.render_bulletin(&bulletin, fresh);
            let same =
                mails.withdrawable.iter().find(|mail| mail.recipient == recipient && mail.fingerprint == rendered.fingerprint);
            let id = same.map_or(fresh, |mail| mail.id);
            bulletin.remarks.iter().for_each(|remark| remember(&mut memory, remark, &recipient, id));
            if same.is_some() {
                kept.insert(id);
                continue;
            }
            commit.mails.push(NewMail {
                id,
                recipient,
                batch: TASK.to_owned(),
                slot: None,
                severity,
                items,
                subject: rendered.subject,
                message: rendered.message,
                fingerprint: rendered.fingerprint,
                created_at: now,
                first_decided_at: now,
                attempts: 0,
                next_attempt_at: now,
            });
        }
        memory.told.sort_by(|a, b| (&a.matter, &a.recipient, a.threshold).cmp(&(&b.matter, &b.recipient, b.threshold)));
        commit.state = memory;
        commit.withdraw = mails.withdrawable.iter().map(|mail| mail.id).filter(|id| !kept.contains(id)).collect();
        // A mail about the watcher that died is not spoken of in another: metric, health and log have it.
        commit.handled = mails.dead.iter().map(|mail| mail.id).collect();
        commit
    }
}

fn remember(memory: &mut WatcherState, remark: &Remark, recipient: &str, mail: Uuid) {
    match remark {
        Remark::Begun(condition) => memory.told.push(WatcherTold {
            matter: condition.matter.clone(),
            tenant: condition.tenant.clone(),
            recipient: recipient.to_owned(),
            threshold: condition.threshold,
            mail,
            absent_since: None,
            over: None,
        }),
        Remark::Over { matter, .. } => {
            let told = memory.told.iter_mut().filter(|told| told.matter == *matter && told.recipient == recipient);
            told.for_each(|told| told.over = Some(mail));
        }
    }
}

fn left(mails: &Mails) -> BTreeMap<String, UtcTime> {
    let accepted = mails.accepted.iter().map(|mail| (mail.recipient.clone(), mail.created_at));
    let leaving = mails.leaving.iter().map(|mail| (mail.recipient.clone(), mail.created_at));
    let mut left: BTreeMap<String, UtcTime> = BTreeMap::new();
    for (recipient, at) in accepted.chain(leaving) {
        let known = left.entry(recipient).or_insert(at);
        *known = at.max(*known);
    }
    left
}
