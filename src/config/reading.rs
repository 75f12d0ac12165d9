//! One reading of a configuration: collects what is wrong while the sections are read, so that nothing hides behind the first mistake.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::{Origin, Problem};

/// What is wrong with a value, before it is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What is wrong.
    pub what: String,
    /// What to write or do instead.
    pub instead: String,
}

/// What is wrong, and what to write or do instead.
pub(super) fn wrong(what: impl Into<String>, instead: impl Into<String>) -> Wrong {
    Wrong { what: what.into(), instead: instead.into() }
}

/// What every section needs while it is read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// For `*_env`.
    pub environment: &'a BTreeMap<String, String>,
    /// What a relative path in a default is relative to: where state belongs, which systemd and the image say, else the directory of
    /// the main file. Empty where there is neither.
    base: PathBuf,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(environment: &'a BTreeMap<String, String>, main: Option<&Path>) -> Self {
        // systemd separates several directories by colons.
        let state = environment.get("STATE_DIRECTORY").and_then(|paths| paths.split(':').next()).filter(|path| !path.is_empty());
        let base = state.map(Path::new).or_else(|| main.and_then(Path::parent)).unwrap_or(Path::new("")).to_owned();
        Self { environment, base, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// Notes a problem: the configuration will be refused.
    pub(super) fn problem(&self, path: impl Into<String>, origin: Origin, wrong: Wrong) {
        self.problems.borrow_mut().push(Problem { path: path.into(), origin, what: wrong.what, instead: wrong.instead });
    }

    /// Notes something doubtful: the configuration is used, and the log says so.
    pub(super) fn warning(&self, path: impl Into<String>, origin: Origin, wrong: Wrong) {
        self.warnings.borrow_mut().push(Problem { path: path.into(), origin, what: wrong.what, instead: wrong.instead });
    }

    /// Whether nothing was wrong so far with a table or what is in it.
    pub(super) fn is_fine(&self, name: &str) -> bool {
        !self.problems.borrow().iter().any(|problem| problem.path.starts_with(name))
    }

    /// The path a relative one means: what stands in a file is relative to that file, a default to the main file, and the environment to
    /// the working directory.
    pub(super) fn resolve(&self, path: &str, origin: &Origin) -> PathBuf {
        match origin {
            Origin::File { path: file, .. } => file.parent().unwrap_or(Path::new("")).join(path),
            Origin::Nowhere => self.base.join(path),
            Origin::Environment(_) => PathBuf::from(path),
        }
    }

    /// Problems and warnings, in the order in which they are written.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        let sorted = |list: RefCell<Vec<Problem>>| {
            let mut list = list.into_inner();
            list.sort_by(|a, b| a.origin.cmp(&b.origin));
            list
        };
        (sorted(self.problems), sorted(self.warnings))
    }
}
