//! A tenant, a mail server and a calendar in memory: what the policy decides over time, without store and network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveTime, TimeDelta, Weekday};
use entrawatch::clock::UtcTime;
use entrawatch::config::Cloud;
use entrawatch::inventory::{DirectoryObject, Inventory, Judging, Standing, Watch, absorb, judge};
use entrawatch::outbox::digest::{Coverage, Digest, DigestKind, Occasion, Planned, assemble};
use entrawatch::policy::{
    Alerts, Digest as DigestRules, DigestMode, Evaluation, Input, NoticeRow, Outbox, Recipients, ReportEvery, ReportRules, Rules,
    Series, Silence, TransportKind, Windows, evaluate,
};
use entrawatch::snapshot::TenantLabel;
use entrawatch::state::{Baseline, SlotState};
use uuid::Uuid;

/// The defaults of the configuration, with a fallback.
pub fn rules() -> Rules {
    let days = |list: &[i64]| Windows::new(list.iter().map(|days| TimeDelta::days(*days)));
    Rules {
        watch: Watch::default(),
        alerts: Alerts {
            thresholds: days(&[60, 30, 14, 7, 3, 1, 0]),
            rotated_thresholds: days(&[14, 1]),
            rotation_lead: TimeDelta::days(90),
            expired_grace: TimeDelta::days(30),
            max_lifetime: TimeDelta::days(730),
        },
        recipients: Recipients {
            fallback: vec!["ops@example.com".into()],
            escalate: vec!["ops@example.com".into()],
            escalate_within: TimeDelta::days(7),
            owners: true,
            ..Recipients::default()
        },
        routes: Vec::new(),
        digest: DigestRules {
            mode: DigestMode::Daily,
            at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
            timezone: chrono_tz::UTC,
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun],
            urgent_within: TimeDelta::days(1),
        },
        // Tests of the report ask for it.
        report: ReportRules { every: ReportEvery::Never, day: Weekday::Mon },
    }
}

/// A mail of the world.
#[derive(Debug, Clone)]
pub struct Letter {
    pub at: UtcTime,
    pub digest: Digest,
    series: Series,
    slot: Option<UtcTime>,
    rows: Vec<NoticeRow>,
}

impl Letter {
    pub fn rows(&self) -> std::slice::Iter<'_, NoticeRow> {
        self.rows.iter()
    }

    /// `to: notice threshold key severity, …`, with `baseline` in front of a first digest.
    pub fn line(&self) -> String {
        let mut items: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let threshold = TimeDelta::seconds(row.threshold);
                let window = if threshold.is_zero() { String::new() } else { format!(" {}d", threshold.num_days()) };
                format!("{}{window} {} {}", row.notice, row.credential.key_id, row.severity)
            })
            .collect();
        items.sort();
        let first = if matches!(self.digest.kind, DigestKind::Baseline(_)) { "baseline " } else { "" };
        let batch = if self.series.is_own_batch() { format!(" [{}]", self.series.batch) } else { String::new() };
        format!("{}{batch}: {first}{}", self.series.recipient, items.join(", "))
    }
}

/// The world.
#[derive(Debug, Clone)]
pub struct World {
    pub now: UtcTime,
    pub rules: Rules,
    pub transport: Option<TransportKind>,
    pub silences: Vec<Silence>,
    /// Whether the mail server answers.
    pub mail_up: bool,
    /// Recipients that the mail server refuses for good.
    pub refused: BTreeSet<String>,
    pub budget: usize,
    /// When the directory first showed a secret.
    pub first_seen: BTreeMap<String, UtcTime>,
    inventory: Inventory,
    rows: Vec<NoticeRow>,
    baseline: Option<Baseline>,
    slots: SlotState,
    accepted: Vec<Letter>,
    dead: Vec<Letter>,
    label: Arc<TenantLabel>,
    last: Option<Evaluation>,
}

impl World {
    pub fn new(now: UtcTime, objects: impl IntoIterator<Item = DirectoryObject>) -> Self {
        let label = TenantLabel {
            id: "t".into(),
            name: "contoso".into(),
            cloud: Cloud::Global,
            portal: "https://entra.microsoft.com".parse().unwrap(),
        };
        let mut world = Self {
            now,
            rules: rules(),
            transport: Some(TransportKind::Smtp),
            silences: Vec::new(),
            mail_up: true,
            refused: BTreeSet::new(),
            budget: usize::MAX,
            first_seen: BTreeMap::new(),
            inventory: Inventory::default(),
            rows: Vec::new(),
            baseline: None,
            slots: SlotState::default(),
            accepted: Vec::new(),
            dead: Vec::new(),
            label: Arc::new(label),
            last: None,
        };
        objects.into_iter().for_each(|object| world.see(object));
        world
    }

    /// The directory shows this object now.
    pub fn see(&mut self, object: DirectoryObject) {
        for password in &object.passwords {
            self.first_seen.entry(password.key_id.clone()).or_insert(self.now);
        }
        let detail = object.detail.clone();
        let known = self.inventory.get(&object.key).cloned();
        let mut tracked = absorb(known.as_deref(), object, String::new(), self.now);
        tracked.object.detail = detail;
        self.inventory.put(tracked);
    }

    pub fn standings(&self) -> Vec<Standing> {
        let judging = Judging {
            tenant: "contoso",
            tenant_id: "t",
            watch: &self.rules.watch,
            rotation_lead: self.rules.alerts.rotation_lead,
        };
        judge(&self.inventory, judging, self.now)
    }

    /// Evaluates now; the mails that were accepted.
    pub fn evaluate(&mut self) -> Vec<Letter> {
        let standings = self.standings();
        let outbox = self.outbox();
        let evaluation = evaluate(&Input {
            now: self.now,
            tenant: "contoso",
            tenant_id: "t",
            inventory: &self.inventory,
            standings: &standings,
            notices: &self.rows,
            silences: &self.silences,
            rules: &self.rules,
            fallback: &self.rules.recipients.fallback,
            transport: self.transport,
            baseline: self.baseline.as_ref(),
            slots: &self.slots,
            outbox: &outbox,
        });
        (self.baseline, self.slots) = (evaluation.baseline.clone(), evaluation.slots.clone());
        let letters = self.letters(&standings, &evaluation);
        self.last = Some(evaluation);
        letters
    }

    fn letters(&mut self, standings: &[Standing], evaluation: &Evaluation) -> Vec<Letter> {
        let Some(transport) = self.transport else { return Vec::new() };
        let coverage = Coverage::default();
        let occasion = Occasion { tenant: &self.label, at: self.now, as_of: None, coverage: &coverage };
        let mut sent = Vec::new();
        for planned in assemble(&occasion, standings, evaluation) {
            let letter = self.letter(planned, transport);
            if self.refused.contains(&letter.series.recipient) {
                self.rows.extend(letter.rows.iter().cloned());
                self.dead.push(letter);
            } else if self.mail_up {
                self.rows.extend(letter.rows.iter().cloned());
                self.accepted.push(letter.clone());
                sent.push(letter);
            }
            // A mail that cannot leave is withdrawn with its rows before the next evaluation: nothing of it is remembered.
        }
        sent
    }

    fn letter(&self, planned: Planned, transport: TransportKind) -> Letter {
        let mail = Uuid::new_v4();
        let rows = planned.told.iter().map(|told| NoticeRow {
            credential: told.credential.clone(),
            not_after: told.not_after,
            posture: told.posture,
            notice: told.notice,
            threshold: told.threshold,
            recipient: planned.series.recipient.clone(),
            severity: told.severity,
            transport,
            at: self.now,
            mail,
        });
        Letter { at: self.now, rows: rows.collect(), digest: planned.digest, series: planned.series, slot: planned.slot }
    }

    fn outbox(&self) -> Outbox {
        let mut outbox = Outbox { budget: self.budget, ..Outbox::default() };
        for letter in &self.accepted {
            let left = outbox.left.entry(letter.series.clone()).or_insert(letter.at);
            *left = letter.at.max(*left);
        }
        let settled = self.accepted.iter().chain(&self.dead);
        outbox.settled = settled.filter_map(|letter| Some((letter.series.clone(), letter.slot?))).collect();
        for letter in &self.dead {
            outbox.undeliverable.extend(letter.rows.iter().map(|row| (row.credential.clone(), row.recipient.clone())));
        }
        outbox
    }

    /// Forgets everything but the configuration: the store is lost.
    pub fn lose_store(&mut self) {
        (self.rows, self.baseline, self.slots) = (Vec::new(), None, SlotState::default());
        (self.accepted, self.dead) = (Vec::new(), Vec::new());
    }

    /// Evaluates every `every` until `end`; `day time line` for each mail, calendar days counted from the first.
    pub fn live(&mut self, end: UtcTime, every: TimeDelta) -> Vec<String> {
        let began = self.now.date_naive();
        let mut lines = Vec::new();
        while self.now <= end {
            for letter in self.evaluate() {
                let day = (self.now.date_naive() - began).num_days();
                lines.push(format!("day {day} {} {}", self.now.format("%H:%M"), letter.line()));
            }
            self.now += every;
        }
        lines
    }

    /// `key reason` of each credential as last decided.
    pub fn reasons(&self) -> Vec<String> {
        let decisions = self.last.iter().flat_map(|evaluation| &evaluation.decisions);
        decisions.map(|decision| format!("{} {}", decision.credential.key_id, decision.reason)).collect()
    }
}
