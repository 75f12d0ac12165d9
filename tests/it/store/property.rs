//! Whatever is done to them, both databases hold the same.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::inventory::{ObjectKey, ObjectKind, Severity};
use entrawatch::policy::TransportKind;
use entrawatch::store::{ClaimedMail, Commit, Error, NewMail, Settlement, Store};
use proptest::prelude::*;
use uuid::Uuid;

use super::samples::{TENANT, app, load, mail, notice, silence};
use crate::support::builder::start;
use crate::support::database::Database;

#[derive(Debug, Clone)]
enum Step {
    /// Objects to put and to forget, mails to write with so many notices each, how many waiting ones to withdraw.
    Commit {
        put: Vec<u8>,
        forget: Vec<u8>,
        mails: Vec<(u8, u8)>,
        withdraw: usize,
        stale: bool,
        handle: bool,
    },
    /// Claim so many and settle them, each like this; what is left over stays claimed.
    Deliver {
        limit: i64,
        fates: Vec<u8>,
    },
    /// Everything is closed and opened again, as after a crash.
    Restart,
    Silence {
        id: u8,
        everywhere: bool,
        remove: bool,
    },
    Prune {
        days: i64,
    },
    Pass {
        minutes: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let few = || prop::collection::vec(0_u8..6, 0..4);
    prop_oneof![
        4 => (few(), few(), prop::collection::vec((0_u8..4, 0_u8..4), 0..4), 0..3_usize, prop::bool::weighted(0.1), any::<bool>())
            .prop_map(|(put, forget, mails, withdraw, stale, handle)| Step::Commit { put, forget, mails, withdraw, stale, handle }),
        4 => (0..5_i64, prop::collection::vec(0_u8..8, 0..5)).prop_map(|(limit, fates)| Step::Deliver { limit, fates }),
        1 => Just(Step::Restart),
        1 => (0_u8..3, any::<bool>(), any::<bool>()).prop_map(|(id, everywhere, remove)| Step::Silence { id, everywhere, remove }),
        1 => (0..800_i64).prop_map(|days| Step::Prune { days }),
        2 => (-30..120_i64).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// One of the two databases, and what it was told in the same words as the other.
struct Side<'a> {
    database: &'a Database,
    store: Option<Store>,
    claimed: Vec<ClaimedMail>,
}

impl Side<'_> {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Everything that can be seen, in an order of its own.
    async fn all(&self, now: UtcTime) -> Vec<String> {
        let store = self.store();
        let record = load(store).await;
        let mut lines: Vec<String> = record.objects.iter().map(|object| format!("{object:?}")).collect();
        lines.extend(store.notices(TENANT).await.unwrap().iter().map(|row| format!("{row:?}")));
        lines.sort_unstable();
        lines.push(format!("{} {:?}", record.version, record.state));
        lines.push(format!("{:?}", store.silences(now).await.unwrap()));
        let mut mails = store.mails(TENANT, UtcTime::UNIX_EPOCH).await.unwrap();
        mails.dead.iter_mut().for_each(|mail| mail.notices.sort_by_key(|row| format!("{row:?}")));
        lines.push(format!("{mails:?} {:?}", store.waiting().await.unwrap()));
        lines.push(format!("{:?}", store.notifications(None, 1000).await.unwrap()));
        lines
    }

    async fn restart(&mut self) {
        if let Some(store) = self.store.take() {
            // PostgreSQL knows after a while that a process is dead; this is after a while.
            self.database.execute("UPDATE mail SET claimed_at = 0 WHERE state = 'claimed'").await;
            store.close().await;
        }
        self.claimed.clear();
        self.store = Some(self.database.open().await);
    }
}

fn fate(number: u8, now: UtcTime) -> Option<Settlement> {
    let answer = || format!("answer {number}");
    Some(match number {
        0 => Settlement::Sent { answer: answer(), transport: TransportKind::Smtp },
        1 => Settlement::Retry { at: now + TimeDelta::seconds(5), answer: answer(), after_data: false },
        2 => Settlement::Retry { at: now + TimeDelta::minutes(15), answer: answer(), after_data: true },
        3 => Settlement::Dead { answer: answer() },
        4 => Settlement::Released { after_data: false },
        5 => Settlement::Released { after_data: true },
        6 => Settlement::PutOff { at: now + TimeDelta::minutes(1), answer: answer(), after_data: false },
        _ => return None,
    })
}

/// Ids that are the same on both sides.
fn id(step: usize, number: usize) -> Uuid {
    Uuid::from_u64_pair(step as u64, number as u64)
}

fn mails(step: usize, wanted: &[(u8, u8)], now: UtcTime) -> Vec<(NewMail, u8)> {
    let new = |(number, (to, notices)): (usize, &(u8, u8))| {
        let mut mail = mail(&format!("{to}@example.com"));
        mail.id = id(step, number);
        mail.severity = [Severity::Info, Severity::Warning, Severity::Critical][usize::from(*to) % 3];
        (mail.created_at, mail.first_decided_at, mail.next_attempt_at) = (now, now, now);
        (mail, *notices)
    };
    wanted.iter().enumerate().map(new).collect()
}

/// Does one step; what it said.
async fn perform(side: &mut Side<'_>, number: usize, step: &Step, now: UtcTime) -> String {
    match step {
        Step::Pass { .. } => String::new(),
        Step::Restart => {
            side.restart().await;
            String::new()
        }
        Step::Prune { days } => format!("{:?}", side.store().prune(now, TimeDelta::days(*days)).await.unwrap()),
        Step::Silence { id, everywhere, remove } => {
            let silence = silence(&id.to_string(), (!everywhere).then_some(TENANT), now + TimeDelta::hours(1));
            if *remove {
                format!("{:?}", side.store().remove_silence(&silence.id).await.unwrap())
            } else {
                format!("{:?}", side.store().add_silence(&silence).await.is_ok())
            }
        }
        Step::Deliver { limit, fates } => {
            let claimant = id(number, 999);
            let mut claimed = side.store().claim(claimant, *limit, now).await.unwrap();
            claimed.sort_by_key(|mail| mail.id);
            let said = format!("{claimed:?}");
            side.claimed.extend(claimed);
            let mut left = Vec::new();
            let mut results = Vec::new();
            for (mail, number) in side.claimed.drain(..).zip(fates.iter().copied().chain(std::iter::repeat(7))) {
                match fate(number, now) {
                    Some(settlement) => results.push(side.store.as_ref().unwrap().settle(&mail, &settlement, now).await.unwrap()),
                    None => left.push(mail),
                }
            }
            side.claimed = left;
            format!("{said} {results:?}")
        }
        Step::Commit { put, forget, mails: wanted, withdraw, stale, handle } => {
            let before = side.store().mails(TENANT, start()).await.unwrap();
            let new = mails(number, wanted, now);
            let rows = new.iter().flat_map(|(mail, count)| (0..*count).map(|key| notice(mail, &key.to_string())));
            let change = Commit {
                put: put.iter().map(|n| app(&n.to_string(), &format!("{number}"))).collect(),
                forget: forget.iter().map(|n| ObjectKey { kind: ObjectKind::Application, id: n.to_string() }).collect(),
                withdraw: before.withdrawable.iter().map(|mail| mail.id).take(*withdraw).collect(),
                notices: rows.collect(),
                mails: new.iter().map(|(mail, _)| mail.clone()).collect(),
                handled: before.dead.iter().map(|mail| mail.id).filter(|_| *handle).collect(),
                ..Commit::default()
            };
            let withdrawn: BTreeSet<Uuid> = change.withdraw.iter().copied().collect();
            let version = side.store().version(TENANT).await.unwrap() - i64::from(*stale);
            let result = side.store().commit(TENANT, version, change).await;
            assert_eq!(*stale, matches!(result, Err(Error::Conflict)), "{result:?}");
            if !stale {
                let after = side.store().mails(TENANT, start()).await.unwrap();
                assert!(after.withdrawable.iter().all(|mail| !withdrawn.contains(&mail.id)));
                assert!(side.store().notices(TENANT).await.unwrap().iter().all(|row| !withdrawn.contains(&row.mail)));
            }
            format!("{result:?}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_databases_hold_the_same_whatever_is_done(steps in prop::collection::vec(step(), 1..25)) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(async {
            let Some(postgres) = Database::postgres().await else { return };
            let sqlite = Database::sqlite();
            let mut sides = [
                Side { database: &sqlite, store: None, claimed: Vec::new() },
                Side { database: &postgres, store: None, claimed: Vec::new() },
            ];
            for side in &mut sides {
                side.restart().await;
                load(side.store()).await;
            }
            let mut now = start();
            for (number, step) in steps.iter().enumerate() {
                if let Step::Pass { minutes } = step {
                    now += TimeDelta::minutes(*minutes);
                }
                let [first, second] = &mut sides;
                let said = (perform(first, number, step, now).await, perform(second, number, step, now).await);
                assert_eq!(said.0, said.1, "{step:?}");
                assert_eq!(first.all(now).await, second.all(now).await, "after {step:?}");
            }
        });
    }
}
