//! When a telling leaves: with the digest of its slot, at once, or with the first digest of a tenant.

use chrono::TimeDelta;

use super::{Digest, DigestMode, Outbox, Series, Slots};
use crate::clock::UtcTime;
use crate::state::{Baseline, SlotState};

/// At most one mail at once for a recipient in this time.
const AT_ONCE_EVERY: TimeDelta = TimeDelta::minutes(15);

/// Where a tenant is with its first digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is decided now.
    First,
    /// It was decided, and the first slot after it has not come: others than fallback are told at once only of what ends before that.
    Settling { since: UtcTime, until: UtcTime },
    /// It is long past.
    Usual,
}

/// The times that matter to one evaluation.
#[derive(Debug)]
pub struct Timing<'a> {
    now: UtcTime,
    mode: DigestMode,
    phase: Phase,
    latest: Option<UtcTime>,
    next: Option<UtcTime>,
    is_new_slot: bool,
    fallback: &'a [String],
    baseline: Option<&'a Baseline>,
    slots: &'a SlotState,
    outbox: &'a Outbox,
}

impl<'a> Timing<'a> {
    /// `baseline` is the one that counts; `None`: it is to be decided now.
    #[must_use]
    pub fn new(
        now: UtcTime,
        digest: &Digest,
        fallback: &'a [String],
        baseline: Option<&'a Baseline>,
        slots: &'a SlotState,
        outbox: &'a Outbox,
    ) -> Self {
        let calendar = Slots::of(digest);
        let latest = calendar.latest(now);
        let phase = match baseline {
            None => Phase::First,
            Some(baseline) => match calendar.next(baseline.at) {
                Some(until) if baseline.at <= now && now < until => Phase::Settling { since: baseline.at, until },
                _ => Phase::Usual,
            },
        };
        // A last slot in the future is the trace of a clock that was wrong: it settles nothing.
        let last = slots.last.filter(|last| *last <= now);
        let is_new_slot = phase != Phase::First && slots.last.is_some_and(|last| last <= now) && latest > last;
        Self { now, mode: digest.mode, phase, latest, next: calendar.next(now), is_new_slot, fallback, baseline, slots, outbox }
    }

    /// Whether the first digest is (still) owed to this recipient.
    #[must_use]
    pub fn owes_baseline(&self, series: &Series) -> bool {
        if series.is_own_batch() {
            return false;
        }
        match self.baseline {
            None => self.fallback.contains(&series.recipient),
            Some(baseline) => baseline.open.contains(&series.recipient) && !self.is_settled(series, baseline.at),
        }
    }

    /// The slot whose digest is (still) owed to this series.
    #[must_use]
    pub fn open_slot(&self, series: &Series) -> Option<UtcTime> {
        if self.owes_baseline(series) {
            return Some(self.baseline.map_or(self.now, |baseline| baseline.at));
        }
        if self.phase == Phase::First {
            return None;
        }
        let open = self.slots.open.get(&series.to_string()).copied();
        if self.is_new_slot { self.latest } else { open.filter(|slot| !self.is_settled(series, *slot)) }
    }

    fn is_settled(&self, series: &Series, slot: UtcTime) -> bool {
        self.outbox.settled.contains(&(series.clone(), slot))
    }

    /// Whether a mail of the open slot is under way, so that the slot is settled neither way yet.
    #[must_use]
    pub fn is_under_way(&self, series: &Series) -> bool {
        self.open_slot(series).is_some_and(|slot| self.outbox.under_way.contains(&(series.clone(), slot)))
    }

    /// A digest takes in what will cross a threshold before this instant; `None`: only what has crossed.
    #[must_use]
    pub fn horizon(&self, series: &Series) -> Option<UtcTime> {
        (self.mode == DigestMode::Daily && self.open_slot(series).is_some()).then_some(self.next).flatten()
    }

    /// Whether something due leaves in this evaluation. `urgent`: it is of the sort that leaves at once; `end`: of the credential.
    #[must_use]
    pub fn leaves(&self, series: &Series, urgent: bool, end: UtcTime) -> bool {
        self.mode == DigestMode::Immediate
            || (self.open_slot(series).is_some() && !self.is_under_way(series))
            || (urgent && self.may_leave_at_once(series, end) && self.at_once_from(series) <= self.now)
    }

    fn may_leave_at_once(&self, series: &Series, end: UtcTime) -> bool {
        match self.phase {
            Phase::Usual => true,
            Phase::First => self.next.is_none_or(|next| self.now < end && end <= next),
            Phase::Settling { since, until } => self.fallback.contains(&series.recipient) || (since < end && end <= until),
        }
    }

    /// From when on a mail may leave at once.
    #[must_use]
    pub fn at_once_from(&self, series: &Series) -> UtcTime {
        match self.outbox.left.get(series) {
            // What left in the future left by a clock that was wrong.
            Some(left) if *left <= self.now => *left + AT_ONCE_EVERY,
            _ => self.now,
        }
    }

    /// The slot to remember as evaluated.
    #[must_use]
    pub fn last_slot(&self) -> Option<UtcTime> {
        self.latest
    }

    /// The next slot.
    #[must_use]
    pub fn next_slot(&self) -> Option<UtcTime> {
        self.next
    }
}
