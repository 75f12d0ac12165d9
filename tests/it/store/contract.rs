//! What the store promises of tenants, objects and silences. On both databases.

use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::inventory::{ObjectKey, ObjectKind};
use entrawatch::policy::{SilenceScope, TransportKind};
use entrawatch::state::{PollOutcome, TenantState};
use entrawatch::store::{Commit, Error, Settlement, Store};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::mails::waiting_again;
use super::samples::{TENANT, app, commit, load, mail, notice, silence, tracked};
use crate::support::builder::{With as _, application, start};
use crate::support::database::Database;

fn state(error: &str) -> TenantState {
    let mut state = TenantState::default();
    state.polls.error = Some(error.to_owned());
    state.polls.outcome = Some(PollOutcome::Partial);
    state
}

on_both! {
    async fn what_was_committed_is_there_when_it_is_opened_again(database: &Database) {
        let store = database.open().await;
        assert!(store.is_empty().await.unwrap());
        assert_eq!(store.version(TENANT).await.unwrap(), 0);
        let told = mail("a@example.com");
        let objects = [app("app", "Payroll"), app("other", "Billing")];
        let version = commit(&store, Commit {
            state: state("a page was missing"),
            put: objects.to_vec(),
            notices: vec![notice(&told, "key")],
            mails: vec![told.clone()],
            ..Commit::default()
        }).await;
        assert_eq!(version, 1);
        store.close().await;
        drop(store);

        let store = database.open().await;
        assert!(!store.is_empty().await.unwrap());
        let loaded = store.tenant(TENANT, "renamed").await.unwrap();
        assert_eq!((loaded.version, loaded.state), (1, state("a page was missing")));
        let mut found = loaded.objects;
        found.sort_by_key(|tracked| tracked.object.key.clone());
        assert_eq!(found, objects);
        assert_eq!(store.notices(TENANT).await.unwrap(), [notice(&told, "key")]);
        assert_eq!(store.mail_body(told.id).await.unwrap(), Some(told.message));
        assert_eq!(store.mail_body(Uuid::new_v4()).await.unwrap(), None);
    }

    async fn an_object_is_replaced_gone_and_forgotten(database: &Database) {
        let store = database.open().await;
        commit(&store, Commit { put: vec![app("app", "Payroll"), app("other", "Billing")], ..Commit::default() }).await;
        let mut gone = app("app", "Payroll, renamed");
        gone.gone_at = Some(start());
        gone.missing_since = Some(start() - TimeDelta::hours(1));
        // Twice in one commit: the last one stands.
        commit(&store, Commit { put: vec![app("app", "in between"), gone.clone()], ..Commit::default() }).await;
        let objects = load(&store).await.objects;
        assert_eq!(objects.len(), 2);
        assert!(objects.contains(&gone));
        let key = |kind| ObjectKey { kind, id: "app".to_owned() };
        commit(&store, Commit { forget: vec![key(ObjectKind::ServicePrincipal)], ..Commit::default() }).await;
        assert_eq!(load(&store).await.objects.len(), 2, "a service principal with the same id is another object");
        commit(&store, Commit { forget: vec![key(ObjectKind::Application)], ..Commit::default() }).await;
        assert_eq!(load(&store).await.objects, [app("other", "Billing")]);
    }

    async fn a_commit_from_an_old_version_changes_nothing(database: &Database) {
        let (first, second) = (database.open().await, Store::open(&database.url()).await.unwrap());
        let (mine, theirs) = (load(&first).await.version, load(&second).await.version);
        first.commit(TENANT, mine, Commit { put: vec![app("app", "Payroll")], ..Commit::default() }).await.unwrap();
        let told = mail("a@example.com");
        let late = Commit {
            put: vec![app("app", "Stale")], notices: vec![notice(&told, "key")], mails: vec![told], ..Commit::default()
        };
        let error = second.commit(TENANT, theirs, late).await.unwrap_err();
        assert!(matches!(error, Error::Conflict), "{error}");
        assert_eq!(load(&first).await.objects, [app("app", "Payroll")]);
        assert!(first.notices(TENANT).await.unwrap().is_empty());
        assert_eq!(first.waiting().await.unwrap().count, 0);
    }

    async fn of_many_commits_from_one_version_one_stands(database: &Database) {
        let store = database.open().await;
        for round in 0..5 {
            let version = load(&store).await.version;
            let mut commits = JoinSet::new();
            for writer in 0..8 {
                let (store, name) = (store.clone(), format!("{round} {writer}"));
                commits.spawn(async move {
                    store.commit(TENANT, version, Commit { put: vec![app("app", &name)], ..Commit::default() }).await.map(|_| name)
                });
            }
            let results = commits.join_all().await;
            let stood: Vec<&String> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
            assert_eq!(stood.len(), 1, "{results:?}");
            assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Error::Conflict))), "{results:?}");
            let loaded = load(&store).await;
            assert_eq!((loaded.version, &loaded.objects[0].object.display_name), (version + 1, stood[0]));
        }
    }

    async fn hostile_text_comes_back_as_it_was(database: &Database) {
        let store = database.open().await;
        let name = "<script>\"'\\\r\n\u{202e}\u{1} DROP TABLE mail; -- $1 ? %s \u{fffd} 😀".repeat(8);
        let mut hostile = mail("a@example.com");
        hostile.subject.clone_from(&name);
        hostile.message = format!("{name}\u{feff}");
        let object = tracked(application("app", &name).secret(&name, 0.0, 9999.0 * 365.0));
        commit(&store, Commit {
            put: vec![object.clone()], notices: vec![notice(&hostile, &name)], mails: vec![hostile.clone()], ..Commit::default()
        }).await;
        assert_eq!(load(&store).await.objects, [object]);
        assert_eq!(store.notices(TENANT).await.unwrap(), [notice(&hostile, &name)]);
        let page = store.notifications(None, 10).await.unwrap();
        assert_eq!(page.items[0].subject, name);
        assert_eq!(store.mail_body(hostile.id).await.unwrap(), Some(hostile.message));
    }

    async fn the_null_character_is_replaced_and_never_an_error(database: &Database) {
        let store = database.open().await;
        let mut hostile = mail("a@example.com");
        "a\0b".clone_into(&mut hostile.subject);
        let object = tracked(application("app", "a\0b"));
        commit(&store, Commit { put: vec![object.clone()], mails: vec![hostile], ..Commit::default() }).await;
        assert_eq!(load(&store).await.objects, [object], "JSON escapes it");
        assert_eq!(store.notifications(None, 10).await.unwrap().items[0].subject, "a\u{fffd}b");
        waiting_again(&store, Settlement::Retry { at: start(), answer: "451 \0".to_owned(), after_data: false }).await;
        assert_eq!(store.notifications(None, 10).await.unwrap().items[0].answer.as_deref(), Some("451 \u{fffd}"));
    }

    async fn a_large_tenant_is_written_and_read_in_seconds(database: &Database) {
        let store = database.open().await;
        load(&store).await;
        let count = 20_000;
        let objects: Vec<_> = (0..count).map(|n| app(&format!("app-{n:06}"), "Payroll API")).collect();
        let began = Instant::now();
        let version = store.commit(TENANT, 0, Commit { put: objects.clone(), ..Commit::default() }).await.unwrap();
        println!("{count} objects written after {:?}", began.elapsed());
        let loaded = load(&store).await.objects.len();
        println!("{count} objects read after {:?}", began.elapsed());
        assert_eq!(loaded, count);
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
        let renamed = app("app-000007", "renamed");
        store.commit(TENANT, version, Commit { put: vec![renamed.clone()], ..Commit::default() }).await.unwrap();
        let after = load(&store).await.objects;
        assert!(after.contains(&renamed) && after.contains(&objects[8]) && after.len() == count);
    }

    async fn instants_far_away_come_back(database: &Database) {
        let store = database.open().await;
        let told = mail("a@example.com");
        let rows: Vec<_> = [Some("0001-01-01T00:00:00Z"), Some("9999-12-31T23:59:59Z"), None].into_iter().enumerate().map(|(n, at)| {
            let mut row = notice(&told, &n.to_string());
            row.not_after = at.map(|at| at.parse().unwrap());
            row
        }).collect();
        commit(&store, Commit { notices: rows.clone(), ..Commit::default() }).await;
        let mut found = store.notices(TENANT).await.unwrap();
        found.sort_by(|a, b| a.credential.cmp(&b.credential));
        assert_eq!(found, rows);
    }

    async fn tenants_do_not_see_each_other(database: &Database) {
        const OTHER: &str = "22222222-2222-2222-2222-222222222222";
        let store = database.open().await;
        let other = store.tenant(OTHER, "fabrikam").await.unwrap();
        let told = mail("a@example.com");
        commit(&store, Commit {
            put: vec![app("app", "Payroll")], notices: vec![notice(&told, "key")], mails: vec![told.clone()], ..Commit::default()
        }).await;
        assert_eq!(store.version(OTHER).await.unwrap(), other.version);
        assert!(store.tenant(OTHER, "fabrikam").await.unwrap().objects.is_empty());
        assert!(store.notices(OTHER).await.unwrap().is_empty());
        assert!(store.mails(OTHER, start()).await.unwrap().withdrawable.is_empty());
        let theirs = Commit { withdraw: vec![told.id], ..Commit::default() };
        assert!(matches!(store.commit(OTHER, other.version, theirs).await, Err(Error::Conflict)), "not theirs to withdraw");
        assert_eq!(store.waiting().await.unwrap().count, 1);
    }

    async fn a_silence_raises_the_version_of_the_tenants_concerned(database: &Database) {
        const OTHER: &str = "22222222-2222-2222-2222-222222222222";
        let store = database.open().await;
        let beside = Store::open(&database.url()).await.unwrap();
        load(&store).await;
        store.tenant(OTHER, "fabrikam").await.unwrap();
        let versions = async || (store.version(TENANT).await.unwrap(), store.version(OTHER).await.unwrap());
        let until = start() + TimeDelta::days(3);
        let mut everywhere = silence("aa", None, until + TimeDelta::days(1));
        everywhere.scope = SilenceScope::Credential("key".to_owned());
        let mut here = silence("bb", Some(TENANT), until);
        here.scope = SilenceScope::App("app".to_owned());
        beside.add_silence(&everywhere).await.unwrap();
        assert_eq!(versions().await, (1, 1));
        beside.add_silence(&here).await.unwrap();
        assert_eq!(versions().await, (2, 1));
        assert!(beside.add_silence(&here).await.is_err(), "the id is taken");
        assert_eq!(store.silences(start()).await.unwrap(), [here.clone(), everywhere.clone()]);
        assert_eq!(store.silences(until).await.unwrap(), [everywhere], "it ends by itself");
        assert_eq!(beside.remove_silence("cc").await.unwrap(), None);
        assert_eq!(versions().await, (2, 1));
        assert_eq!(beside.remove_silence("bb").await.unwrap(), Some(here));
        assert_eq!(versions().await, (3, 1));
        assert_eq!(store.silences(start()).await.unwrap().len(), 1);
    }

    async fn what_is_old_is_forgotten_and_what_still_counts_is_kept(database: &Database) {
        let store = database.open().await;
        let (sent, dead, waits) = (mail("a@example.com"), mail("b@example.com"), mail("c@example.com"));
        let mut lives_on = notice(&sent, "lives on");
        lives_on.not_after = Some(start() + TimeDelta::days(700));
        let mut endless = notice(&sent, "endless");
        endless.not_after = None;
        commit(&store, Commit {
            notices: vec![notice(&sent, "ended"), lives_on.clone(), endless],
            mails: vec![sent.clone(), dead.clone(), waits.clone()], ..Commit::default()
        }).await;
        store.add_silence(&silence("aa", None, start() + TimeDelta::days(1))).await.unwrap();
        for claimed in store.claim(Uuid::new_v4(), 9, start()).await.unwrap() {
            let settlement = match claimed.recipient.as_str() {
                "a@example.com" => Settlement::Sent { answer: String::new(), transport: TransportKind::Folder },
                "b@example.com" => Settlement::Dead { answer: String::new() },
                _ => Settlement::Released { after_data: false },
            };
            store.settle(&claimed, &settlement, start()).await.unwrap();
        }
        let keep = TimeDelta::days(400);
        assert_eq!(store.prune(start() + TimeDelta::days(399), keep).await.unwrap(), 0);
        let later = start() + TimeDelta::days(500);
        assert_eq!(store.prune(later, keep).await.unwrap(), 0, "nothing was told since: the clock may be wrong");
        let mut recent = mail("d@example.com");
        recent.created_at = later - TimeDelta::days(2);
        commit(&store, Commit { mails: vec![recent], ..Commit::default() }).await;
        assert_eq!(store.prune(later, keep).await.unwrap(), 4);
        assert_eq!(store.notices(TENANT).await.unwrap(), [lives_on]);
        let left: Vec<_> = store.notifications(None, 9).await.unwrap().items.into_iter().map(|item| item.id).collect();
        assert!(!left.contains(&sent.id) && left.contains(&waits.id));
        assert!(left.contains(&dead.id), "nobody has passed its items on yet");
    }
}
