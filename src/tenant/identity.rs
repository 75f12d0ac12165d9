//! Which tenant this is: its GUID is the key, and a domain stands for one.

use std::sync::Arc;

use super::Tenant;
use crate::clock::UtcTime;
use crate::graph;
use crate::snapshot::TenantLabel;
use crate::state::PollOutcome;

/// Why it is not known which tenant this is, or why it is not worked on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unidentified {
    #[error(transparent)]
    Graph(#[from] graph::Error),
    #[error(
        "{domain} is a domain of tenant {id}, which is watched as {other:?} already; remove one of the two [[tenant]] entries"
    )]
    Double { domain: String, id: String, other: String },
}

impl Tenant {
    /// A tenant configured by a domain gets its GUID once.
    pub(super) async fn identify(&mut self) -> Result<(), Unidentified> {
        if self.model.is_some() {
            return Ok(());
        }
        let domain = self.domain();
        let known = match &domain {
            Some(domain) => self.shared.store.tenant_of_domain(domain).await.ok().flatten(),
            None => None,
        };
        let id = match known {
            // Resolved when the tenant was first polled.
            Some(id) => id,
            None => self.graph.tenant_guid().await?,
        };
        if let Some(domain) = domain {
            self.refuse_double(domain, &id)?;
        }
        if id != self.label.id {
            self.label = Arc::new(TenantLabel { id, ..(*self.label).clone() });
        }
        Ok(())
    }

    /// Worked on by two tasks, a tenant would be asked and shown twice. By its GUID alone the configuration refuses to name it twice.
    fn refuse_double(&self, domain: String, id: &str) -> Result<(), Unidentified> {
        let all = self.shared.snapshots.all();
        let other = all.iter().enumerate().find(|(index, other)| *index != self.index && other.tenant.id == id);
        other.map_or(Ok(()), |(_, other)| {
            Err(Unidentified::Double { domain, id: id.to_owned(), other: other.tenant.name.clone() })
        })
    }

    /// The domain by which the tenant is configured; `None`: by its GUID.
    pub(super) fn domain(&self) -> Option<String> {
        let written = self.config.tenant_id.trim();
        uuid::Uuid::parse_str(written).is_err().then(|| written.to_lowercase())
    }

    /// Shows why nothing is known of the tenant.
    pub(super) fn publish_unidentified(&self, began: UtcTime, error: &Unidentified) {
        let snapshots = self.shared.snapshots.all();
        let Some(snapshot) = snapshots.get(self.index) else { return };
        let mut snapshot = (**snapshot).clone();
        let polls = &mut snapshot.state.polls;
        polls.watched_since.get_or_insert(began);
        polls.last_attempt = Some(began);
        (polls.outcome, polls.error) = (Some(PollOutcome::Failed), Some(error.to_string()));
        self.shared.snapshots.publish(self.index, snapshot);
    }
}
