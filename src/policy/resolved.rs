//! What somebody was told about and that is gone: it rides along, and causes a mail only after something serious had been told.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::evaluate::Input;
use super::history::History;
use super::recipients::Directory;
use super::timing::Timing;
use super::{CredentialKey, Notice, NoticeRow, Resolved, Series};
use crate::inventory::{Severity, Standing, credentials_of};

/// What is gone, recipient by recipient. `leaving`: series that get a mail anyway.
pub fn resolved(
    input: &Input<'_>,
    history: &History<'_>,
    directory: &Directory<'_>,
    timing: &Timing<'_>,
    leaving: &BTreeSet<Series>,
) -> Vec<Resolved> {
    let living: HashSet<CredentialKey> = input.standings.iter().map(CredentialKey::of).collect();
    let mut gone: Vec<&CredentialKey> = history.credentials().filter(|credential| !living.contains(*credential)).collect();
    gone.sort_unstable();
    let mut list = Vec::new();
    for credential in gone {
        let Some(standing) = standing_of_gone(input, credential) else { continue };
        let rows: Vec<&NoticeRow> = history.of(credential).collect();
        let recipients: BTreeSet<&str> = rows.iter().map(|row| row.recipient.as_str()).collect();
        for recipient in recipients {
            let mut told = rows.iter().filter(|row| row.recipient == recipient);
            if told.clone().any(|row| row.notice == Notice::Resolved) {
                continue;
            }
            let is_serious = told.any(|row| row.notice == Notice::Expired || row.severity == Severity::Critical);
            let addressees = directory.addressees(&standing, &[]);
            let batch = addressees.into_iter().find(|known| known.recipient == recipient).and_then(|known| known.batch);
            let series = Series::of(recipient, batch.as_deref());
            let end = standing.credential.not_after.unwrap_or(input.now);
            let due = leaving.contains(&series) || (is_serious && timing.leaves(&series, false, end));
            list.push(Resolved { standing: standing.clone(), recipient: recipient.to_owned(), batch, due });
        }
    }
    list
}

/// The credential as it was last seen; `None` where nothing is known of it any more.
fn standing_of_gone(input: &Input<'_>, key: &CredentialKey) -> Option<Standing> {
    let tracked = input.inventory.get(&key.object)?;
    let credential = if tracked.gone_at.is_some() {
        credentials_of(&tracked.object).into_iter().find(|credential| credential.key_id == key.key_id)
    } else {
        None
    };
    let tombstone = || {
        let gone = tracked.object.gone.iter().find(|gone| gone.credential.key_id == key.key_id);
        gone.map(|gone| gone.credential.clone())
    };
    credential.or_else(tombstone).map(|credential| Standing::of_gone(Arc::clone(tracked), credential))
}
