//! What the web pages and the metrics read: one immutable snapshot a tenant, swapped as a whole after each commit.

use std::sync::Arc;

use arc_swap::ArcSwap;
use url::Url;

use crate::clock::UtcTime;
use crate::config::{Cloud, TenantConfig};
use crate::inventory::{Inventory, Standing};
use crate::policy::{Decision, Silence};
use crate::state::TenantState;

/// How a tenant is called and where its portal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantLabel {
    /// The GUID: the key. Until it is known (a domain was configured and never resolved) the domain.
    pub id: String,
    /// The configured name: a label.
    pub name: String,
    /// Which cloud.
    pub cloud: Cloud,
    /// Base of portal links.
    pub portal: Url,
}

/// One tenant as of the last commit.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The tenant.
    pub tenant: Arc<TenantLabel>,
    /// The stored version this shows; 0: nothing was loaded yet.
    pub version: i64,
    /// Polls and digests.
    pub state: TenantState,
    /// Whether this process polls the tenant and mails about it; else another one does, and this one shows what that keeps.
    pub is_on_duty: bool,
    /// When the next poll is due.
    pub next_poll: Option<UtcTime>,
    /// Without a complete poll for this long the tenant counts as unseen.
    pub blind_after: chrono::TimeDelta,
    /// Every object.
    pub inventory: Inventory,
    /// Every credential of every living object, excluded ones too, most urgent (earliest end) first.
    pub standings: Arc<[Standing]>,
    /// One decision for each of `standings`, in the same order.
    pub decisions: Arc<[Decision]>,
    /// Silences that have not ended.
    pub silences: Arc<[Silence]>,
}

/// The snapshots of all tenants, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Snapshots(Arc<[ArcSwap<Snapshot>]>);

impl TenantLabel {
    /// As configured; a domain becomes a GUID when the tenant is identified.
    #[must_use]
    pub fn of(config: &TenantConfig) -> Self {
        Self {
            id: config.tenant_id.to_lowercase(),
            name: config.name.clone(),
            cloud: config.cloud,
            portal: config.portal_url.clone(),
        }
    }
}

impl Snapshot {
    /// A tenant of which nothing is known yet.
    #[must_use]
    pub fn unseen(tenant: TenantLabel, blind_after: chrono::TimeDelta) -> Self {
        Self {
            tenant: Arc::new(tenant),
            version: 0,
            state: TenantState::default(),
            is_on_duty: false,
            next_poll: None,
            blind_after,
            inventory: Inventory::default(),
            standings: Arc::new([]),
            decisions: Arc::new([]),
            silences: Arc::new([]),
        }
    }
}

impl Snapshots {
    /// One place a tenant.
    #[must_use]
    pub fn new(initial: impl IntoIterator<Item = Snapshot>) -> Self {
        Self(initial.into_iter().map(ArcSwap::from_pointee).collect())
    }

    /// Puts a tenant's new snapshot in place of the old one.
    pub fn publish(&self, index: usize, snapshot: Snapshot) {
        self.0[index].store(Arc::new(snapshot));
    }

    /// The snapshots as they are now.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Snapshot>> {
        self.0.iter().map(ArcSwap::load_full).collect()
    }
}
