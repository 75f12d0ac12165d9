//! Every word that a mail shows, in English. A second language is a second folder like this one; nothing outside it (templates
//! included) holds a sentence.
//!
//! Names from the directory go into these sentences only after [`super::text::clean`], through the functions of [`item`].

pub mod baseline;
pub mod digest;
pub mod guide;
pub mod item;
pub mod report;
pub mod time;
pub mod trial;
pub mod watcher;

/// The language, for screen readers.
pub const LANGUAGE: &str = "en";

/// Begin and end of literal text (a command, a key of the configuration) inside a sentence. Control characters, because cleaned
/// directory text cannot contain them.
pub const MARKS: (char, char) = ('\u{1}', '\u{2}');

/// Begin and end of a name that the reader will find on the screen.
pub const NAMES: (char, char) = ('\u{3}', '\u{4}');

/// Marks literal text inside a sentence.
#[must_use]
pub fn code(literal: &str) -> String {
    format!("{}{literal}{}", MARKS.0, MARKS.1)
}

/// A sentence without marks, for plain text.
#[must_use]
pub fn unmarked(sentence: &str) -> String {
    sentence.replace([MARKS.0, MARKS.1], "").replace(NAMES.0, "“").replace(NAMES.1, "”")
}

/// `1 day`, `2 days`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}
