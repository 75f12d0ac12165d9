//! Where the store is: what `store.url` may say.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use url::Url;

use super::Error;
use crate::user;

/// Where the store is.
#[derive(Debug)]
pub(super) enum Place {
    /// An absolute path, links resolved: one file has one lock, by whatever name it is reached.
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(Url),
}

impl Place {
    pub(super) fn read(url: &str) -> Result<Self, Error> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite(path.strip_prefix("//").unwrap_or(path)).map(Self::Sqlite);
        }
        match Url::parse(url) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Self::Postgres(url)),
            Ok(url) => Err(Error::Unusable(format!(
                "store.url: \"{}:\" is not a database this program knows; write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
                url.scheme()
            ))),
            Err(error) => Err(Error::Unusable(format!(
                "store.url is not a URL ({error}); write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE, \
                 with @ : / ? # % in a password as %40 %3A %2F %3F %23 %25"
            ))),
        }
    }

    /// As sqlx wants it.
    pub(super) fn url(&self) -> Result<Url, Error> {
        match self {
            Self::Postgres(url) => Ok(url.clone()),
            Self::Sqlite(path) => Url::from_file_path(path)
                .ok()
                .and_then(|url| Url::parse(&format!("sqlite://{}?mode=rwc", url.path())).ok())
                .ok_or_else(|| Error::Unusable(format!("store.url: {} is not a path that can be opened", path.display()))),
        }
    }
}

fn sqlite(text: &str) -> Result<PathBuf, Error> {
    let text = match text.split_once('?') {
        None => text,
        Some((path, "mode=rwc" | "mode=rw")) => path,
        Some((_, parameters)) => {
            return Err(Error::Unusable(format!("store.url: sqlite takes no parameters here; leave out \"?{parameters}\"")));
        }
    };
    if text.is_empty() || text.starts_with(':') {
        return Err(Error::Unusable("store.url: sqlite needs a file, as in sqlite:/var/lib/entrawatch/entrawatch.db".to_owned()));
    }
    let path = std::path::absolute(text).map_err(|error| unusable(Path::new(text), &error))?;
    if path.is_dir() {
        return Err(Error::Unusable(format!(
            "store.url: {} is a directory; name a file in it, as in sqlite:{}",
            path.display(),
            path.join("entrawatch.db").display()
        )));
    }
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::Unusable(format!("store.url: {} is not a path of a file", path.display())));
    };
    let folder = folder.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Unusable(format!(
            "store.url: the directory {} does not exist; make it, writable for the user that entrawatch runs as",
            folder.display()
        )),
        _ => unusable(folder, &error),
    })?;
    Ok(folder.join(name))
}

/// Takes the lock beside an SQLite file, for as long as the returned file stays open. The lock dies with its process.
pub(super) fn lock(database: &Path) -> Result<File, Error> {
    let mut path = database.to_path_buf().into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => {
            let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
            noted.map_err(|error| unusable(&path, &error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = io::read_to_string(&file).unwrap_or_default();
            let holder = if holder.trim().is_empty() { String::new() } else { format!(" (process {})", holder.trim()) };
            Err(Error::Unusable(format!(
                "another entrawatch{holder} already runs on {}; stop it first, or give this one a store.url of its own",
                database.display()
            )))
        }
        Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

/// What the file system said, and what to do.
pub(super) fn unusable(path: &Path, error: &io::Error) -> Error {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => denied(path.parent().unwrap_or(path)),
        io::ErrorKind::ReadOnlyFilesystem => {
            "it is on a file system that is mounted read-only; mount a volume there that may be written, \
             or name another file in store.url"
                .to_owned()
        }
        io::ErrorKind::Unsupported => "its file system cannot lock files; name a file on a local disk in store.url".to_owned(),
        _ => "name another file in store.url".to_owned(),
    };
    Error::Unusable(format!("the store cannot use {} ({error}): {remedy}", path.display()))
}

fn denied(folder: &Path) -> String {
    let owner = user::foreign_owner(folder).map(|owner| format!("{owner}; ")).unwrap_or_default();
    format!("{owner}let {} write to its directory, or name another file in store.url", user::running())
}

#[cfg(test)]
mod tests {
    use super::Place;

    fn problem(url: &str) -> String {
        Place::read(url).expect_err("refused").to_string()
    }

    #[test]
    fn urls_that_cannot_be_a_store_are_refused_with_what_to_write() {
        assert!(problem("mysql://localhost/x").contains("\"mysql:\" is not a database this program knows"));
        assert!(problem("entrawatch.db").contains("write sqlite:PATH"));
        assert!(problem("postgres://user:p:w/d@host/db").contains("%3A"));
        assert!(problem("sqlite::memory:").contains("sqlite needs a file"));
        assert!(problem("sqlite:").contains("sqlite needs a file"));
        assert!(problem("sqlite:a.db?cache=shared").contains("leave out \"?cache=shared\""));
        assert!(problem("sqlite:/").contains("is a directory"));
        assert!(problem("sqlite:/no/such/place/a.db").contains("the directory /no/such/place does not exist"));
    }

    #[test]
    fn a_path_reaches_the_database_as_it_was_written() {
        let folder = std::env::temp_dir().canonicalize().expect("a directory for temporary files");
        let place = Place::read(&format!("sqlite://{}/odd %41 #name.db?mode=rwc", folder.display())).expect("a place");
        let Place::Sqlite(path) = &place else { panic!("{place:?}") };
        assert_eq!(path, &folder.join("odd %41 #name.db"));
        assert!(place.url().expect("a URL").as_str().ends_with("/odd%20%2541%20%23name.db?mode=rwc"));
    }
}
