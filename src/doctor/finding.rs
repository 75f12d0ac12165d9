//! One thing that was looked at.

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub verdict: Verdict,
    /// What was looked at, in a word or two.
    pub about: &'static str,
    /// What was found.
    pub what: String,
    /// What to change, where `what` does not say it already.
    pub change: Option<String>,
    /// The command that does it.
    pub command: Option<String>,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Advice,
    /// EntraWatch does not work with it.
    Wrong,
    /// It could not be looked at, because of something above.
    Skipped,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Advice => "better",
            Self::Wrong => "WRONG",
            Self::Skipped => "skipped",
        })
    }
}

impl Finding {
    fn new(verdict: Verdict, about: &'static str, what: impl Into<String>) -> Self {
        Self { verdict, about, what: what.into(), change: None, command: None }
    }

    pub(super) fn ok(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, about, what)
    }

    pub(super) fn advice(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(Verdict::Advice, about, what)
    }

    pub(super) fn wrong(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(Verdict::Wrong, about, what)
    }

    pub(super) fn skipped(about: &'static str, what: impl Into<String>) -> Self {
        Self::new(Verdict::Skipped, about, what)
    }

    /// What to change.
    pub(super) fn change(self, change: impl Into<String>) -> Self {
        Self { change: Some(change.into()), ..self }
    }

    /// The command that does it.
    pub(super) fn command(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }
}
