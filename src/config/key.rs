//! What a key of the configuration is called, takes and means, on one line each. The code that reads, the suggestions for a mistyped
//! key, the reference and the test of the example all use these tables.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes, in a word or two.
    pub form: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Whether it must be there, or what holds where it is not.
    pub need: Need,
}

/// Whether a key must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It may be left out; `doc` says what holds then.
    Optional,
    /// It must be there.
    Required,
    /// It may be left out, which means this, in TOML.
    Default(&'static str),
    /// It has its name, but this version refuses it; what to write instead.
    Later(&'static str),
}

impl Key {
    /// A key that may be left out.
    pub const fn new(name: &'static str, form: &'static str, doc: &'static str) -> Self {
        Self { name, form, doc, need: Need::Optional }
    }

    /// It must be there.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// What holds where it is left out, in TOML.
    #[must_use]
    pub const fn default(self, toml: &'static str) -> Self {
        Self { need: Need::Default(toml), ..self }
    }

    /// This version refuses it.
    #[must_use]
    pub const fn later(self, instead: &'static str) -> Self {
        Self { need: Need::Later(instead), ..self }
    }
}

/// A kind that a table may be of, as its `kind` says, with the keys it has then.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// `kind = "…"`
    pub name: &'static str,
    /// Its keys, `kind` too.
    pub keys: &'static [Key],
}

/// A table of the file with its keys.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// As it is written: `[store]`, `[[tenant]]`, `mail.transport`; empty for the top of the file.
    pub heading: &'static str,
    /// The kind of which it has these keys, where it has kinds.
    pub kind: Option<&'static str>,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// The candidate that `written` was probably meant to be.
pub(super) fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let allowed = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&written, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_finds_its_key_and_a_stranger_does_not() {
        let keys = ["thresholds", "rotated_thresholds", "max_lifetime"];
        assert_eq!(closest("treshold", keys), Some("thresholds"));
        assert_eq!(closest("MAX_LIFETIMES", keys), Some("max_lifetime"));
        assert_eq!(closest("colour", keys), None);
    }
}
