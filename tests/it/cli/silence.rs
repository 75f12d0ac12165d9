//! `entrawatch silence`

use std::fmt::Write as _;
use std::process::Output;

use entrawatch::inventory::Tracked;
use entrawatch::store::{Commit, Store};

use super::{code, configured, entrawatch_with, err, out};
use crate::support::builder::{With as _, application};

/// A configuration whose store knows two applications of contoso.
pub fn watched() -> tempfile::TempDir {
    let directory = configured("127.0.0.1:9690");
    let url = format!("sqlite:{}", directory.path().join("entrawatch.db").display()).into();
    let objects = [
        application("0a11", "Payroll\n\u{202e}API").secret("0c11", 0.0, 30_000.0).secret("0c12", 0.0, 20_000.0),
        application("0a22", "Wiki").secret("0c21", 0.0, 30_000.0),
    ];
    let put = |object| Tracked { object, hash: String::new(), missing_since: None, gone_at: None };
    let fill = async {
        let store = Store::open(&url).await.unwrap();
        let record = store.tenant("11111111-2222-3333-4444-555555555555", "contoso").await.unwrap();
        let commit = Commit { state: record.state, put: objects.map(put).into(), ..Commit::default() };
        store.commit("11111111-2222-3333-4444-555555555555", record.version, commit).await.unwrap();
        store.close().await;
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(fill);
    directory
}

fn silence(directory: &tempfile::TempDir, arguments: &[&str]) -> Output {
    let variables = [("ENTRAWATCH_CONFIG", "entrawatch.toml"), ("USER", "alex")];
    entrawatch_with(directory.path(), &[&["silence"], arguments].concat(), &variables)
}

#[test]
fn a_silence_says_what_it_covers_and_what_covers_it_already() {
    let directory = watched();
    let mut told = String::new();
    let mut ids = Vec::new();
    let mut tell = |arguments: &[&str]| {
        let output = silence(&directory, arguments);
        let mut text = out(&output) + &err(&output);
        if let Some(id) = text.strip_prefix("silence ").and_then(|rest| rest.split(' ').next()).filter(|_| arguments[0] == "add")
        {
            ids.push(id.to_owned());
        }
        for (index, id) in ids.iter().enumerate() {
            text = text.replace(id, &format!("SILENCE{index}"));
        }
        let _ = writeln!(told, "$ entrawatch silence {}  -> {}\n{text}", arguments.join(" "), code(&output));
    };
    tell(&["list"]);
    tell(&["add", "--tenant", "contoso", "--credential", "0C11", "--until", "2098-12-24", "--reason", "moving to certificates"]);
    tell(&["add", "--name", "pay*", "--until", "2098-12-24T18:00:00Z", "--reason", "r\ns", "--author", "sam"]);
    tell(&[
        "add",
        "--app",
        "app-0a22",
        "--tenant",
        "11111111-2222-3333-4444-555555555555",
        "--until",
        "2099-01-01",
        "--reason",
        "x",
    ]);
    tell(&["add", "--app", "none", "--until", "2099-01-01", "--reason", "x"]);
    tell(&["add", "--app", "none", "--tenant", "fabrikam", "--until", "2099-01-01", "--reason", "x"]);
    tell(&["add", "--name", "[", "--until", "2099-01-01", "--reason", "x"]);
    tell(&["add", "--app", "none", "--until", "2020-01-01", "--reason", "x"]);
    tell(&["add", "--app", "none", "--until", "Christmas", "--reason", "x"]);
    tell(&["remove", "none"]);
    let list = out(&silence(&directory, &["list"]));
    assert_eq!(list.matches("since").count(), 4, "{list}");
    for id in ids.clone() {
        assert_eq!(code(&silence(&directory, &["remove", &id])), 0);
    }
    assert_eq!(out(&silence(&directory, &["list"])), "there is no silence\n");
    insta::assert_snapshot!(told);
    assert_eq!(
        code(&silence(&directory, &["add", "--app", "a", "--name", "b", "--until", "1d", "--reason", "x"])),
        2,
        "one scope only"
    );
}
