//! What can be read of a table: each getter returns the checked value, or notes what is wrong and returns nothing.

use std::borrow::Cow;
use std::path::PathBuf;

use ::config::{Value, ValueKind};
use chrono::TimeDelta;
use strum::IntoEnumIterator;

use super::duration;
use super::files;
use super::key::{Need, closest};
use super::problem::Origin;
use super::reading::{Wrong, wrong};
use super::table::{Table, shown};
use crate::secret::SecretSource;
use crate::user;

impl<'a> Table<'a> {
    fn value(&self, name: &str) -> Option<Cow<'a, Value>> {
        if let Some(value) = self.written(name) {
            return Some(Cow::Borrowed(value));
        }
        let key = self.keys.iter().find(|key| key.name == name)?;
        match key.need {
            Need::Default(toml) => files::value(toml).map(Cow::Owned),
            Need::Required => {
                self.missing(name, format!("write {}, {}: {}", key.name, key.form, lower(key.doc)));
                None
            }
            Need::Optional | Need::Later(_) => None,
        }
    }

    /// A text that `read` makes something of.
    pub(super) fn parse<T>(&self, name: &str, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        let value = self.value(name)?;
        let result = text(&value, self.form(name)).and_then(read);
        result.map_err(|wrong| self.problem(name, wrong)).ok()
    }

    fn form(&self, name: &str) -> &'static str {
        self.keys.iter().find(|key| key.name == name).map_or("a text", |key| key.form)
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.parse(name, |text| Ok(text.to_owned()))
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        let flag = match (&value.kind, Origin::of(&value)) {
            (ValueKind::Boolean(flag), _) => Some(*flag),
            (ValueKind::String(text), Origin::Environment(_)) => text.trim().to_lowercase().parse().ok(),
            _ => None,
        };
        if flag.is_none() {
            self.problem(name, wrong(format!("is {}", shown(&value.kind)), bare("true or false", &value)));
        }
        flag
    }

    /// A whole number from 1 on.
    pub(super) fn count(&self, name: &str) -> Option<u32> {
        let value = self.value(name)?;
        let number = match (&value.kind, Origin::of(&value)) {
            (ValueKind::I64(number), _) => u32::try_from(*number).ok(),
            (ValueKind::String(text), Origin::Environment(_)) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| *number > 0);
        if number.is_none() {
            self.problem(name, wrong(format!("is {}", shown(&value.kind)), bare("a whole number from 1 on", &value)));
        }
        number
    }

    /// A duration longer than nothing.
    pub(super) fn duration(&self, name: &str) -> Option<TimeDelta> {
        self.parse(name, |text| match duration::parse(text)? {
            length if length.is_zero() => Err(wrong(format!("{text:?} is no time at all"), "write a longer duration")),
            length => Ok(length),
        })
    }

    /// One of the words of an enumeration.
    pub(super) fn choice<T: IntoEnumIterator + Into<&'static str> + Copy>(&self, name: &str) -> Option<T> {
        self.parse(name, |text| {
            let found = T::iter().find(|choice| Into::<&'static str>::into(*choice).eq_ignore_ascii_case(text));
            found.ok_or_else(|| no_choice(text, T::iter().map(Into::into)))
        })
    }

    /// A list of texts that `read` makes something of. From the environment: with commas.
    pub(super) fn list<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<Vec<T>> {
        let value = self.value(name)?;
        let items: Vec<Value> = match (&value.kind, Origin::of(&value)) {
            (ValueKind::Array(items), _) => items.clone(),
            (ValueKind::String(text), Origin::Environment(variable)) => text
                .split(',')
                .filter(|item| !item.trim().is_empty())
                .map(|item| Value::new(Some(&variable), item.trim()))
                .collect(),
            (kind, _) => {
                self.problem(
                    name,
                    wrong(
                        format!("is {}", shown(kind)),
                        format!("write {}, in brackets and quotes: [\"…\", \"…\"]", self.form(name)),
                    ),
                );
                return None;
            }
        };
        let (mut list, mut whole) = (Vec::new(), true);
        for (index, item) in items.iter().enumerate() {
            match text(item, "a text").and_then(&read) {
                Ok(item) => list.push(item),
                Err(wrong) => {
                    whole = false;
                    self.reading.problem(format!("{}[{index}]", self.at(name)), Origin::of(item), wrong);
                }
            }
        }
        whole.then_some(list)
    }

    /// The texts of a table whose keys are names that the user chose.
    pub(super) fn named_texts(&self, name: &str, form: &str) -> Vec<(String, Result<String, Wrong>)> {
        let entries = self.written(name).and_then(|value| match &value.kind {
            ValueKind::Table(entries) => Some(entries),
            kind => {
                self.refuse(name, wrong(format!("is {}", shown(kind)), format!("write a table: {name} = {{ NAME = \"…\" }}")))
            }
        });
        let mut texts: Vec<_> =
            entries.into_iter().flatten().map(|(name, value)| (name.clone(), text(value, form).map(str::to_owned))).collect();
        texts.sort_by(|a, b| a.0.cmp(&b.0));
        texts
    }

    /// The path of an existing file.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        let origin = self.origin(name);
        self.parse(name, |text| {
            let path = self.reading.resolve(text, &origin);
            match std::fs::metadata(&path) {
                Ok(found) if found.is_dir() => Err(wrong(
                    format!("{} is a directory", path.display()),
                    "write the path of the file in it; a container mount of a missing file makes a directory of this name",
                )),
                Ok(_) => Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(wrong(
                    format!("there is no file {}", path.display()),
                    "create it, or write the right path; a relative one is relative to the file it is written in",
                )),
                Err(error) => {
                    Err(wrong(format!("{} cannot be read: {error}", path.display()), format!("let {} read it", user::running())))
                }
            }
        })
    }

    /// A path that need not exist.
    pub(super) fn new_path(&self, name: &str) -> Option<PathBuf> {
        let origin = self.origin(name);
        self.parse(name, |text| Ok(self.reading.resolve(text, &origin)))
    }

    /// A secret: `name` itself, `name_file` or `name_env`, at most one of them.
    pub(super) fn secret(&self, name: &'static str) -> Option<SecretSource> {
        let (file, variable) = (format!("{name}_file"), format!("{name}_env"));
        let written: Vec<&str> = [name, &file, &variable].into_iter().filter(|key| self.has(key)).collect();
        if let [_, _, ..] = written.as_slice() {
            self.problem(written.last()?, wrong(format!("{} are both written", written.join(" and ")), "keep one of them"));
            return None;
        }
        let (key, secret) = if self.has(&file) {
            (file.as_str(), self.new_path(&file).map(SecretSource::File)?)
        } else if self.has(&variable) {
            (variable.as_str(), self.parse(&variable, |name| self.of_environment(name))?)
        } else {
            (name, self.inline(name)?)
        };
        secret.read_at_start().map_err(|error| self.problem(key, wrong(error.what, error.instead))).ok()?;
        Some(secret)
    }

    fn of_environment(&self, variable: &str) -> Result<SecretSource, Wrong> {
        match self.reading.environment.get(variable).filter(|value| !value.is_empty()) {
            Some(value) => Ok(SecretSource::Env { variable: variable.to_owned(), value: value.clone().into() }),
            None => Err(wrong(format!("the environment variable {variable} is not set"), "set it, or write the name of another")),
        }
    }

    fn inline(&self, name: &str) -> Option<SecretSource> {
        match &self.written(name)?.kind {
            ValueKind::String(secret) if !secret.trim().is_empty() => Some(SecretSource::Inline(secret.trim().to_owned().into())),
            ValueKind::String(_) => {
                self.refuse(name, wrong("is empty", format!("write the secret, or {name}_file = the path of its file")))
            }
            _ => self.refuse(name, wrong("is not a text", "put it into quotes")),
        }
    }
}

/// What is wrong with a word that is none of those allowed.
pub(super) fn no_choice<'w>(text: &str, words: impl Iterator<Item = &'w str> + Clone) -> Wrong {
    let what = format!("{text:?} is not known here");
    if let Some(word) = closest(text, words.clone()) {
        return wrong(what, format!("did you mean {word:?}?"));
    }
    let list = words.map(|word| format!("{word:?}")).collect::<Vec<_>>();
    wrong(what, format!("write {}", list.join(" or ")))
}

/// How to write what is not a text. A variable has no quotes.
fn bare(form: &str, value: &Value) -> String {
    let quotes = if matches!(Origin::of(value), Origin::Environment(_)) { "" } else { ", without quotes" };
    format!("write {form}{quotes}")
}

/// A sentence as the rest of one.
fn lower(sentence: &str) -> String {
    let mut chars = sentence.trim_end_matches('.').chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn text<'v>(value: &'v Value, form: &str) -> Result<&'v str, Wrong> {
    match &value.kind {
        ValueKind::String(text) if text.trim().is_empty() => Err(wrong("is empty", format!("write {form}, or leave it out"))),
        ValueKind::String(text) => Ok(text.trim()),
        kind => Err(wrong(format!("is {}", shown(kind)), format!("write {form}, in quotes"))),
    }
}
