//! Lists for spreadsheets.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, and names here are
//! anybody's; such a cell gets an apostrophe in front, as OWASP advises. Everything that matches is written, a block at a time.

use std::borrow::Cow;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::api::Item;
use super::row::Position;
use super::select::Selection;

/// Rows that are gathered at a time.
const BLOCK: usize = 5000;

const COLUMNS: [&str; 16] = [
    "tenant",
    "object_kind",
    "object_id",
    "app_id",
    "app_name",
    "kind",
    "key_id",
    "name",
    "not_before",
    "not_after",
    "state",
    "posture",
    "last_one",
    "severity",
    "notice",
    "reason",
];

/// The whole list, or as much of it as `limit` says.
pub(super) fn answer(list: Selection) -> Response {
    let walk = Walk { after: list.query.after().cloned(), left: list.query.limit.unwrap_or(usize::MAX), begun: false, list };
    let headers =
        [(CONTENT_TYPE, "text/csv; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"entra-credentials.csv\"")];
    (headers, Body::from_stream(stream::iter(walk))).into_response()
}

/// How far the list has been written.
struct Walk {
    list: Selection,
    after: Option<Position<'static>>,
    left: usize,
    begun: bool,
}

impl Iterator for Walk {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let page = self.list.page(self.after.as_ref(), self.left.min(BLOCK));
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut written = if self.begun { Ok(()) } else { writer.write_record(COLUMNS) };
        for row in &page.rows {
            written =
                written.and_then(|()| writer.write_record(Item::of(row).cells().iter().map(|cell| inert(cell).into_owned())));
        }
        self.begun = true;
        self.left = if page.next.is_some() { self.left - page.rows.len() } else { 0 };
        self.after = page.next;
        Some(written.map_err(io::Error::other).and_then(|()| Ok(writer.into_inner().map_err(io::Error::other)?.into())))
    }
}

/// The cell, made harmless.
fn inert(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}
