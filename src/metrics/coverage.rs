//! Until when an object's credentials cover the time without a gap.

use crate::clock::UtcTime;
use crate::inventory::{Posture, Standing};

/// Until when something is valid at every instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// Nothing has begun yet, or nothing counts.
    None,
    /// Until then; in the past where nothing is valid now.
    Until(UtcTime),
    /// For ever.
    Endless,
}

/// Until when an object is covered.
///
/// What counts is what the application signs in with; where it has nothing of that, the SAML certificate in use.
pub(super) fn end_of_coverage(standings: &[&Standing], now: UtcTime) -> Coverage {
    let watched = || standings.iter().filter(|standing| standing.excluded.is_none());
    let mut counted: Vec<_> = watched().filter(|standing| standing.credential.kind.is_sign_in()).collect();
    if counted.is_empty() {
        counted = watched().filter(|standing| standing.saml.is_some() && standing.posture != Posture::Inactive).collect();
    }
    let mut spans: Vec<_> =
        counted.into_iter().map(|standing| (standing.credential.not_before, standing.credential.not_after)).collect();
    spans.sort_unstable_by_key(|(start, _)| *start);

    let mut reach: Option<UtcTime> = None;
    for (start, end) in &spans {
        if start.is_some_and(|start| start > reach.unwrap_or(now).max(now)) {
            break;
        }
        match end {
            None => return Coverage::Endless,
            Some(end) => reach = reach.max(Some(*end)),
        }
    }
    reach.map_or(Coverage::None, Coverage::Until)
}
