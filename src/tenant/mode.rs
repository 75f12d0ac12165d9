//! Whether the next poll asks for changes only, lists everything, or both. Pure.

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::config::{DeltaMode, TenantConfig};
use crate::inventory::ObjectKind;
use crate::state::{DeltaLink, DeltaOff, DeltaOffWhy, PollOutcome, TenantState};

/// With `auto`, a listing of more requests than this is dear.
const DEAR: u32 = 20;

/// Graph keeps the state behind a link for seven days.
const LINK_LIVES: TimeDelta = TimeDelta::days(7);

/// A tenant that refused delta queries is asked again after this long.
const ASK_AGAIN_AFTER: TimeDelta = TimeDelta::days(7);

/// How a tenant is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Ask for changes, where there are links to begin at.
    pub follows: bool,
    /// List everything.
    pub lists: bool,
    /// Take links for later rounds with the listing.
    pub starts: bool,
}

/// How the next poll is made.
pub(super) fn plan(config: &TenantConfig, state: &TenantState, now: UtcTime) -> Plan {
    let (delta, polls) = (&state.delta, &state.polls);
    let is_off = match &delta.off {
        None => false,
        Some(DeltaOff { why: DeltaOffWhy::Missed(_), .. }) => true,
        Some(DeltaOff { why: DeltaOffWhy::Refused, since }) => now - *since < ASK_AGAIN_AFTER,
    };
    let is_wanted = match config.delta.mode {
        DeltaMode::Never => false,
        DeltaMode::Always => true,
        // Not known yet: a link costs one request, and is thrown away where the listing turns out to be cheap.
        DeltaMode::Auto => polls.full_requests.is_none_or(|requests| requests > DEAR),
    };
    let starts = is_wanted && !is_off;
    let lives = |link: &DeltaLink| link.taken_at <= now && now - link.taken_at < LINK_LIVES;
    let follows = starts && KINDS.iter().all(|kind| delta.links.get(kind).is_some_and(lives));
    let within = |at: Option<UtcTime>, limit: TimeDelta| at.is_some_and(|at| at <= now && now - at < limit);
    // Rounds that keep failing must not blind the watcher where a listing would succeed.
    let is_well = within(polls.last_complete, config.blind_after / 2) || polls.outcome == Some(PollOutcome::Complete);
    let is_fresh = within(polls.last_full, config.delta.full_every);
    Plan { follows, lists: !(follows && is_fresh && is_well), starts }
}

/// Whether asking for changes pays where a listing needs so many requests.
pub(super) fn is_dear(config: &TenantConfig, requests: u32) -> bool {
    config.delta.mode != DeltaMode::Auto || requests > DEAR
}

/// Both collections.
pub(super) const KINDS: [ObjectKind; 2] = [ObjectKind::Application, ObjectKind::ServicePrincipal];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AuthConfig, Cloud, DeltaConfig};
    use crate::inventory::ObjectKey;
    use crate::secret::SecretSource;
    use crate::state::{DeltaState, PollState};

    fn now() -> UtcTime {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn config(mode: DeltaMode) -> TenantConfig {
        let url = |text: &str| url::Url::parse(text).unwrap();
        TenantConfig {
            name: "contoso".into(),
            tenant_id: "contoso.example".into(),
            client_id: "x".into(),
            cloud: Cloud::Global,
            auth: AuthConfig::Secret(SecretSource::Inline("s".into())),
            login_url: url("https://login.microsoftonline.com"),
            graph_url: url("https://graph.microsoft.com"),
            portal_url: url("https://entra.microsoft.com"),
            poll_interval: TimeDelta::minutes(15),
            blind_after: TimeDelta::hours(2),
            delta: DeltaConfig { mode, full_every: TimeDelta::hours(6) },
            recipients: None,
        }
    }

    /// A tenant whose listing of so many requests, and whose last round, were so long ago.
    fn state(requests: u32, listed: TimeDelta, polled: TimeDelta) -> TenantState {
        let link = || DeltaLink { url: "https://graph.microsoft.com/x".into(), taken_at: now() - polled };
        TenantState {
            polls: PollState {
                last_full: Some(now() - listed),
                last_complete: Some(now() - polled),
                full_requests: Some(requests),
                outcome: Some(PollOutcome::Complete),
                ..PollState::default()
            },
            delta: DeltaState { links: KINDS.into_iter().map(|kind| (kind, link())).collect(), ..DeltaState::default() },
            ..TenantState::default()
        }
    }

    const ROUND: Plan = Plan { follows: true, lists: false, starts: true };
    const ROUND_AND_LISTING: Plan = Plan { follows: true, lists: true, starts: true };
    const LISTING_WITH_LINKS: Plan = Plan { follows: false, lists: true, starts: true };
    const LISTING: Plan = Plan { follows: false, lists: true, starts: false };

    #[test]
    fn rounds_are_for_tenants_in_which_a_listing_is_dear_and_for_who_asks_for_them() {
        let (hour, quarter) = (TimeDelta::hours(1), TimeDelta::minutes(15));
        for (mode, requests, expected) in [
            (DeltaMode::Auto, 20, LISTING),
            (DeltaMode::Auto, 21, ROUND),
            (DeltaMode::Always, 2, ROUND),
            (DeltaMode::Never, 200, LISTING),
        ] {
            assert_eq!(plan(&config(mode), &state(requests, hour, quarter), now()), expected, "{mode} {requests}");
        }
        let unknown = plan(&config(DeltaMode::Auto), &TenantState::default(), now());
        assert_eq!(unknown, LISTING_WITH_LINKS, "a link is taken before it is known what a listing costs");
    }

    #[test]
    fn everything_is_listed_from_time_to_time_after_a_week_and_when_the_clock_stands_wrong() {
        let config = config(DeltaMode::Always);
        let plan = |listed: TimeDelta, polled: TimeDelta| plan(&config, &state(2, listed, polled), now());
        let minutes = TimeDelta::minutes;
        assert_eq!(plan(minutes(359), minutes(15)), ROUND);
        assert_eq!(plan(minutes(360), minutes(15)), ROUND_AND_LISTING);
        assert_eq!(plan(TimeDelta::days(7), TimeDelta::days(7)), LISTING_WITH_LINKS, "Graph has forgotten the link");
        assert_eq!(plan(minutes(-5), minutes(15)), ROUND_AND_LISTING, "a clock that was set back");
        assert_eq!(plan(minutes(30), minutes(-5)), LISTING_WITH_LINKS);
    }

    #[test]
    fn a_tenant_that_refused_is_asked_again_after_a_week_and_one_that_missed_is_not() {
        let with = |why: DeltaOffWhy, ago: TimeDelta| {
            let off = Some(DeltaOff { since: now() - ago, why });
            let state = state(2, TimeDelta::hours(1), TimeDelta::minutes(15));
            let state = TenantState { delta: DeltaState { off, ..DeltaState::default() }, ..state };
            plan(&config(DeltaMode::Always), &state, now())
        };
        let missed = || DeltaOffWhy::Missed(ObjectKey { kind: ObjectKind::Application, id: "a".into() });
        assert_eq!(with(DeltaOffWhy::Refused, TimeDelta::days(6)), LISTING);
        assert_eq!(with(DeltaOffWhy::Refused, TimeDelta::days(7)), LISTING_WITH_LINKS);
        assert_eq!(with(missed(), TimeDelta::days(365)), LISTING);
    }
}
