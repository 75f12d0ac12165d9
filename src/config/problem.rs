//! What is wrong with a configuration, in words that say what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nowhere: a default, or something that is missing.
    #[default]
    Nowhere,
    /// A file; line 0 is the file as a whole.
    File {
        /// Its path, as it was given.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable, by name.
    Environment(String),
}

impl Origin {
    /// The origin that a merged value remembers.
    /// The merging forgets where tables were written; it is where the first of their keys was.
    pub(super) fn of(value: &::config::Value) -> Self {
        let Some(text) = value.origin() else {
            let ::config::ValueKind::Table(entries) = &value.kind else { return Self::Nowhere };
            return entries.values().map(Self::of).filter(|origin| *origin != Self::Nowhere).min().unwrap_or_default();
        };
        let place = text.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
        match place {
            Some((path, line)) => Self::File { path: path.into(), line },
            None => Self::Environment(text.to_owned()),
        }
    }

    /// The form in which a merged value remembers it.
    pub(super) fn remembered(&self) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::File { path, line } => Some(format!("{}:{line}", path.display())),
            Self::Environment(variable) => Some(variable.clone()),
        }
    }

    /// A file as a whole.
    pub(super) fn file(path: &Path) -> Self {
        Self::File { path: path.to_owned(), line: 0 }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
        }
    }
}

/// One thing that is wrong, or, as a warning, doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as in `tenant[1].auth.secret_file`; empty where a file as a whole is meant.
    pub path: String,
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong: a sentence fragment.
    pub what: String,
    /// What to write or do instead: a sentence fragment.
    pub instead: String,
}

/// On one line, as for a log.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.what, self.instead)?;
        if self.origin == Origin::Nowhere { Ok(()) } else { write!(f, " ({})", self.origin) }
    }
}

impl Problem {
    /// On three lines, for people: where, what, what to write.
    pub fn paragraph(&self) -> String {
        let place = self.origin.to_string();
        let gap = if place.is_empty() || self.path.is_empty() { "" } else { "  " };
        format!("  {}{gap}{place}\n      {}\n      {}\n", self.path, self.what, self.instead)
    }
}

/// Everything that keeps a configuration from being used, never only the first thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problems {
    /// Nothing was configured at all.
    Nothing,
    /// At least one.
    Found(Vec<Problem>),
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str(FIRST_STEPS),
            Self::Found(problems) => {
                let count = problems.len();
                let noun = if count == 1 { "problem" } else { "problems" };
                writeln!(f, "the configuration cannot be used: {count} {noun}")?;
                problems.iter().try_for_each(|problem| write!(f, "\n{}", problem.paragraph()))
            }
        }
    }
}

impl std::error::Error for Problems {}

/// What somebody reads who has configured nothing yet.
const FIRST_STEPS: &str = concat!(
    "nothing is configured yet: there is no configuration file, and AZURE_TENANT_ID is not set\n",
    "\n",
    "To see EntraWatch at work first, on a simulated tenant:\n",
    "\n",
    "    entrawatch demo\n",
    "\n",
    "With a file, for instance entrawatch.toml (`entrawatch config example` prints one with every key explained):\n",
    "\n",
    "--------------------------------------------------------------------------------\n",
    include_str!("../../config/minimal.toml"),
    "--------------------------------------------------------------------------------\n",
    "\n",
    "    entrawatch config check --config entrawatch.toml\n",
    "    entrawatch run --config entrawatch.toml\n",
    "\n",
    "With the environment alone, as for a container (metrics and status page; mails need ENTRAWATCH__MAIL__… too):\n",
    "\n",
    "    AZURE_TENANT_ID=…  AZURE_CLIENT_ID=…  AZURE_CLIENT_SECRET=…  entrawatch run\n",
);
