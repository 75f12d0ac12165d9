//! What is refused when the store is opened, and in which words; what a dead process leaves behind.

use entrawatch::store::{Commit, Store};
use secrecy::SecretString;
use uuid::Uuid;

use super::samples::{TENANT, app, commit, load, mail};
use crate::support::builder::start;
use crate::support::database::{Database, Server};

async fn refusal(url: String) -> String {
    Store::open(&SecretString::from(url)).await.expect_err("refused").to_string()
}

async fn a_newer_store_is_refused(database: &Database) {
    database.open().await.close().await;
    database.execute("INSERT INTO entrawatch_schema (version, applied_at) VALUES (999, 0)").await;
    let said = database.refusal().await;
    assert!(said.starts_with("the store was made by a newer version of entrawatch (its tables have version 999"), "{said}");
    assert!(said.ends_with("run that version or a later one"), "{said}");
}

async fn what_belongs_to_something_else_is_refused_untouched(database: &Database) {
    database.execute("CREATE TABLE customers (id BIGINT)").await;
    let said = database.refusal().await;
    assert!(said.contains("belongs to something else: it has a table \"customers\""), "{said}");
    database.execute("DROP TABLE customers").await;
    database.open().await;
}

#[tokio::test]
async fn an_sqlite_store_made_by_a_newer_version_is_refused() {
    a_newer_store_is_refused(&Database::sqlite()).await;
}

#[tokio::test]
async fn a_postgres_store_made_by_a_newer_version_is_refused() {
    let Some(database) = Database::postgres().await else { return };
    a_newer_store_is_refused(&database).await;
}

#[tokio::test]
async fn an_sqlite_file_of_something_else_is_refused_untouched() {
    what_belongs_to_something_else_is_refused_untouched(&Database::sqlite()).await;
}

#[tokio::test]
async fn a_postgres_database_of_something_else_is_refused_untouched() {
    let Some(database) = Database::postgres().await else { return };
    what_belongs_to_something_else_is_refused_untouched(&database).await;
}

#[tokio::test]
async fn a_second_daemon_on_one_sqlite_file_is_refused_by_any_name_of_it() {
    let database = Database::sqlite();
    let running = database.open().await;
    let said = database.refusal().await;
    assert!(said.contains(&format!("another entrawatch (process {}) already runs on", std::process::id())), "{said}");
    assert!(said.contains("stop it first"), "{said}");
    let link = database.path().unwrap().with_file_name("link.db");
    std::os::unix::fs::symlink(database.path().unwrap(), &link).unwrap();
    let url = SecretString::from(format!("sqlite:{}", link.display()));
    assert!(Store::open_exclusive(&url).await.unwrap_err().to_string().contains("already runs"));

    let beside = Store::open(&database.url()).await.unwrap();
    assert_eq!(load(&beside).await.version, 0, "plan, explain and silence work beside it");
    drop(beside);
    assert!(database.refusal().await.contains("already runs"), "and do not take its lock away");
    running.close().await;
    drop(running);
    database.open().await;
}

#[tokio::test]
async fn what_a_dead_process_was_sending_is_sent_again_at_once_and_never_withdrawn() {
    let database = Database::sqlite();
    let store = database.open().await;
    let told = mail("a@example.com");
    commit(&store, Commit { mails: vec![told.clone()], ..Commit::default() }).await;
    let before = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
    drop(store); // Not settled: as if killed.

    let store = database.open().await;
    let record = load(&store).await;
    let withdraw = Commit { withdraw: vec![told.id], ..Commit::default() };
    assert!(store.commit(TENANT, record.version, withdraw).await.is_err());
    let again = store.claim(Uuid::new_v4(), 9, start()).await.unwrap();
    assert_eq!((again[0].id, &again[0].message), (before[0].id, &before[0].message), "the same row with the same Message-ID");
}

#[tokio::test]
async fn an_sqlite_path_that_cannot_be_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| format!("sqlite:{}", folder.path().join(path).display());
    let said = refusal(at("missing/a.db")).await;
    assert!(said.contains("does not exist; make it, writable for the user that entrawatch runs as"), "{said}");

    std::fs::write(folder.path().join("notes.txt"), "not a database, but long enough to look at".repeat(50)).unwrap();
    let said = refusal(at("notes.txt")).await;
    assert!(said.contains("notes.txt is not an SQLite database; name another file in store.url"), "{said}");
    assert!(refusal(at("notes.txt/a.db")).await.contains("name another file in store.url"));

    // Nobody, root included, may make a file there.
    let said = Store::open_exclusive(&SecretString::from("sqlite:/proc/entrawatch.db")).await.unwrap_err().to_string();
    assert!(said.starts_with("the store cannot use /proc/entrawatch.db"), "{said}");
    let said = refusal("sqlite:/proc/entrawatch.db".to_owned()).await;
    assert!(said.starts_with("the store cannot use /proc/entrawatch.db"), "{said}");
}

#[tokio::test]
async fn a_damaged_sqlite_file_is_named() {
    let database = Database::sqlite();
    let store = database.open().await;
    let put = (0..200).map(|n| app(&format!("app-{n}"), "Payroll")).collect();
    commit(&store, Commit { put, ..Commit::default() }).await;
    store.close().await;
    drop(store);
    let path = database.path().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..8192].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let said = database.refusal().await;
    assert!(said.contains("is damaged") && said.contains("put a backup in its place"), "{said}");
}

#[tokio::test]
async fn a_postgres_server_that_refuses_is_told_with_what_to_do() {
    let Some(server) = Server::of_this_run() else { return };
    let good = server.url("postgres");
    let said = refusal(server.url("missing")).await;
    assert!(said.contains("database \"missing\" on 127.0.0.1") && said.contains("CREATE DATABASE makes it"), "{said}");
    let said = refusal(good.replace("p%3A", "x%3A")).await;
    assert!(said.contains("the password is wrong, or the user unknown: correct store.url"), "{said}");
    assert!(!said.contains("x:w") && !said.contains("x%3A"), "the password is not told: {said}");
    let said = refusal("postgres://user:secret@127.0.0.1:1/db".to_owned()).await;
    assert!(said.contains("database \"db\" on 127.0.0.1:1") && said.contains("nothing answers there"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    let said = refusal("postgres://user@no-such-host.invalid/db".to_owned()).await;
    assert!(said.contains("nothing answers there"), "{said}");

    let Some(database) = Database::postgres().await else { return };
    database.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'; REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    let said = refusal(database.plain_url().replace("postgres:p%3Aw%2Fd%40%25@", "reader:reader@")).await;
    assert!(said.contains("the user may not make tables there"), "{said}");
}

#[tokio::test]
async fn two_replicas_that_start_at_once_make_the_tables_once() {
    let Some(database) = Database::postgres().await else { return };
    let stores = futures_util::future::join_all((0..6).map(|_| database.open())).await;
    assert_eq!(load(&stores[5]).await.version, 0);
    let sqlite = Database::sqlite();
    let url = sqlite.url();
    let stores = futures_util::future::join_all((0..6).map(|_| Store::open(&url))).await;
    assert_eq!(load(stores[5].as_ref().unwrap()).await.version, 0);
}

#[tokio::test]
async fn a_store_made_by_an_older_version_is_brought_up_to_date_with_what_it_holds() {
    for database in [Some(Database::sqlite()), Database::postgres().await].into_iter().flatten() {
        database.execute(include_str!("../../../src/store/migrations/0001_first.sql")).await;
        let by_hand = "CREATE TABLE entrawatch_schema (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL); \
                       INSERT INTO entrawatch_schema (version, applied_at) VALUES (1, 0); \
                       INSERT INTO tenant (id, name, version, state) VALUES ('old', 'contoso', 41, '{}');";
        database.execute(by_hand).await;
        let store = database.open().await;
        assert_eq!(store.tenant("old", "contoso").await.unwrap().version, 41);
        store.renew_leases(Uuid::new_v4(), &std::collections::BTreeSet::from(["old".to_owned()])).await.unwrap();
    }
}
