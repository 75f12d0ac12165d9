//! Small help for writing and reading rows.

use chrono::DateTime;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::str::FromStr;
use uuid::Uuid;

use super::Error;
use super::error::Doing as _;
use crate::clock::UtcTime;

/// Rows of one INSERT. On SQLite the cost of `$N` grows with the square of the parameters of a statement: 30 to 60 rows were
/// fastest (200,000 rows: 1.1 s; row by row 12 s; in chunks of 1,000 8.9 s).
pub(super) const ROWS_A_STATEMENT: usize = 40;

/// `($1, $2, $3), ($1, $4, $5)` for one parameter that all rows share, two columns of their own, and two rows.
pub(super) fn placeholders(shared: usize, own: usize, rows: usize) -> String {
    let row = |row: usize| {
        let numbers = (1..=shared).chain((1..=own).map(|column| shared + row * own + column));
        format!("({})", numbers.map(|number| format!("${number}")).collect::<Vec<_>>().join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Text from outside. PostgreSQL refuses U+0000.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Reads columns by name.
pub(super) trait Columns {
    fn text(&self, column: &'static str) -> Result<String, Error>;
    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, Error>;
    fn number(&self, column: &'static str) -> Result<i64, Error>;
    fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, Error>;

    fn time(&self, column: &'static str) -> Result<UtcTime, Error> {
        instant(self.number(column)?)
    }

    fn time_or_null(&self, column: &'static str) -> Result<Option<UtcTime>, Error> {
        self.number_or_null(column)?.map(instant).transpose()
    }

    fn uuid(&self, column: &'static str) -> Result<Uuid, Error> {
        let text = self.text(column)?;
        Uuid::parse_str(&text).map_err(|_| Error::Damaged(format!("column {column}: \"{text}\" is not a UUID")))
    }

    fn one_of<T: FromStr>(&self, column: &'static str) -> Result<T, Error> {
        parse(column, &self.text(column)?)
    }

    fn one_of_or_null<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, Error> {
        self.text_or_null(column)?.map(|text| parse(column, &text)).transpose()
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &'static str) -> Result<String, Error> {
        self.try_get(column).doing("read a row")
    }

    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, Error> {
        self.try_get(column).doing("read a row")
    }

    fn number(&self, column: &'static str) -> Result<i64, Error> {
        self.try_get(column).doing("read a row")
    }

    fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, Error> {
        self.try_get(column).doing("read a row")
    }
}

fn instant(seconds: i64) -> Result<UtcTime, Error> {
    DateTime::from_timestamp(seconds, 0).ok_or_else(|| Error::Damaged(format!("{seconds} is not an instant")))
}

fn parse<T: FromStr>(column: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::Damaged(format!("column {column}: \"{text}\" is not a value that this version knows")))
}

#[cfg(test)]
mod tests {
    use super::placeholders;

    #[test]
    fn placeholders_number_shared_and_own_columns() {
        assert_eq!(placeholders(1, 2, 2), "($1, $2, $3), ($1, $4, $5)");
        assert_eq!(placeholders(0, 1, 1), "($1)");
    }
}
