//! What the store promises of mails: which is claimed, told, withdrawn, and by whom. On both databases.

use chrono::TimeDelta;
use entrawatch::policy::TransportKind;
use entrawatch::store::{CLAIM_ENDS_AFTER, Commit, Error, LONGEST_WAIT, MailState, Settlement, Store};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::samples::{TENANT, app, commit, load, mail, notice};
use crate::support::builder::start;
use crate::support::database::Database;

pub async fn waiting_again(store: &Store, attempt: Settlement) {
    let claimed = store.claim(Uuid::new_v4(), 1, start()).await.unwrap();
    assert!(store.settle(&claimed[0], &attempt, start()).await.unwrap());
}

on_both! {
    async fn a_withdrawn_mail_is_gone_with_its_notices_and_leaves_its_history_to_the_next(database: &Database) {
        let store = database.open().await;
        let old = mail("a@example.com");
        let kept = mail("b@example.com");
        commit(&store, Commit {
            notices: vec![notice(&old, "one"), notice(&old, "two"), notice(&kept, "one")],
            mails: vec![old.clone()], ..Commit::default()
        }).await;
        let later = start() + TimeDelta::seconds(5);
        waiting_again(&store, Settlement::Retry { at: later, answer: "451 later".to_owned(), after_data: false }).await;

        let waiting = store.mails(TENANT, start()).await.unwrap().withdrawable;
        assert_eq!((waiting[0].id, waiting[0].attempts, waiting[0].next_attempt_at), (old.id, 1, later));
        let mut fresh = mail("a@example.com");
        fresh.first_decided_at = start() + TimeDelta::hours(2);
        let mut elsewhere = fresh.clone();
        (elsewhere.id, elsewhere.batch) = (Uuid::new_v4(), "app:1".to_owned());
        commit(&store, Commit {
            withdraw: vec![old.id], notices: vec![notice(&fresh, "one")], mails: vec![fresh.clone(), elsewhere.clone()], ..Commit::default()
        }).await;

        let rows = store.notices(TENANT).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows.contains(&notice(&kept, "one")) && rows.contains(&notice(&fresh, "one")));
        let waiting = store.mails(TENANT, start()).await.unwrap().withdrawable;
        let of = |id| waiting.iter().find(|mail| mail.id == id).unwrap();
        assert_eq!(waiting.len(), 2);
        let heir = of(fresh.id);
        assert_eq!((heir.attempts, heir.next_attempt_at, heir.first_decided_at), (1, later, start()));
        assert_eq!((of(elsewhere.id).attempts, of(elsewhere.id).first_decided_at), (0, fresh.first_decided_at), "another series");
    }

    async fn what_is_being_sent_or_may_have_been_taken_cannot_be_withdrawn(database: &Database) {
        let store = database.open().await;
        let told = mail("a@example.com");
        commit(&store, Commit { notices: vec![notice(&told, "key")], mails: vec![told.clone()], ..Commit::default() }).await;
        let withdraw = || Commit { withdraw: vec![told.id], put: vec![app("app", "Payroll")], ..Commit::default() };
        let refused = async || {
            let record = load(&store).await;
            let result = store.commit(TENANT, record.version, withdraw()).await;
            assert!(matches!(result, Err(Error::Conflict)), "{result:?}");
            let after = load(&store).await;
            assert_eq!((after.version, after.objects.len()), (record.version, 0), "nothing of the commit stands");
            assert_eq!(store.notices(TENANT).await.unwrap().len(), 1);
            let mails = store.mails(TENANT, start()).await.unwrap();
            assert_eq!((mails.withdrawable.len(), mails.leaving.len()), (0, 1));
        };

        let claimed = store.claim(Uuid::new_v4(), 10, start()).await.unwrap();
        refused().await;
        // Answered before DATA: it may be withdrawn again (and is not here).
        store.settle(&claimed[0], &Settlement::Released { after_data: false }, start()).await.unwrap();
        assert_eq!(store.mails(TENANT, start()).await.unwrap().withdrawable.len(), 1);
        // Once an attempt may have got as far as DATA, it stays so, whatever later ones were answered.
        waiting_again(&store, Settlement::Retry { at: start(), answer: "timed out".to_owned(), after_data: true }).await;
        refused().await;
        waiting_again(&store, Settlement::Retry { at: start(), answer: "451 later".to_owned(), after_data: false }).await;
        refused().await;
        waiting_again(&store, Settlement::Released { after_data: false }).await;
        refused().await;
    }

    async fn an_accepted_mail_is_told_with_its_transport(database: &Database) {
        let store = database.open().await;
        let mut told = mail("a@example.com");
        told.slot = Some(start());
        commit(&store, Commit { notices: vec![notice(&told, "one"), notice(&told, "two")], mails: vec![told.clone()], ..Commit::default() }).await;
        let later = start() + TimeDelta::minutes(1);
        let claimed = store.claim(Uuid::new_v4(), 10, later).await.unwrap();
        assert_eq!(claimed[0].message, told.message);
        let sent = Settlement::Sent { answer: "250 queued".to_owned(), transport: TransportKind::Smtp };
        assert!(store.settle(&claimed[0], &sent, later).await.unwrap());

        assert!(store.notices(TENANT).await.unwrap().iter().all(|row| row.transport == TransportKind::Smtp));
        let mails = store.mails(TENANT, later).await.unwrap();
        assert_eq!((mails.accepted[0].id, mails.accepted[0].slot, mails.accepted[0].accepted_at), (told.id, told.slot, later));
        assert!(mails.withdrawable.is_empty() && mails.leaving.is_empty());
        assert!(store.mails(TENANT, later + TimeDelta::seconds(1)).await.unwrap().accepted.is_empty());
        let page = store.notifications(None, 1).await.unwrap();
        let row = &page.items[0];
        assert_eq!((row.state, row.settled_at, row.attempts, row.transport), (MailState::Sent, Some(later), 1, Some(TransportKind::Smtp)));
        assert_eq!((row.answer.as_deref(), row.next_attempt_at, page.next), (Some("250 queued"), None, None));
        assert!(store.claim(Uuid::new_v4(), 10, later).await.unwrap().is_empty());
        assert_eq!(store.waiting().await.unwrap().count, 0);
    }

    async fn a_dead_mail_is_told_until_it_is_handled(database: &Database) {
        let store = database.open().await;
        let told = mail("a@example.com");
        commit(&store, Commit { notices: vec![notice(&told, "key")], mails: vec![told.clone()], ..Commit::default() }).await;
        let claimed = store.claim(Uuid::new_v4(), 10, start()).await.unwrap();
        store.settle(&claimed[0], &Settlement::Dead { answer: "550 no such user".to_owned() }, start()).await.unwrap();
        let dead = store.mails(TENANT, start()).await.unwrap().dead;
        assert_eq!((dead[0].id, dead[0].recipient.as_str(), dead[0].answer.as_str()), (told.id, "a@example.com", "550 no such user"));
        assert_eq!(dead[0].notices, [notice(&told, "key")]);
        commit(&store, Commit { handled: vec![told.id], ..Commit::default() }).await;
        assert!(store.mails(TENANT, start()).await.unwrap().dead.is_empty());
        assert_eq!(store.notifications(None, 9).await.unwrap().items[0].state, MailState::Dead);
    }

    async fn of_each_recipient_the_last_mail_given_up_is_known_and_whether_any_arrives_again(database: &Database) {
        let store = database.open().await;
        let at = |minutes: i64| start() + TimeDelta::minutes(minutes);
        let dead = |answer: &str| Settlement::Dead { answer: answer.to_owned() };
        let sent = || Settlement::Sent { answer: "250".to_owned(), transport: TransportKind::Smtp };
        for (minutes, recipient, settlement) in [
            (1, "gone@example.com", dead("550 first")),
            (2, "gone@example.com", dead("550 last")),
            (3, "back@example.com", sent()),
            (4, "back@example.com", dead("552 full")),
            (5, "back@example.com", sent()),
            (6, "once@example.com", sent()),
            (7, "once@example.com", dead("550 now")),
        ] {
            commit(&store, Commit { mails: vec![mail(recipient)], ..Commit::default() }).await;
            let claimed = store.claim(Uuid::new_v4(), 1, at(minutes)).await.unwrap();
            assert!(store.settle(&claimed[0], &settlement, at(minutes)).await.unwrap());
        }
        let known = async |since: i64| {
            let undelivered = store.undelivered(at(since)).await.unwrap();
            undelivered.into_iter().map(|mail| format!("{} {} {}", mail.recipient, mail.answer, mail.recovered)).collect::<Vec<_>>()
        };
        let all = ["once@example.com 550 now false", "back@example.com 552 full true", "gone@example.com 550 last false"];
        assert_eq!(known(0).await, all);
        assert_eq!(known(5).await, all[..1]);
    }

    async fn no_mail_is_ever_claimed_by_two(database: &Database) {
        let store = database.open().await;
        let other = Store::open(&database.url()).await.unwrap();
        let mails: Vec<_> = (0..300).map(|n| mail(&format!("{n}@example.com"))).collect();
        commit(&store, Commit { mails: mails.clone(), ..Commit::default() }).await;
        let mut claimants = JoinSet::new();
        for n in 0..16 {
            let store = if n % 2 == 0 { store.clone() } else { other.clone() };
            claimants.spawn(async move {
                let claimant = Uuid::new_v4();
                let mut mine = Vec::new();
                let mut empty = 0;
                while empty < 3 {
                    let claimed = store.claim(claimant, 7, start()).await.unwrap();
                    assert!(claimed.len() <= 7, "{} claimed", claimed.len());
                    if claimed.is_empty() { empty += 1 } else { empty = 0 }
                    mine.extend(claimed.into_iter().map(|mail| mail.id));
                    tokio::task::yield_now().await;
                }
                mine
            });
        }
        let claimed = claimants.join_all().await;
        assert!(claimed.iter().filter(|mine| !mine.is_empty()).count() > 1, "there was no race");
        let mut claimed: Vec<Uuid> = claimed.into_iter().flatten().collect();
        claimed.sort_unstable();
        let mut all: Vec<Uuid> = mails.iter().map(|mail| mail.id).collect();
        all.sort_unstable();
        assert_eq!(claimed, all);
    }

    async fn only_what_is_due_is_claimed_and_what_is_critical_first(database: &Database) {
        let store = database.open().await;
        let mut mails: Vec<_> = (0..4).map(|n| mail(&format!("{n}@example.com"))).collect();
        mails[1].next_attempt_at = start() + TimeDelta::minutes(5);
        mails[2].severity = entrawatch::inventory::Severity::Critical;
        mails[3].severity = entrawatch::inventory::Severity::Info;
        commit(&store, Commit { mails: mails.clone(), ..Commit::default() }).await;
        let waiting = store.waiting().await.unwrap();
        assert_eq!((waiting.count, waiting.oldest, waiting.next_attempt), (4, Some(start()), Some(start())));
        let one = store.claim(Uuid::new_v4(), 1, start()).await.unwrap();
        assert_eq!(one[0].id, mails[2].id);
        let rest = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
        let mut rest: Vec<_> = rest.iter().map(|mail| mail.recipient.clone()).collect();
        rest.sort_unstable();
        assert_eq!(rest, ["0@example.com", "3@example.com"]);
        assert_eq!(store.waiting().await.unwrap().next_attempt, Some(mails[1].next_attempt_at));
    }

    async fn a_clock_set_back_strands_no_mail(database: &Database) {
        let store = database.open().await;
        let mut ahead = mail("a@example.com");
        // Decided and put off by a clock that was ten years fast.
        ahead.first_decided_at = start() + TimeDelta::days(3650);
        ahead.next_attempt_at = ahead.first_decided_at + LONGEST_WAIT;
        commit(&store, Commit { mails: vec![ahead], ..Commit::default() }).await;
        let claimed = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
        assert_eq!(claimed[0].first_decided_at, start(), "its age counts from now on, not from ten years ahead");
    }

    async fn a_claim_that_nobody_renews_ends_and_counts_as_data(database: &Database) {
        let store = database.open().await;
        let (told, alive) = (mail("a@example.com"), mail("b@example.com"));
        commit(&store, Commit { mails: vec![told.clone()], ..Commit::default() }).await;
        let lost = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
        commit(&store, Commit { mails: vec![alive.clone()], ..Commit::default() }).await;
        let living = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
        let passed = CLAIM_ENDS_AFTER.as_secs() + 2;
        database.execute(&format!("UPDATE mail SET claimed_at = claimed_at - {passed}")).await;
        store.renew_claims(living[0].claimant).await.unwrap();

        let taken = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
        assert_eq!(taken.iter().map(|mail| mail.id).collect::<Vec<_>>(), [told.id], "the renewed one is not free");
        assert_eq!(taken[0].attempts, 1);
        let retry = Settlement::Retry { at: start(), answer: String::new(), after_data: false };
        assert!(!store.settle(&lost[0], &retry, start()).await.unwrap(), "it is not theirs any more");
        assert!(store.settle(&taken[0], &retry, start()).await.unwrap());
        assert!(store.mails(TENANT, start()).await.unwrap().withdrawable.is_empty(), "the dead process may have got as far as DATA");
        // Should it live after all and have been accepted, that is written down, and nobody sends it again.
        let sent = Settlement::Sent { answer: "250".to_owned(), transport: TransportKind::Smtp };
        assert!(!store.settle(&lost[0], &sent, start()).await.unwrap());
        assert_eq!(store.mails(TENANT, start()).await.unwrap().accepted.len(), 1);
        assert!(store.claim(Uuid::new_v4(), 9, start()).await.unwrap().is_empty());
    }

    async fn notifications_come_in_pages_newest_first(database: &Database) {
        let store = database.open().await;
        let mails: Vec<_> = (0..25).map(|n| {
            let mut one = mail("a@example.com");
            one.created_at = start() + TimeDelta::minutes(n / 3);
            one
        }).collect();
        commit(&store, Commit { mails: mails.clone(), ..Commit::default() }).await;
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.notifications(cursor.as_deref(), 10).await.unwrap();
            assert!(page.items.len() <= 10);
            found.extend(page.items.into_iter().map(|item| (item.created_at, item.id)));
            cursor = page.next;
            if cursor.is_none() { break; }
        }
        let mut expected: Vec<_> = mails.iter().map(|mail| (mail.created_at, mail.id)).collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(found, expected);
        for cursor in ["", "x", "1", "1.x", "'; DROP TABLE mail"] {
            assert!(matches!(store.notifications(Some(cursor), 10).await, Err(Error::Cursor)), "{cursor}");
        }
    }
}
