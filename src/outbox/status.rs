//! How delivery goes, for health, page and metrics.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::UtcTime;

/// A shared, always readable view of the delivery task.
#[derive(Debug, Clone, Default)]
pub struct DeliveryStatus(Arc<ArcSwap<DeliveryState>>);

/// How delivery goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryState {
    /// Whether there is a `[mail]` at all.
    pub configured: bool,
    /// When a mail was last accepted.
    pub last_accepted: Option<UtcTime>,
    /// Since when attempts have failed without one being accepted in between.
    pub failing_since: Option<UtcTime>,
    /// What the last failed attempt was answered.
    pub last_error: Option<String>,
    /// Why nothing will be accepted until somebody mends the set-up: the sign-in is refused, TLS is missing.
    pub misconfigured: Option<String>,
    /// Mails that wait or are being sent.
    pub pending: i64,
    /// The first decision of the oldest of them.
    pub oldest: Option<UtcTime>,
}

impl DeliveryStatus {
    /// The state as of now.
    #[must_use]
    pub fn get(&self) -> Arc<DeliveryState> {
        self.0.load_full()
    }

    /// Changes the state.
    pub fn update(&self, change: impl Fn(&mut DeliveryState)) {
        self.0.rcu(|state| {
            let mut next = DeliveryState::clone(state);
            change(&mut next);
            next
        });
    }
}
