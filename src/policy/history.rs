//! What was told already.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::{CredentialKey, Notice, NoticeRow, TransportKind};
use crate::clock::UtcTime;
use crate::inventory::Posture;

/// A row decided this much later than now was decided by a clock that was wrong, and does not count.
const CLOCK_SLACK: TimeDelta = TimeDelta::days(1);

/// The notice rows that count, by credential.
#[derive(Debug)]
pub struct History<'a>(HashMap<&'a CredentialKey, Vec<&'a NoticeRow>>);

impl<'a> History<'a> {
    /// What a folder took counts only while there is no other transport: a trial never counts as told.
    #[must_use]
    pub fn new(rows: &'a [NoticeRow], transport: Option<TransportKind>, now: UtcTime) -> Self {
        let mut history: HashMap<&CredentialKey, Vec<&NoticeRow>> = HashMap::new();
        for row in rows {
            let counts = row.transport != TransportKind::Folder || transport == Some(TransportKind::Folder);
            if counts && row.at <= now + CLOCK_SLACK {
                history.entry(&row.credential).or_default().push(row);
            }
        }
        Self(history)
    }

    /// Whether the recipient was told of this end in a window at least as narrow. What was told of a sole credential counts also when it
    /// is rotated; what was told of a rotated one does not count when the rotation is undone.
    #[must_use]
    pub fn is_told(
        &self,
        credential: &CredentialKey,
        end: UtcTime,
        posture: Posture,
        recipient: &str,
        threshold: TimeDelta,
    ) -> bool {
        self.of(credential).any(|row| {
            matches!(row.notice, Notice::Expiring | Notice::Expired)
                && row.not_after == Some(end)
                && row.recipient == recipient
                && row.threshold <= threshold.num_seconds()
                && (row.posture == Posture::Sole || posture == Posture::Rotated)
        })
    }

    /// The rows about a credential.
    pub fn of(&self, credential: &CredentialKey) -> impl Iterator<Item = &'a NoticeRow> {
        self.0.get(credential).into_iter().flatten().copied()
    }

    /// The credentials somebody was told about.
    pub fn credentials(&self) -> impl Iterator<Item = &'a CredentialKey> {
        self.0.keys().copied()
    }
}
