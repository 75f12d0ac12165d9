//! One table of the configuration while it is read: which keys it may have, and the tables inside it. Its values: [`super::values`].

use ::config::{Map, Value, ValueKind};

use super::key::{Key, Kind, Need, closest};
use super::problem::Origin;
use super::reading::{Reading, Wrong, wrong};
use super::reference;
use super::values::no_choice;

/// A table with the keys it may have.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) reading: &'a Reading<'a>,
    path: String,
    pub(super) origin: Origin,
    pub(super) keys: &'static [Key],
    entries: Option<&'a Map<String, Value>>,
}

impl<'a> Table<'a> {
    /// The file as a whole.
    pub(super) fn root(reading: &'a Reading<'a>, keys: &'static [Key], tree: &'a Map<String, Value>) -> Self {
        Self::open(reading, String::new(), Origin::Nowhere, keys, Some(tree))
    }

    fn open(
        reading: &'a Reading<'a>,
        path: String,
        origin: Origin,
        keys: &'static [Key],
        entries: Option<&'a Map<String, Value>>,
    ) -> Self {
        let table = Self { reading, path, origin, keys, entries };
        let mut names: Vec<_> = entries.into_iter().flatten().collect();
        names.sort_by_key(|(name, _)| *name);
        for (name, value) in names {
            match keys.iter().find(|key| key.name == *name) {
                None => reading.problem(table.at(name), Origin::of(value), table.unknown(name, value)),
                Some(Key { need: Need::Later(instead), .. }) => {
                    reading.problem(table.at(name), Origin::of(value), wrong("is not supported by this version yet", *instead));
                }
                Some(_) => {}
            }
        }
        table
    }

    fn unknown(&self, name: &str, value: &Value) -> Wrong {
        let what = "there is no such key";
        let spell = |path: &str| match Origin::of(value) {
            Origin::Environment(_) => format!("ENTRAWATCH__{}", path.to_uppercase().replace('.', "__")),
            _ => path.to_owned(),
        };
        let elsewhere: Vec<_> = reference::sections_with(name).collect();
        if let Some(kind) = elsewhere.iter().find(|section| section.heading == self.path).and_then(|section| section.kind) {
            return wrong(what, format!("leave it out: it goes with kind = {kind:?}"));
        }
        if let Some(meant) = closest(name, self.keys.iter().map(|key| key.name)) {
            return wrong(what, format!("did you mean {}?", spell(&self.at(meant))));
        }
        let known: Vec<_> = self.keys.iter().filter(|key| !matches!(key.need, Need::Later(_))).map(|key| key.name).collect();
        let known = known.join(", ");
        match elsewhere.first() {
            Some(section) if self.path.is_empty() => wrong(what, format!("did you mean {name} of {}?", section.heading)),
            Some(section) => wrong(what, format!("did you mean {name} of {}? {} takes {known}", section.heading, self.path)),
            None => wrong(what, format!("leave it out, or write one of {known}")),
        }
    }

    /// The full path of a key.
    pub(super) fn at(&self, name: &str) -> String {
        let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        let name = if bare { name.to_owned() } else { format!("{name:?}") };
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    /// Whether nothing was wrong with this table so far.
    pub(super) fn is_fine(&self) -> bool {
        self.reading.is_fine(&self.path)
    }

    /// Whether the key was written.
    pub(super) fn has(&self, name: &str) -> bool {
        self.written(name).is_some()
    }

    pub(super) fn written(&self, name: &str) -> Option<&'a Value> {
        self.entries?.get(name)
    }

    /// Where a key was written; where it was not, where its table was.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.written(name).map_or_else(|| self.origin.clone(), Origin::of)
    }

    /// Notes a problem with a key.
    pub(super) fn problem(&self, name: &str, wrong: Wrong) {
        self.reading.problem(self.at(name), self.origin(name), wrong);
    }

    /// Notes a doubt about a key.
    pub(super) fn warning(&self, name: &str, wrong: Wrong) {
        self.reading.warning(self.at(name), self.origin(name), wrong);
    }

    /// Notes that a key is missing: at its table, or nowhere, where only the environment speaks of that.
    pub(super) fn missing(&self, name: &str, instead: impl Into<String>) {
        let origin = Some(self.origin.clone()).filter(|origin| matches!(origin, Origin::File { .. })).unwrap_or_default();
        self.reading.problem(self.at(name), origin, wrong("is missing", instead));
    }

    /// A table inside this one; it is as good as empty where it was not written.
    pub(super) fn table(&self, name: &str, keys: &'static [Key]) -> Table<'a> {
        let entries = self.written(name).and_then(|value| match (&value.kind, Origin::of(value)) {
            (ValueKind::Table(entries), _) => Some(entries),
            (_, Origin::Environment(variable)) => {
                self.refuse(name, wrong("is a table, not a single value", format!("write the key too: {variable}__KEY")))
            }
            (kind, _) => self.refuse(name, wrong(format!("is {}", shown(kind)), format!("write a table: {name} = {{ … }}"))),
        });
        Self::open(self.reading, self.at(name), self.origin(name), keys, entries)
    }

    /// The tables of a `[[name]]`.
    pub(super) fn tables(&self, name: &str, keys: &'static [Key]) -> Vec<Table<'a>> {
        let items = match self.written(name).map(|value| &value.kind) {
            None => return Vec::new(),
            Some(ValueKind::Array(items)) => items,
            Some(kind) => {
                let what = if matches!(kind, ValueKind::Table(_)) {
                    format!("is one table, written [{name}]")
                } else {
                    format!("is {}", shown(kind))
                };
                self.problem(name, wrong(what, format!("write [[{name}]], with two brackets, before each entry")));
                return Vec::new();
            }
        };
        let open = |(index, item): (usize, &'a Value)| {
            let path = format!("{}[{index}]", self.at(name));
            match &item.kind {
                ValueKind::Table(entries) => Some(Self::open(self.reading, path, Origin::of(item), keys, Some(entries))),
                kind => {
                    self.reading.problem(
                        path,
                        Origin::of(item),
                        wrong(format!("is {}", shown(kind)), format!("write a table [[{name}]]")),
                    );
                    None
                }
            }
        };
        items.iter().enumerate().filter_map(open).collect()
    }

    /// A table whose `kind` decides which keys it may have; `None` where it was not written, or is of no known kind.
    pub(super) fn variant(&self, name: &str, kinds: &'static [Kind]) -> Option<(&'static str, Table<'a>)> {
        self.variant_of(self.at(name), self.written(name)?, kinds)
    }

    /// The tables of kinds in a table whose keys are names that the user chose.
    pub(super) fn variants(&self, name: &str, kinds: &'static [Kind]) -> Vec<(String, Option<(&'static str, Table<'a>)>)> {
        let entries = self.written(name).and_then(|value| match &value.kind {
            ValueKind::Table(entries) => Some(entries),
            kind => self.refuse(
                name,
                wrong(format!("is {}", shown(kind)), format!("write it as a table, which starts with [{name}.main]")),
            ),
        });
        let mut entries: Vec<_> = entries.into_iter().flatten().collect();
        entries.sort_by_key(|(name, _)| *name);
        let path = self.at(name);
        let open =
            |(name, value): (&'a String, &'a Value)| (name.clone(), self.variant_of(format!("{path}.{name}"), value, kinds));
        entries.into_iter().map(open).collect()
    }

    fn variant_of(&self, path: String, value: &'a Value, kinds: &'static [Kind]) -> Option<(&'static str, Table<'a>)> {
        let refuse = |path: String, origin: Origin, wrong: Wrong| {
            self.reading.problem(path, origin, wrong);
            None
        };
        let names = kinds.iter().map(|kind| kind.name);
        let list = names.clone().map(|name| format!("kind = {name:?}")).collect::<Vec<_>>().join(" or ");
        let origin = Origin::of(value);
        let ValueKind::Table(entries) = &value.kind else {
            return refuse(path, origin, wrong(format!("is {}", shown(&value.kind)), format!("write a table with {list}")));
        };
        let Some(written) = entries.get("kind") else {
            return refuse(format!("{path}.kind"), origin, wrong("is missing", format!("write {list}")));
        };
        let place = Origin::of(written);
        let ValueKind::String(text) = &written.kind else {
            return refuse(format!("{path}.kind"), place, wrong(format!("is {}", shown(&written.kind)), format!("write {list}")));
        };
        match kinds.iter().find(|kind| kind.name == *text) {
            Some(kind) => Some((kind.name, Self::open(self.reading, path, origin, kind.keys, Some(entries)))),
            None => refuse(format!("{path}.kind"), place, no_choice(text, names)),
        }
    }

    /// Notes a problem with a key and returns nothing.
    pub(super) fn refuse<T>(&self, name: &str, wrong: Wrong) -> Option<T> {
        self.problem(name, wrong);
        None
    }

    /// The text that stands there, unchecked.
    pub(super) fn raw_text(&self, name: &str) -> Option<&'a str> {
        match &self.written(name)?.kind {
            ValueKind::String(text) => Some(text.trim()),
            _ => None,
        }
    }
}

/// A value as a message may show it: never a text, which may be a secret in the wrong place.
pub(super) fn shown(kind: &ValueKind) -> String {
    match kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::String(_) => "a text".to_owned(),
        number => format!("the number {number}"),
    }
}
