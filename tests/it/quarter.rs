//! A quarter of the simulated tenant, day by day, against a computation of the tellings that knows nothing of the program's: no history rows,
//! no slots, no series, only who has heard what, from the rules as they are written for people.
//!
//! How credentials stand (rotated, active, last one) is taken as judged; the labelled tenant judges that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{TimeDelta, Timelike as _};
use entrawatch::clock::{Clock as _, ManualClock, UtcTime};
use entrawatch::demo::contoso;
use entrawatch::inventory::{CredentialKind, DirectoryObject, ObjectKind, OwnerKind, Posture, Standing};
use entrawatch::policy::Notice;
use entrawatch::snapshot::Snapshot;

use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;
use crate::support::rig::Rig;

const OPS: &str = "ops@example.com";

/// Recipient, key id, end, threshold in days.
type Telling = (String, String, UtcTime, i64);

/// Who has heard what: the narrowest window of each recipient, credential and end, and whether it was told as unrotated.
#[derive(Default)]
struct Heard(BTreeMap<(String, String, UtcTime), Vec<(i64, bool)>>);

impl Heard {
    fn is_told(&self, recipient: &str, key: &str, end: UtcTime, threshold: i64, sole: bool) -> bool {
        let known = self.0.get(&(recipient.to_owned(), key.to_owned(), end));
        known.is_some_and(|known| known.iter().any(|(then, then_sole)| *then <= threshold && (*then_sole || !sole)))
    }
}

fn thresholds(standing: &Standing) -> Vec<i64> {
    let usual: &[i64] = match standing.posture {
        Posture::Inactive => &[],
        Posture::Rotated => &[14, 1],
        Posture::Sole if standing.object.object.display_name.starts_with("ConnectSyncProvisioning_") => &[7, 0],
        Posture::Sole => &[60, 30, 14, 7, 3, 1, 0],
    };
    let credential = &standing.credential;
    let life =
        credential.not_before.zip(credential.not_after).map(|(start, end)| (end - start).num_minutes()).filter(|life| *life > 0);
    let Some(life) = life else { return usual.to_vec() };
    if life < 14 * 1440 {
        let matters = standing.last_one && standing.posture == Posture::Sole;
        return if matters { [1, 0].into_iter().filter(|days| days * 3 * 1440 <= life).collect() } else { Vec::new() };
    }
    usual.iter().copied().filter(|days| days * 3 * 1440 <= life).collect()
}

fn is_critical(standing: &Standing, end: UtcTime, now: UtcTime) -> bool {
    standing.posture == Posture::Sole && standing.last_one && (end - now).abs() <= TimeDelta::days(7)
}

/// The owners with a mail address, else those of the application behind a service principal, else nobody.
fn owners(object: &DirectoryObject, snapshot: &Snapshot) -> BTreeSet<String> {
    let of = |object: &DirectoryObject| -> BTreeSet<String> {
        let people = object.detail.owners.iter().flatten().filter(|owner| owner.kind == OwnerKind::User);
        people.filter_map(|owner| owner.mail.as_ref().map(|mail| mail.to_lowercase())).collect()
    };
    let own = of(object);
    if !own.is_empty() || object.key.kind == ObjectKind::Application {
        return own;
    }
    let mut applications = snapshot.inventory.living().map(|tracked| &tracked.object);
    let application = applications.find(|other| other.key.kind == ObjectKind::Application && other.app_id == object.app_id);
    application.map(of).unwrap_or_default()
}

/// What is to be told at `now`, by the rules as a person reads them.
fn predicted(snapshot: &Snapshot, heard: &Heard, now: UtcTime) -> BTreeSet<Telling> {
    let is_slot = now.hour() == 9 && now.minute() == 0;
    let mut told = BTreeSet::new();
    for standing in snapshot.standings.iter().filter(|standing| standing.excluded.is_none()) {
        let Some(end) = standing.credential.not_after.filter(|end| now - *end <= TimeDelta::days(30)) else { continue };
        let sole = standing.posture == Posture::Sole;
        let all = thresholds(standing);
        let mut whom: BTreeMap<String, Vec<i64>> =
            owners(&standing.object.object, snapshot).into_iter().map(|owner| (owner, all.clone())).collect();
        if whom.is_empty() {
            whom.insert(OPS.to_owned(), all.clone());
        } else if sole {
            whom.insert(OPS.to_owned(), all.iter().copied().filter(|days| *days <= 7).collect());
        }
        // The digest looks ahead to the next one, but never past the end.
        let sight = if is_slot && now < end { TimeDelta::days(1) - TimeDelta::seconds(1) } else { TimeDelta::zero() };
        for (recipient, windows) in whom {
            let narrowest = windows
                .into_iter()
                .filter(|days| if now >= end { *days == 0 } else { *days > 0 && end - TimeDelta::days(*days) <= now + sight });
            let Some(threshold) = narrowest.min() else { continue };
            let urgent = sole && (end - now <= TimeDelta::days(1) || is_critical(standing, end, now));
            let key = standing.credential.key_id.clone();
            if (is_slot || urgent) && !heard.is_told(&recipient, &key, end, threshold, sole) {
                told.insert((recipient, key, end, threshold));
            }
        }
    }
    told
}

#[tokio::test]
async fn a_quarter_of_the_simulated_tenant_is_told_as_a_naive_computation_predicts() {
    let clock = Arc::new(ManualClock::new(at("2026-11-22T12:00:00Z")));
    let scene = contoso(clock.clone());
    let (directory, watcher, mut life) = (scene.directory, scene.watcher, scene.life);
    let simulated = Tenant::serve(clock.clone(), directory, watcher, |router| router).await;
    let mut rig = Rig::new(simulated, rules()).await;
    let mut heard = Heard::default();
    let (mut seen, mut mails) = (BTreeSet::new(), 0);
    let mut tellings = 0;
    // The first digest, and the first slot, have rules of their own: they are told elsewhere, and taken as they are here.
    let begin = at("2026-11-24T06:00:00Z");
    let mut wrong = Vec::new();
    while clock.now() < at("2027-02-22T12:00:00Z") {
        life.live_until(clock.now());
        let now = clock.now();
        mails += rig.step().await.len();
        let snapshot = rig.snapshot();
        let rows = rig.store.notices(&snapshot.tenant.id).await.unwrap();
        let mut told = BTreeSet::new();
        let mut fresh = Vec::new();
        for row in rows.iter().filter(|row| matches!(row.notice, Notice::Expiring | Notice::Expired)) {
            let identity = (row.mail, row.credential.clone(), row.threshold);
            if seen.insert(identity) {
                let telling =
                    (row.recipient.clone(), row.credential.key_id.clone(), row.not_after.unwrap(), row.threshold / 86_400);
                fresh.push((telling.clone(), row.posture == Posture::Sole));
                told.insert(telling);
            }
        }
        if now >= begin {
            let expected = predicted(&snapshot, &heard, now);
            tellings += told.len();
            wrong.extend(expected.difference(&told).map(|telling| format!("{now} missed {telling:?}")));
            wrong.extend(told.difference(&expected).map(|telling| format!("{now} superfluous {telling:?}")));
        }
        for ((recipient, key, end, threshold), sole) in fresh {
            heard.0.entry((recipient, key, end)).or_default().push((threshold, sole));
        }
        clock.advance(TimeDelta::hours(3));
    }
    let kinds: BTreeSet<CredentialKind> = rig.snapshot().standings.iter().map(|standing| standing.credential.kind).collect();
    println!(
        "a quarter: {} credentials of {} kinds, {mails} mails, {tellings} tellings compared, {} differences",
        rig.snapshot().standings.len(),
        kinds.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tellings > 100, "{tellings}");
}
