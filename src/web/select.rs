//! One page out of many rows, in one walk over them and with memory for one page only.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::filter::Query;
use super::row::{Position, Row, Sort, rows};
use crate::clock::UtcTime;
use crate::config::Config;
use crate::snapshot::Snapshot;

/// A list: what it is made of, and what of that it shows.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) config: Arc<Config>,
    pub(super) tenants: Vec<Arc<Snapshot>>,
    pub(super) query: Query,
    pub(super) as_of: UtcTime,
}

impl Selection {
    /// Every row that the list shows.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let all = self.tenants.iter().flat_map(|tenant| rows(tenant, &self.config.policy.alerts, self.as_of));
        all.filter(|row| self.query.shows(row, self.as_of))
    }

    /// One page of it.
    pub(super) fn page(&self, after: Option<&Position<'_>>, limit: usize) -> Page<'_> {
        page(self.rows(), self.query.sort, after, limit)
    }
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// The rows, in order.
    pub(super) rows: Vec<Row<'a>>,
    /// How many rows the whole list has.
    pub(super) total: usize,
    /// How many of them come before this page.
    pub(super) before: usize,
    /// Where the next page begins after; `None`: this is the last one.
    pub(super) next: Option<Position<'static>>,
    /// Where the page before this one begins after.
    pub(super) previous: Previous,
}

/// Which page comes before a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Previous {
    /// None: it is the first.
    None,
    /// The first one.
    First,
    /// The one that begins after this position.
    After(Position<'static>),
}

/// A row and its place, ordered by the place.
#[derive(Debug)]
struct Placed<'a>(Position<'a>, Option<Row<'a>>);

impl PartialEq for Placed<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Placed<'_> {}

impl PartialOrd for Placed<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Placed<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// The `limit` rows that come first after the position `after`.
fn page<'a>(rows: impl Iterator<Item = Row<'a>>, sort: Sort, after: Option<&Position<'_>>, limit: usize) -> Page<'a> {
    // The smallest after the position: a heap whose top is the largest of them. The largest up to it: the other way round.
    let mut following: BinaryHeap<Placed<'a>> = BinaryHeap::new();
    let mut preceding: BinaryHeap<Reverse<Placed<'a>>> = BinaryHeap::new();
    let (mut total, mut before) = (0, 0);
    for row in rows {
        total += 1;
        let position = row.position(sort);
        if after.is_some_and(|after| position <= *after) {
            before += 1;
            preceding.push(Reverse(Placed(position, None)));
            if preceding.len() > limit + 1 {
                preceding.pop();
            }
        } else if following.len() <= limit || following.peek().is_some_and(|largest| position < largest.0) {
            following.push(Placed(position, Some(row)));
            if following.len() > limit + 1 {
                following.pop();
            }
        }
    }
    let mut placed = following.into_sorted_vec();
    let more = placed.len() > limit;
    placed.truncate(limit);
    let next = placed.last().filter(|_| more).map(|last| last.0.clone().into_owned());
    let previous = match preceding.into_sorted_vec().pop() {
        None => Previous::None,
        Some(Reverse(first)) if before > limit => Previous::After(first.0.into_owned()),
        Some(_) => Previous::First,
    };
    Page { rows: placed.into_iter().filter_map(|placed| placed.1).collect(), total, before, next, previous }
}
