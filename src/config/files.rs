//! The configuration file and those it includes, as one tree of values that remember where they were written.

use std::path::{Path, PathBuf};

use ::config::{Map, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Origin;
use super::reading::{Reading, Wrong, wrong};
use crate::user;

/// Arrays of tables: those of all files follow one another.
pub(super) const LISTS: [&str; 3] = ["tenant", "ignore", "route"];

/// In one file.
const MOST_SLIPS: usize = 3;

/// What the files say, and which they are.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub tree: Map<String, Value>,
    pub read: Vec<PathBuf>,
    /// Not all of them could be read, so that what is missing may be in there.
    pub partial: bool,
}

/// Reads the main file and its includes.
pub(super) fn read(main: &Path, reading: &Reading<'_>) -> Files {
    let tree = file(main, reading);
    let mut files = Files { partial: tree.is_none(), tree: tree.unwrap_or_default(), read: vec![main.to_owned()] };
    for path in included(main, files.tree.get("include"), reading) {
        let tree = file(&path, reading);
        files.partial |= tree.is_none();
        let mut tree = tree.unwrap_or_default();
        if let Some(value) = tree.remove("include") {
            let instead = format!("move it to {}", main.display());
            reading.problem("include", Origin::of(&value), wrong("works in the main file only", instead));
        }
        append(&mut files.tree, tree, "", reading);
        files.read.push(path);
    }
    files
}

/// A TOML value on its own, as in a default.
pub(super) fn value(toml: &str) -> Option<Value> {
    let parsed = DeValue::parse(toml).ok()?;
    convert(parsed, &|_| Origin::Nowhere).ok()
}

fn file(path: &Path, reading: &Reading<'_>) -> Option<Map<String, Value>> {
    let text = match content(path) {
        Ok(text) => text,
        Err(wrong) => {
            reading.problem("", Origin::file(path), wrong);
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let origin = |offset: usize| Origin::File { path: path.to_owned(), line: line_of(text, offset) };

    let (table, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let mut told = Vec::new();
    for error in &errors {
        let place = error.span().map_or_else(|| Origin::file(path), |span| origin(span.start));
        // What follows a slip is often its consequence.
        if told.len() < MOST_SLIPS && !told.contains(&place) {
            // The error's own display quotes the line, which may hold a secret.
            reading.problem("", place.clone(), wrong(error.message(), remedy(error.message())));
            told.push(place);
        }
    }
    if !errors.is_empty() {
        return None;
    }
    Some(entries(table.into_inner(), &|offset| origin(offset), |key, value, wrong| reading.problem(key, value, wrong)))
}

fn remedy(message: &str) -> &'static str {
    if message.contains("must be quoted") {
        r#"put the text into quotes: "…""#
    } else if message.contains("string") {
        "close the quotes on the same line; a quote or a backslash inside of them is written \\\" or \\\\"
    } else if message.contains("duplicate key") {
        "write the key, or the [table], once"
    } else {
        r#"mend the TOML: key = "text", key = ["a", "b"], key = { a = "b" }, or [table] on a line of its own"#
    }
}

fn content(path: &Path) -> Result<String, Wrong> {
    if path.is_dir() {
        return Err(wrong(
            "is a directory",
            "name the file itself; a container mount of a missing file makes a directory of this name",
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            wrong("there is no such file", "check the path given by --config, ENTRAWATCH_CONFIG or include")
        }
        std::io::ErrorKind::PermissionDenied => wrong("may not be read", format!("let {} read it", user::running())),
        _ => wrong(format!("cannot be read: {error}"), "mend what the operating system says"),
    })?;
    String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 text", "save it as UTF-8"))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The top level. A key that `config` would read as a path of its own is refused here.
fn entries(
    table: DeTable<'_>,
    origin: &dyn Fn(usize) -> Origin,
    mut refuse: impl FnMut(String, Origin, Wrong),
) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in table {
        let place = origin(key.span().start);
        let name = key.into_inner().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            refuse(
                format!("{name:?}"),
                place,
                wrong("is not a key of EntraWatch", "see `entrawatch config example` for every key"),
            );
            continue;
        }
        match convert(value, origin) {
            Ok(value) => {
                map.insert(name, value);
            }
            Err((place, wrong)) => refuse(name, place, wrong),
        }
    }
    map
}

fn convert(value: Spanned<DeValue<'_>>, origin: &dyn Fn(usize) -> Origin) -> Result<Value, (Origin, Wrong)> {
    let place = origin(value.span().start);
    let kind = match value.into_inner() {
        DeValue::String(text) => ValueKind::String(text.into_owned()),
        DeValue::Boolean(flag) => ValueKind::Boolean(flag),
        DeValue::Datetime(time) => ValueKind::String(time.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => ValueKind::I64(number),
            Err(_) => return Err((place, wrong(format!("the number {number} is too large"), "write a smaller one"))),
        },
        DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Array(items) => ValueKind::Array(items.into_iter().map(|item| convert(item, origin)).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let mut map = Map::new();
            for (key, value) in table {
                map.insert(key.into_inner().into_owned(), convert(value, origin)?);
            }
            ValueKind::Table(map)
        }
    };
    Ok(Value::new(place.remembered().as_ref(), kind))
}

/// The files that the patterns of `include` name, in order of their names.
fn included(main: &Path, include: Option<&Value>, reading: &Reading<'_>) -> Vec<PathBuf> {
    let Some(include) = include else { return Vec::new() };
    let form = || wrong("is not a list of file patterns", r#"write include = ["tenants.d/*.toml"]"#);
    let ValueKind::Array(patterns) = &include.kind else {
        reading.problem("include", Origin::of(include), form());
        return Vec::new();
    };
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let mut paths: Vec<PathBuf> = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let (key, origin) = (format!("include[{index}]"), Origin::of(pattern));
        let ValueKind::String(text) = &pattern.kind else {
            reading.problem(key, origin, form());
            continue;
        };
        let full = reading.resolve(text, &origin);
        let found: Vec<_> = match glob::glob_with(&full.to_string_lossy(), options) {
            Ok(found) => found.filter_map(Result::ok).collect(),
            Err(error) => {
                reading.problem(
                    key,
                    origin,
                    wrong(format!("{text:?} is not a file pattern: {}", error.msg), "write it as tenants.d/*.toml"),
                );
                continue;
            }
        };
        if found.is_empty() && text.contains(['*', '?', '[']) {
            reading.warning(
                key,
                origin,
                wrong(format!("no file matches {}", full.display()), "check the pattern, or leave it out"),
            );
        } else if found.is_empty() {
            reading.problem(
                key,
                origin,
                wrong(format!("there is no file {}", full.display()), "check the path, or leave it out"),
            );
        }
        paths.extend(found);
    }
    paths.sort();
    paths.dedup();
    let main = main.canonicalize().ok();
    paths.retain(|path| path.canonicalize().ok() != main);
    paths
}

/// Adds what an included file says. Lists of tables go on; what is set twice is a mistake, because nobody could say which holds.
fn append(into: &mut Map<String, Value>, from: Map<String, Value>, path: &str, reading: &Reading<'_>) {
    for (key, value) in from {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let Some(present) = into.get_mut(&key) else {
            into.insert(key, value);
            continue;
        };
        let origin = Origin::of(&value);
        match (&mut present.kind, value.kind) {
            (ValueKind::Table(present), ValueKind::Table(more)) => append(present, more, &full, reading),
            (ValueKind::Array(present), ValueKind::Array(more)) if LISTS.contains(&full.as_str()) => present.extend(more),
            _ => {
                let earlier = Origin::of(present);
                reading.problem(
                    full,
                    origin,
                    wrong(format!("is already set in {earlier}"), "set it in one of the two files only"),
                );
            }
        }
    }
}
