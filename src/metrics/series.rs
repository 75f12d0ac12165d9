//! The series of single credentials and objects: written and compressed once per snapshot.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::Family;
use super::coverage::{Coverage, end_of_coverage};
use super::deflate::{Deflater, Piece};
use super::family::{COVERAGE, LAST_ONE, NOT_AFTER, ROTATED};
use super::text::Line;
use crate::clock::UtcTime;
use crate::config::CredentialSeries;
use crate::inventory::{Credential, DirectoryObject, Standing, State};
use crate::policy::{self, Alerts};
use crate::snapshot::Snapshot;

/// Text is handed to the compressor in blocks of about this size, so that it is never held whole.
const BLOCK: usize = 64 * 1024;

/// The families with one series a credential or object, in the order of [`Series::pieces`].
pub(super) const FAMILIES: [Family; 4] = [NOT_AFTER, ROTATED, LAST_ONE, COVERAGE];

/// The series of one tenant.
#[derive(Debug)]
pub(super) struct Series {
    /// What they were written from; kept so that the same address is the same snapshot.
    source: Arc<Snapshot>,
    wanted: CredentialSeries,
    /// From then on the clock alone changes what is to be written.
    valid_until: Option<UtcTime>,
    /// One a family.
    pub(super) pieces: [Piece; 4],
    /// How many series that is.
    pub(super) count: usize,
}

impl Series {
    /// Whether they can be served for this snapshot now.
    pub(super) fn is_current(&self, snapshot: &Arc<Snapshot>, wanted: CredentialSeries, now: UtcTime) -> bool {
        let same = Arc::ptr_eq(&self.source.standings, &snapshot.standings) && self.source.tenant == snapshot.tenant;
        same && self.wanted == wanted && self.valid_until.is_none_or(|until| now < until)
    }

    /// Writes the series of a tenant.
    pub(super) fn write(snapshot: &Arc<Snapshot>, wanted: CredentialSeries, alerts: &Alerts, now: UtcTime) -> io::Result<Self> {
        let tenant = &snapshot.tenant.name;
        let [mut not_after, mut rotated, mut last_one, mut coverage] = FAMILIES.map(Writer::new);
        let mut objects: BTreeMap<_, Vec<&Standing>> = BTreeMap::new();
        let mut count = 0;
        for standing in snapshot.standings.iter() {
            let is_wanted = match wanted {
                CredentialSeries::All => true,
                CredentialSeries::Expiring => {
                    matches!(policy::state(standing, alerts, now), State::Expiring | State::Expired)
                }
                CredentialSeries::None => false,
            };
            if standing.excluded.is_some() || !is_wanted {
                continue;
            }
            let (object, credential) = (&standing.object.object, &standing.credential);
            not_after
                .credential(tenant, object, credential)
                .label("app_id", object.app_id.as_deref().unwrap_or_default())
                .label("app_name", &object.display_name)
                .label("kind", credential.kind.into())
                .label("credential_name", credential.name.as_deref().unwrap_or_default())
                .value_or_infinity(credential.not_after.map(|at| at.timestamp()));
            rotated.credential(tenant, object, credential).value(i64::from(standing.is_replaced()));
            last_one.credential(tenant, object, credential).value(i64::from(standing.last_one));
            for writer in [&mut not_after, &mut rotated, &mut last_one] {
                writer.drain()?;
            }
            objects.entry(&object.key).or_default().push(standing);
            count += 3;
        }
        for standings in objects.values() {
            let end = match end_of_coverage(standings, now) {
                Coverage::None => continue,
                Coverage::Until(end) => Some(end.timestamp()),
                Coverage::Endless => None,
            };
            let Some(first) = standings.first() else { continue };
            let object = &first.object.object;
            coverage
                .object(tenant, object)
                .label("app_id", object.app_id.as_deref().unwrap_or_default())
                .label("app_name", &object.display_name)
                .value_or_infinity(end);
            coverage.drain()?;
            count += 1;
        }
        Ok(Self {
            source: Arc::clone(snapshot),
            wanted,
            valid_until: next_change(snapshot, wanted, alerts, now),
            pieces: [not_after.finish()?, rotated.finish()?, last_one.finish()?, coverage.finish()?],
            count,
        })
    }

    /// How much memory the pieces take.
    pub(super) fn size(&self) -> usize {
        self.pieces.iter().map(Piece::len).sum()
    }
}

/// When the clock alone next changes what is to be written: a gap in the coverage closes, or a credential joins those that end soon.
fn next_change(snapshot: &Snapshot, wanted: CredentialSeries, alerts: &Alerts, now: UtcTime) -> Option<UtcTime> {
    let instants = snapshot.standings.iter().flat_map(|standing| {
        let Credential { not_before, not_after, .. } = standing.credential;
        let widest = || policy::windows(standing, alerts, None).widest();
        let expiring = || not_after.and_then(|end| end.checked_sub_signed(widest()?));
        match wanted {
            CredentialSeries::All => [not_before, None, None],
            CredentialSeries::Expiring => [not_before, expiring(), not_after],
            CredentialSeries::None => [None; 3],
        }
    });
    instants.flatten().filter(|at| *at > now).min()
}

/// Writes one family.
struct Writer {
    family: Family,
    text: String,
    deflater: Deflater,
}

impl Writer {
    fn new(family: Family) -> Self {
        Self { family, text: String::with_capacity(BLOCK + BLOCK / 4), deflater: Deflater::new() }
    }

    fn object(&mut self, tenant: &str, object: &DirectoryObject) -> Line<'_> {
        Line::new(&mut self.text, &self.family.name)
            .label("tenant", tenant)
            .label("object_kind", object.key.kind.into())
            .label("object_id", &object.key.id)
    }

    fn credential(&mut self, tenant: &str, object: &DirectoryObject, credential: &Credential) -> Line<'_> {
        self.object(tenant, object).label("key_id", &credential.key_id)
    }

    fn drain(&mut self) -> io::Result<()> {
        if self.text.len() >= BLOCK {
            self.deflater.write(self.text.as_bytes())?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<Piece> {
        self.deflater.write(self.text.as_bytes())?;
        self.deflater.finish()
    }
}
