//! From planned mails to what is committed: rendered mails, notice rows, mails to take back. Nothing stale leaves.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::MailSetup;
use super::evaluate::series;
use crate::clock::UtcTime;
use crate::outbox::digest::Planned;
use crate::policy::{Decision, NoticeRow, Outbox, Reason, Series, TransportKind, Via};
use crate::store::{Mails, NewMail};

/// What an evaluation does to the outbox.
#[derive(Debug, Default)]
pub struct Mailing {
    /// Mails to take back.
    pub withdraw: Vec<Uuid>,
    /// Notices to remember.
    pub notices: Vec<NoticeRow>,
    /// Mails to send.
    pub mails: Vec<NewMail>,
}

impl Mailing {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.withdraw.is_empty() && self.mails.is_empty()
    }
}

/// Renders what is planned. A mail that waits and would say the same stays; every other that waits is taken back.
pub fn mailing(setup: &MailSetup, planned: Vec<Planned>, mails: &Mails, now: UtcTime) -> Mailing {
    let mut mailing = Mailing::default();
    let mut kept: BTreeSet<Uuid> = BTreeSet::new();
    for plan in planned {
        let id = Uuid::new_v4();
        let rendered = setup.renderer.render(&plan.digest, id);
        let of_series = |mail: &&crate::store::WaitingMail| series(&mail.recipient, &mail.batch) == plan.series;
        let before = mails.withdrawable.iter().find(of_series);
        if let Some(same) = before.filter(|mail| mail.fingerprint == rendered.fingerprint && mail.slot == plan.slot) {
            kept.insert(same.id);
            continue;
        }
        mailing.notices.extend(notices(&plan, setup.transport, id, now));
        mailing.mails.push(NewMail {
            id,
            severity: plan.digest.severity(),
            items: i64::try_from(plan.digest.items.len()).unwrap_or(i64::MAX),
            recipient: plan.series.recipient,
            batch: plan.series.batch,
            slot: plan.slot,
            subject: rendered.subject,
            message: rendered.message,
            fingerprint: rendered.fingerprint,
            created_at: now,
            // Where it takes the place of a mail that waits, the commit passes on that one's attempts and age.
            first_decided_at: now,
            attempts: 0,
            next_attempt_at: now,
        });
    }
    mailing.withdraw = mails.withdrawable.iter().map(|mail| mail.id).filter(|id| !kept.contains(id)).collect();
    mailing
}

/// What is remembered once this mail has been accepted.
pub fn notices(plan: &Planned, transport: TransportKind, mail: Uuid, now: UtcTime) -> impl Iterator<Item = NoticeRow> {
    plan.told.iter().map(move |told| NoticeRow {
        credential: told.credential.clone(),
        not_after: told.not_after,
        posture: told.posture,
        notice: told.notice,
        threshold: told.threshold,
        recipient: plan.series.recipient.clone(),
        severity: told.severity,
        transport,
        at: now,
        mail,
    })
}

/// What became of earlier mails, in the words of the policy.
pub fn outbox(mails: &Mails, budget: usize) -> Outbox {
    let mut left: BTreeMap<Series, UtcTime> = BTreeMap::new();
    let gone = mails.accepted.iter().map(|mail| (series(&mail.recipient, &mail.batch), mail.created_at));
    let leaving = mails.leaving.iter().map(|mail| (series(&mail.recipient, &mail.batch), mail.created_at));
    for (series, at) in gone.chain(leaving) {
        let known = left.entry(series).or_insert(at);
        *known = at.max(*known);
    }
    let accepted = mails.accepted.iter().filter_map(|mail| Some((series(&mail.recipient, &mail.batch), mail.slot?)));
    let given_up = mails.dead.iter().filter_map(|mail| Some((series(&mail.recipient, &mail.batch), mail.slot?)));
    let undeliverable =
        mails.dead.iter().flat_map(|mail| mail.notices.iter().map(|row| (row.credential.clone(), mail.recipient.clone())));
    Outbox {
        left,
        settled: accepted.chain(given_up).collect(),
        under_way: mails.leaving.iter().filter_map(|mail| Some((series(&mail.recipient, &mail.batch), mail.slot?))).collect(),
        undeliverable: undeliverable.collect(),
        budget,
    }
}

/// Dead mails whose items fallback has been told of, or that nobody needs to be told of any more.
pub fn handled(mails: &Mails, decisions: &[Decision]) -> Vec<Uuid> {
    let is_open = |recipient: &str| {
        let tellings = decisions.iter().flat_map(|decision| &decision.tellings);
        let mut passed_on = tellings.filter(|telling| telling.via == Via::Undeliverable(recipient.to_owned()));
        passed_on.any(|telling| matches!(telling.reason, Reason::Due | Reason::HeldForDigest | Reason::HeldByBreaker))
    };
    mails.dead.iter().filter(|mail| !is_open(&mail.recipient)).map(|mail| mail.id).collect()
}
