//! `foresee`: who would be told what, now and at the next slot. Decides as the daemon does, sends nothing, records nothing.

use uuid::Uuid;

use super::evaluate::Memory;
use super::survey::apply;
use super::tell::notices;
use super::{Model, Tenant};
use crate::clock::UtcTime;
use crate::inventory::Inventory;
use crate::outbox::digest::{Item, Planned};
use crate::policy::{Slots, TransportKind};
use crate::state::TenantState;

/// What would be told to one recipient about one credential.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// Now, or at the next slot.
    pub at: UtcTime,
    /// To whom.
    pub recipient: String,
    /// What, and why to them.
    pub item: Item,
    /// The threshold that is crossed, in seconds before the end.
    pub threshold: i64,
}

/// What would be told of a tenant.
#[derive(Debug, Clone)]
pub struct Foresight {
    /// The stored state that was decided from is as of then; `None`: nothing is stored, the tenant was asked just now.
    pub as_of: Option<UtcTime>,
    /// Why the tenant could not be seen completely.
    pub problem: Option<String>,
    /// The first digest of the tenant is still owed: fallback is told of everything due.
    pub is_first: bool,
    /// When the next slot is.
    pub slot: Option<UtcTime>,
    /// Earliest first.
    pub told: Vec<Foreseen>,
    /// When the next report is sent, and to whom.
    pub report: Option<(UtcTime, Vec<String>)>,
}

impl Tenant {
    /// Who would be told what, now and at the next slot. A tenant that no daemon has stored yet is read once, in memory.
    ///
    /// # Errors
    /// When the store or, for a tenant that is not stored, Graph does not answer.
    pub async fn foresee(&mut self) -> anyhow::Result<Foresight> {
        self.identify().await?;
        let now = self.shared.clock.now();
        if self.shared.store.version(&self.label.id).await? == 0 {
            let empty = Model { version: 0, state: TenantState::default(), inventory: Inventory::default() };
            self.model = Some(empty);
            self.read_into_memory(now).await;
        } else {
            self.load().await?;
        }
        let Some(model) = &self.model else { anyhow::bail!("the tenant {} could not be loaded", self.label.name) };
        let memory = self.remember(model, now).await?;
        let decided = self.decide(model, &memory, now).await;
        let planned = self.plan(model, &decided, now);
        let mut told = foreseen(&planned, now);

        let slot = Slots::of(&self.shared.rules.digest).next(now);
        if let Some(slot) = slot {
            let later = after(&memory, &planned, now);
            let state =
                TenantState { baseline: decided.evaluation.baseline, slots: decided.evaluation.slots, ..model.state.clone() };
            let then = Model { version: model.version, state, inventory: decided.inventory };
            told.extend(foreseen(&self.plan(&then, &self.decide(&then, &later, slot).await, slot), slot));
        }
        Ok(Foresight {
            as_of: (model.version > 0).then_some(model.state.polls.last_complete).flatten(),
            problem: model.state.polls.error.clone(),
            is_first: !decided.evaluation.baseline_for.is_empty(),
            slot,
            told,
            report: self.shared.rules.report.next(&self.shared.rules.digest, now).map(|slot| (slot, self.fallback.clone())),
        })
    }

    async fn read_into_memory(&mut self, now: UtcTime) {
        let survey = self.survey(now).await;
        if let Some(model) = &mut self.model {
            let (state, put, _) = apply(model, &survey, self.shared.keep);
            model.state = state;
            for tracked in put {
                model.inventory.put(tracked);
            }
        }
    }
}

/// What is remembered once the mails planned now have been accepted.
fn after(memory: &Memory, planned: &[Planned], now: UtcTime) -> Memory {
    let mut memory = memory.clone();
    for plan in planned {
        memory.outbox.left.insert(plan.series.clone(), now);
        memory.outbox.settled.extend(plan.slot.map(|slot| (plan.series.clone(), slot)));
        memory.notices.extend(notices(plan, TransportKind::Smtp, Uuid::nil(), now));
    }
    memory
}

fn foreseen(planned: &[Planned], at: UtcTime) -> Vec<Foreseen> {
    let of_mail = |plan: &Planned| {
        let pairs = plan.digest.items.iter().filter_map(|item| {
            let key = crate::policy::CredentialKey::of(&item.standing);
            let told = plan.told.iter().find(|told| told.credential == key && told.notice == item.notice)?;
            Some(Foreseen { at, recipient: plan.series.recipient.clone(), item: item.clone(), threshold: told.threshold })
        });
        pairs.collect::<Vec<_>>()
    };
    planned.iter().flat_map(of_mail).collect()
}
