//! Answers as tables for people, JSON and CSV for machines.

use std::io::{self, ErrorKind, Write as _};

use chrono_tz::Tz;
use clap::ValueEnum;

use crate::clock::UtcTime;
use crate::mail::cell;

/// How a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
}

/// Writes an answer to standard output. A reader that went away (`| head`) has what it wanted.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// An instant in the zone of the digests.
pub fn instant(at: UtcTime, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// Columns of equal width, two spaces apart; the last one is as long as it is. Nothing where there are no rows.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = head.iter().enumerate().map(|(column, name)| name.chars().count().max(width(column))).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Comma-separated values with their head. No cell is one that a spreadsheet takes for a formula.
pub fn csv<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.iter().map(|text| cell(text)))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// JSON on lines, for people too.
pub fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
