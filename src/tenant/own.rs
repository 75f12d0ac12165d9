//! Watching itself: the application that EntraWatch signs in as is read at start and once a day, and kept in the tenant's state.

use chrono::TimeDelta;

use super::Tenant;
use crate::graph;
use crate::own::{Home, Needs, OwnApplication};

/// How often it is read.
const EVERY: TimeDelta = TimeDelta::days(1);

impl Tenant {
    /// What the configuration needs permissions for.
    pub(super) fn needs(&self) -> Needs {
        let rules = &self.shared.rules;
        let by_domain = rules.routes.iter().any(|route| route.matcher.owner_domain.is_some());
        Needs { owners: rules.recipients.owners || by_domain }
    }

    /// Reads it, where that is due; `None`: it is not, or could not be read, and what was known stands. While a sign-in or a permission is
    /// refused it stays due: what comes next may be another credential, or another consent.
    pub(super) async fn look_at_itself(&mut self, errors: &[&graph::Error]) -> Option<OwnApplication> {
        let now = self.shared.clock.now();
        let is_refused = |error: &&graph::Error| matches!(error, graph::Error::SignIn(_) | graph::Error::Denied { .. });
        let is_refused = errors.iter().any(is_refused);
        if is_refused {
            self.next_own = None;
        }
        // Who did not answer what was asked before does not answer this either.
        let is_away = errors.iter().any(|error| !matches!(error, graph::Error::Denied { .. }));
        if is_away || self.next_own.is_some_and(|next| next.min(now + EVERY) > now) {
            return None;
        }
        match self.graph.own(self.needs()).await {
            Ok(own) => {
                self.next_own = (!is_refused).then_some(now + EVERY);
                let known = self.model.as_ref().and_then(|model| model.state.own.as_ref());
                if known.is_none_or(|known| OwnApplication { read_at: known.read_at, ..own.clone() } != *known) {
                    self.say(&own);
                }
                Some(own)
            }
            Err(error) => {
                tracing::warn!(tenant = %self.label.name, %error, "EntraWatch could not read its own application; the next poll tries again");
                None
            }
        }
    }

    /// Says what is not as it should be: the first time, and when it has changed.
    fn say(&self, own: &OwnApplication) {
        let tenant = &*self.label.name;
        for missing in own.permissions.iter().flat_map(|permissions| &permissions.missing) {
            let (permission, needed_for) = (&missing.permission, &missing.needed_for);
            tracing::warn!(tenant, %permission, %needed_for, "a permission is missing; `entrawatch doctor` says how to grant it");
        }
        for superfluous in own.permissions.iter().flat_map(|permissions| &permissions.superfluous) {
            tracing::warn!(tenant, permission = %superfluous.permission, advice = %superfluous.advice, "a permission is superfluous");
        }
        if let (true, Home::Elsewhere(home)) = (own.is_homeless(), &own.home)
            && !self.is_watched(home.as_deref())
            && !self.is_said_elsewhere(&own.client_id)
        {
            tracing::warn!(
                tenant,
                home = home.as_deref().unwrap_or("unknown"),
                client_id = %own.client_id,
                "EntraWatch's own application is registered in a tenant that it does not watch, so it cannot warn before its own credential \
                 ends; add that tenant as a [[tenant]]"
            );
        }
    }

    /// Whether the task of another tenant has found the same: one application may sign in to hundreds of them.
    fn is_said_elsewhere(&self, client_id: &str) -> bool {
        let same = |own: &OwnApplication| own.is_homeless() && own.client_id == client_id;
        let all = self.shared.snapshots.all();
        all.iter().enumerate().any(|(index, other)| index != self.index && other.state.own.as_ref().is_some_and(same))
    }

    /// Whether the tenant with this GUID is one of ours.
    fn is_watched(&self, home: Option<&str>) -> bool {
        let others = self.shared.snapshots.all();
        others.iter().any(|other| home == Some(&other.tenant.id))
    }
}
