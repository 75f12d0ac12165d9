//! Thresholds cut the time before an end into windows; a credential lies in exactly one.

use chrono::TimeDelta;

/// Thresholds, widest first, without doubles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows(Vec<TimeDelta>);

impl Windows {
    /// Sorts, and drops doubles.
    #[must_use]
    pub fn new(thresholds: impl IntoIterator<Item = TimeDelta>) -> Self {
        let mut list: Vec<_> = thresholds.into_iter().filter(|threshold| *threshold >= TimeDelta::zero()).collect();
        list.sort_unstable_by(|a, b| b.cmp(a));
        list.dedup();
        Self(list)
    }

    /// The widest threshold.
    #[must_use]
    pub fn widest(&self) -> Option<TimeDelta> {
        self.0.first().copied()
    }

    /// The narrowest threshold that `remaining` has crossed: the window it lies in.
    #[must_use]
    pub fn crossed(&self, remaining: TimeDelta) -> Option<TimeDelta> {
        self.0.iter().rev().copied().find(|threshold| remaining <= *threshold)
    }

    /// Those for which `keep` holds.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(TimeDelta) -> bool) -> Self {
        Self(self.0.iter().copied().filter(|threshold| keep(*threshold)).collect())
    }

    /// Widest first.
    pub fn iter(&self) -> impl Iterator<Item = TimeDelta> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
