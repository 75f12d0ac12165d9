//! What a delta query says of one object, gathered over all pages of a round.
//!
//! An object may come several times, in any order. Entries that add to each other are put together; entries that contradict each other leave
//! it open which of them is true, for the order says nothing.

use serde_json::{Map, Value};

use super::Undecodable;

/// How an object went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// `changed`: it is among the deleted items and can be restored.
    Deleted,
    /// `deleted`: for good.
    ForGood,
}

/// What one entry, or several put together, say of an object.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::graph) enum Change {
    /// Properties that were sent. What was not sent has not changed.
    Sent(Map<String, Value>),
    /// It is gone.
    Removed(Removed),
    /// Entries contradict each other.
    Unclear,
}

impl Change {
    /// Reads one entry; the id is lower-cased.
    pub fn read(raw: &str) -> Result<(String, Self), Undecodable> {
        let because = |why: &str| Undecodable { id: super::object_id(raw), why: super::printable(why) };
        let id = super::object_id(raw).ok_or_else(|| because("it has no id"))?;
        let mut sent: Map<String, Value> = serde_json::from_str(raw).map_err(|error| because(&error.to_string()))?;
        let change = match sent.remove("@removed") {
            Some(removed) if removed["reason"] == "deleted" => Self::Removed(Removed::ForGood),
            Some(_) => Self::Removed(Removed::Deleted),
            None => {
                // What Graph says about the object, rather than of it.
                sent.retain(|name, _| !name.contains('@'));
                Self::Sent(sent)
            }
        };
        Ok((id, change))
    }

    /// Puts another entry of the same object to it.
    pub fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Sent(mut sent), Self::Sent(more)) => {
                for (name, value) in more {
                    match sent.get(&name) {
                        Some(before) if *before != value => return Self::Unclear,
                        _ => drop(sent.insert(name, value)),
                    }
                }
                Self::Sent(sent)
            }
            // What was deleted and then purged is gone for good, whichever was told first.
            (Self::Removed(one), Self::Removed(other)) if one == other => Self::Removed(one),
            (Self::Removed(_), Self::Removed(_)) => Self::Removed(Removed::ForGood),
            _ => Self::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(raw: &str) -> Change {
        Change::read(raw).unwrap().1
    }

    #[test]
    fn entries_that_add_to_each_other_are_put_together_in_any_order() {
        let (name, secrets) = (r#"{"id":"A","displayName":"x"}"#, r#"{"id":"A","passwordCredentials":[]}"#);
        let both = change(r#"{"id":"A","displayName":"x","passwordCredentials":[]}"#);
        assert_eq!(change(name).add(change(secrets)), both);
        assert_eq!(change(secrets).add(change(name)).add(change(name)), both);
    }

    #[test]
    fn entries_that_contradict_each_other_leave_it_open() {
        let (one, two, gone) =
            (r#"{"id":"A","notes":null}"#, r#"{"id":"A","notes":"x"}"#, r#"{"id":"A","@removed":{"reason":"changed"}}"#);
        for (first, second) in [(one, two), (two, one), (one, gone), (gone, one)] {
            assert_eq!(change(first).add(change(second)), Change::Unclear);
        }
        assert_eq!(change(one).add(change(two)).add(change(two)), Change::Unclear, "and stays so");
    }

    #[test]
    fn what_is_removed_can_be_restored_or_not() {
        let reason = |reason: &str| change(&format!(r#"{{"id":"A","@removed":{{"reason":"{reason}"}}}}"#));
        assert_eq!(reason("changed"), Change::Removed(Removed::Deleted));
        assert_eq!(reason("deleted"), Change::Removed(Removed::ForGood));
        assert_eq!(reason("deleted").add(reason("changed")), Change::Removed(Removed::ForGood));
        assert_eq!(change(r#"{"id":"A","@removed":null}"#), Change::Removed(Removed::Deleted));
    }

    #[test]
    fn an_entry_without_an_id_is_named_as_such() {
        for raw in ["{}", "[]", "null", r#"{"@removed":{"reason":"deleted"}}"#] {
            assert_eq!(Change::read(raw).unwrap_err().why, "it has no id", "{raw}");
        }
    }
}
