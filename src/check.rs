//! One look at every tenant without a store: what ends soon. For monitoring that calls a command instead of scraping metrics.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};

use crate::clock::UtcTime;
use crate::config::{Config, TenantConfig};
use crate::graph::{self, Client, Listed, Listing, Want};
use crate::inventory::{CredentialKind, Inventory, Judging, ObjectKey, ObjectKind, Posture, Standing, absorb, judge, learn};

/// Tenants that are asked at the same time.
const SIDE_BY_SIDE: usize = 8;

/// What counts as soon.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// What ends within this is a warning.
    pub warning: TimeDelta,
    /// What ends within this, or has ended, is critical.
    pub critical: TimeDelta,
}

/// How a credential, or all of them, stand. The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Level {
    /// Nothing ends soon.
    Ok,
    /// Something ends soon.
    Warning,
    /// Something ends very soon, or has ended.
    Critical,
    /// Not everything was seen.
    Unknown,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Answer {
    /// What ends soon, the earliest first.
    pub endings: Vec<Ending>,
    /// How many credentials were looked at.
    pub watched: usize,
    /// Why not everything was seen, in sentences that name the tenant.
    pub unseen: Vec<String>,
    /// Objects that could not be decoded.
    pub undecodable: Vec<String>,
}

/// A credential that ends soon.
#[derive(Debug)]
pub struct Ending {
    /// Name of its tenant.
    pub tenant: String,
    /// The credential and its object.
    pub standing: Standing,
    /// When it ends.
    pub at: UtcTime,
    /// How bad that is.
    pub level: Level,
}

impl Answer {
    /// How everything stands.
    #[must_use]
    pub fn level(&self) -> Level {
        let unseen = (!self.unseen.is_empty()).then_some(Level::Unknown);
        self.endings.iter().map(|ending| ending.level).chain(unseen).max().unwrap_or(Level::Ok)
    }

    /// How many endings are of a level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.endings.iter().filter(|ending| ending.level == level).count()
    }

    fn add(&mut self, other: Self) {
        self.endings.extend(other.endings);
        self.watched += other.watched;
        self.unseen.extend(other.unseen);
        self.undecodable.extend(other.undecodable);
    }
}

/// Lists every tenant once. What a newer credential replaced never counts, nor what is left out, nor what ended longer ago than
/// `alerts.expired_grace`.
pub async fn check(config: &Config, limits: Limits, context: &graph::Context) -> Answer {
    let mut answers =
        stream::iter(&config.tenants).map(|tenant| one(tenant, config, limits, context.clone())).buffer_unordered(SIDE_BY_SIDE);
    let mut whole = Answer::default();
    while let Some(answer) = answers.next().await {
        whole.add(answer);
    }
    whole.endings.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.standing.credential.key_id.cmp(&b.standing.credential.key_id)));
    whole.unseen.sort();
    whole.undecodable.sort();
    whole
}

async fn one(tenant: &TenantConfig, config: &Config, limits: Limits, context: graph::Context) -> Answer {
    let now = context.clock.now();
    let client = Client::new(tenant, context);
    let mut answer = Answer::default();
    let tenant_id = match client.tenant_guid().await {
        Ok(id) => id,
        Err(error) => {
            answer.unseen.push(format!("{}: {error}", tenant.name));
            return answer;
        }
    };
    let nothing = |_: &str| None;
    let (applications, principals) =
        tokio::join!(client.list(ObjectKind::Application, &nothing), client.list(ObjectKind::ServicePrincipal, &nothing));
    let mut inventory = Inventory::default();
    for listing in [applications, principals] {
        answer.take(tenant, listing, &mut inventory, now);
    }
    let rules = &config.policy;
    let judging =
        Judging { tenant: &tenant.name, tenant_id: &tenant_id, watch: &rules.watch, rotation_lead: rules.alerts.rotation_lead };
    let soon = |standing: &Standing| ending(tenant, standing, limits, rules.alerts.expired_grace, now);
    let mut standings = judge(&inventory, judging, now);
    let doubtful: Vec<Standing> = standings.iter().filter(|standing| soon(standing).is_some()).cloned().collect();
    if learn_thumbprints(&client, &mut inventory, &doubtful).await {
        standings = judge(&inventory, judging, now);
    }
    answer.watched = standings.iter().filter(|standing| standing.excluded.is_none()).count();
    answer.endings = standings.iter().filter_map(soon).collect();
    answer
}

impl Answer {
    fn take(&mut self, tenant: &TenantConfig, listing: Listing, inventory: &mut Inventory, now: UtcTime) {
        for listed in listing.objects {
            if let Listed::Changed { hash, object } = listed {
                inventory.put(absorb(None, *object, hash, now));
            }
        }
        self.unseen.extend(listing.error.map(|error| format!("{}: {error}", tenant.name)));
        let named = |(id, why): (Option<String>, String)| {
            format!("{}: {}: {why}", tenant.name, id.as_deref().unwrap_or("an object without id"))
        };
        self.undecodable.extend(listing.undecodable.into_iter().map(named));
    }
}

fn ending(tenant: &TenantConfig, standing: &Standing, limits: Limits, grace: TimeDelta, now: UtcTime) -> Option<Ending> {
    let at = standing.credential.not_after?;
    let left = at - now;
    let counts = standing.excluded.is_none() && standing.posture == Posture::Sole && left > -grace;
    let level = match () {
        () if left <= limits.critical => Level::Critical,
        () if left <= limits.warning => Level::Warning,
        () => return None,
    };
    counts.then(|| Ending { tenant: tenant.name.clone(), standing: standing.clone(), at, level })
}

/// Which of several SAML certificates is in use is told by a thumbprint, which lists leave out. Whether anything was learned.
async fn learn_thumbprints(client: &Client, inventory: &mut Inventory, standings: &[Standing]) -> bool {
    let is_open = |standing: &&Standing| {
        let object = &standing.object.object;
        standing.credential.kind == CredentialKind::SamlSigning
            && object.preferred_thumbprint.is_some()
            && object.keys.iter().any(|key| key.thumbprint.is_none())
    };
    let mut keys: Vec<ObjectKey> = standings.iter().filter(is_open).map(|standing| standing.object.object.key.clone()).collect();
    keys.dedup();
    let wants: Vec<Want> =
        keys.into_iter().map(|key| Want { key, credentials: false, owners: false, thumbprints: true }).collect();
    if wants.is_empty() {
        return false;
    }
    for (key, reading) in client.read(&wants).await {
        if let (Some(tracked), Ok(reading)) = (inventory.get(&key).cloned(), reading) {
            let mut tracked = Arc::unwrap_or_clone(tracked);
            learn(&mut tracked, reading.detail);
            inventory.put(tracked);
        }
    }
    true
}
