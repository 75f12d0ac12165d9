//! `[store]`: where things are kept.

use std::path::Path;

use secrecy::ExposeSecret;
use url::Url;

use super::StoreConfig;
use super::key::Key;
use super::problem::Origin;
use super::reading::{Reading, Wrong, wrong};
use super::table::Table;

pub(super) const STORE: &[Key] = &[
    Key::new(
        "url",
        "\"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\"",
        "The database. An SQLite file is created if absent; PostgreSQL serves several replicas. The default is in $STATE_DIRECTORY where systemd or the image sets it, else beside the configuration file.",
    )
    .default("\"sqlite:entrawatch.db\""),
    Key::new("url_file", "a path", "A file that holds the URL, where it has a password in it."),
    Key::new("url_env", "a name", "The environment variable that holds the URL."),
    Key::new("keep", "a duration", "How long history is kept: who was told what, and objects that are gone.").default("\"400d\""),
];

pub(super) fn read_store(root: &Table<'_>) -> Option<StoreConfig> {
    let table = root.table("store", STORE);
    let origin = table.origin("url");
    let url = if table.has("url_file") || table.has("url_env") {
        let key = if table.has("url_file") { "url_file" } else { "url_env" };
        let text = table.secret("url")?.read_at_start().ok()?;
        store_url(text.expose_secret(), table.reading, &origin).map_err(|wrong| table.problem(key, wrong)).ok()
    } else {
        table.parse("url", |text| store_url(text, table.reading, &origin))
    };
    let keep = table.duration("keep");
    Some(StoreConfig { url: url?.into(), keep: keep? })
}

/// Checks the URL without repeating it: it may hold a password.
fn store_url(text: &str, reading: &Reading<'_>, origin: &Origin) -> Result<String, Wrong> {
    let form = r#"write "sqlite:entrawatch.db" or "postgres://user@host/database""#;
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(":memory:") {
            let what = "an SQLite database in memory forgets who was told what, and everybody would be told again";
            return Err(wrong(what, r#"write the path of a file: "sqlite:entrawatch.db""#));
        }
        if let Some((file, _)) = path.split_once('?') {
            return Err(wrong("has parameters after the path, which EntraWatch sets itself", format!("write \"sqlite:{file}\"")));
        }
        let full = reading.resolve(path, origin);
        if full.is_dir() {
            return Err(wrong(
                format!("{} is a directory", full.display()),
                format!("write the path of a file in it: \"sqlite:{}\"", Path::new(path).join("entrawatch.db").display()),
            ));
        }
        return Ok(format!("sqlite:{}", full.display()));
    }
    let url = Url::parse(text).map_err(|_| wrong("is not the URL of a database", form))?;
    match url.scheme() {
        "postgres" | "postgresql" if url.path().trim_matches('/').is_empty() => {
            Err(wrong("names no database", "write it as postgres://user@host/database"))
        }
        "postgres" | "postgresql" => Ok(text.to_owned()),
        other => Err(wrong(format!("{other:?} is not a database that EntraWatch knows"), form)),
    }
}
