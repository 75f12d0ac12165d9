//! Polls that ask for changes only, and what becomes of a round.
//!
//! A round's changes and the link to the next one are one commit, so that a process that dies in between asks for the same changes again.
//! Everything is listed from time to time nevertheless, just after a round, so that what the round did not tell shows.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::drift;
use super::mode::{KINDS, is_dear};
use super::survey::{Survey, name_undecodable, note_refusal, prune};
use super::{Model, Tenant};
use crate::clock::UtcTime;
use crate::config::DeltaMode;
use crate::graph::{Error, Round};
use crate::inventory::{ObjectKey, ObjectKind, Tracked, absorb, is_landslide};
use crate::state::{DeltaLink, DeltaOff, DeltaOffWhy, DeltaState, PollOutcome, TenantState};
use crate::store::{self, Commit};

/// What became of a round.
#[derive(Debug)]
pub(super) enum Followed {
    /// It was kept: what it told of, for the listing that may follow.
    Kept(PollOutcome, BTreeSet<ObjectKey>),
    /// Nothing was kept: everything is to be listed.
    Lost,
}

/// What a listing knows of rounds.
pub(super) struct Links<'a> {
    /// They are wanted.
    pub starts: bool,
    /// What the one just before spoke of; `None`: there was none.
    pub told: Option<&'a BTreeSet<ObjectKey>>,
    /// Where they begin, taken before the listing.
    pub started: &'a [(ObjectKind, DeltaLink)],
    /// The tenant refuses them.
    pub refused: bool,
}

/// A round of each collection.
struct Rounds {
    began: UtcTime,
    rounds: [(ObjectKind, Round); 2],
}

impl Tenant {
    /// Asks what has changed since the last round, and keeps it.
    pub(super) async fn follow(&mut self, began: UtcTime) -> Result<Followed, store::Error> {
        for _ in 0..super::CONFLICTS {
            let Some(model) = &self.model else { break };
            let rounds = Rounds { began, rounds: self.ask_for_changes(model).await };
            let own = self.look_at_itself(&rounds.errors()).await;
            let Some(model) = &self.model else { break };
            if let Some(why) = rounds.loss(model) {
                tracing::info!(tenant = %self.label.name, %why, "changes cannot be followed from where they were left; everything is listed");
                return Ok(Followed::Lost);
            }
            let mut kept = keep(model, &rounds, self.shared.keep);
            kept.state.own = own.or(kept.state.own);
            let outcome = kept.state.polls.outcome.unwrap_or(PollOutcome::Failed);
            let commit =
                Commit { state: kept.state.clone(), put: kept.put.clone(), forget: kept.forget.clone(), ..Commit::default() };
            match self.shared.store.commit(&self.label.id, model.version, commit).await {
                Ok(version) => {
                    self.log(&kept.state, kept.put.len(), "delta");
                    self.report_drift(kept.drift, &kept.state.delta, model.state.delta.off.is_some());
                    self.remember_commit(version, kept.state, kept.put, &kept.forget);
                    return Ok(Followed::Kept(outcome, rounds.told()));
                }
                // What was told was put to a state that is not the stored one any more: ask again from the stored links.
                Err(store::Error::Conflict) => self.load().await?,
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Conflict)
    }

    async fn ask_for_changes(&self, model: &Model) -> [(ObjectKind, Round); 2] {
        let ask = async |kind: ObjectKind| {
            let of_kind = model.state.delta.suspects.iter().filter(|suspect| suspect.key.kind == kind);
            let doubtful: Vec<String> = of_kind.map(|suspect| suspect.key.id.clone()).collect();
            let known = |id: &str| {
                let tracked = model.inventory.get(&ObjectKey { kind, id: id.to_owned() })?;
                tracked.gone_at.is_none().then(|| tracked.clone())
            };
            let round = match model.state.delta.links.get(&kind) {
                Some(link) => self.graph.delta(kind, &link.url, &doubtful, &known).await,
                None => Round { error: Some(Error::DeltaUnclear(0)), ..Round::default() },
            };
            (kind, round)
        };
        let [one, other] = KINDS;
        tokio::join!(ask(one), ask(other)).into()
    }

    /// Links from which rounds tell what changes from now on; taken before a listing, so that nothing falls in between. Whether the tenant
    /// refuses them.
    pub(super) async fn start_rounds(&self) -> (Vec<(ObjectKind, DeltaLink)>, bool) {
        let start = async |kind: ObjectKind| {
            let taken_at = self.shared.clock.now();
            self.graph.start_delta(kind).await.map(|url| (kind, DeltaLink { url, taken_at }))
        };
        let [one, other] = KINDS;
        let (one, other) = tokio::join!(start(one), start(other));
        let is_refused = |started: &Result<_, Error>| matches!(started, Err(Error::DeltaRefused(_)));
        let refused = is_refused(&one) || is_refused(&other);
        for error in [&one, &other].into_iter().filter_map(|started| started.as_ref().err()) {
            tracing::debug!(tenant = %self.label.name, %error, "no link for changes was given");
        }
        ([one, other].into_iter().filter_map(Result::ok).collect(), refused)
    }

    /// After a complete listing: where the next rounds begin, and what they had not told.
    pub(super) fn arrange_rounds(
        &self,
        delta: &mut DeltaState,
        survey: &Survey,
        model: &Model,
        put: &[Tracked],
        links: &Links<'_>,
    ) {
        let now = survey.began;
        if self.config.delta.mode == DeltaMode::Never {
            *delta = DeltaState::default();
            return;
        }
        let is_wanted = links.starts && is_dear(&self.config, survey.requests());
        if !is_wanted || delta.missed().is_some() {
            (delta.links, delta.suspects) = Default::default();
            return;
        }
        if let Some(told) = links.told {
            let gone = drift::gone(&model.inventory, put);
            delta.suspects.extend(drift::suspects(&model.inventory, &survey.listings, gone, told, now));
            return;
        }
        delta.suspects.clear();
        if links.refused {
            if delta.off.is_none() {
                tracing::warn!(tenant = %self.label.name, "this tenant does not answer delta queries, so everything is listed at each poll");
            }
            delta.links.clear();
            delta.off = Some(DeltaOff { since: now, why: DeltaOffWhy::Refused });
            return;
        }
        delta.off = None;
        delta.links = links.started.iter().cloned().collect();
    }

    fn report_drift(&self, drift: u64, delta: &DeltaState, was_off: bool) {
        let tenant = &*self.label.name;
        if drift > 0 {
            self.shared.metrics.drifted(tenant, drift);
            tracing::warn!(tenant, changes = drift, "a listing found changes that Microsoft Graph's delta queries had not told");
        }
        if let (Some((object, _)), false) = (delta.missed(), was_off) {
            tracing::error!(
                tenant, %object,
                "Microsoft Graph's delta queries did not tell that a credential had changed, so they are not used for this tenant any more: \
                 everything is listed at each poll; to try them again, run once with poll.delta = \"never\""
            );
        }
    }
}

impl Rounds {
    /// Why they did not come to their end.
    fn errors(&self) -> Vec<&Error> {
        self.rounds.iter().filter_map(|(_, round)| round.error.as_ref()).collect()
    }

    /// Why nothing of it can be kept.
    fn loss(&self, model: &Model) -> Option<String> {
        let nameless = self.rounds.iter().flat_map(|(_, round)| &round.undecodable).find(|(id, _)| id.is_none());
        let lost = self.errors().into_iter().find(|error| error.needs_listing()).map(ToString::to_string);
        lost.or_else(|| nameless.map(|(_, why)| format!("an entry cannot be read: {why}"))).or_else(|| {
            let (removed, living) =
                (self.rounds.iter().map(|(_, round)| round.removed.len()).sum(), model.inventory.living().count());
            is_landslide(removed, living).then(|| format!("{removed} of {living} objects are said to be gone at once"))
        })
    }

    /// What Graph spoke of.
    fn told(&self) -> BTreeSet<ObjectKey> {
        let of_kind = |(kind, round): &(ObjectKind, Round)| {
            let kind = *kind;
            round.told.iter().map(move |id| ObjectKey { kind, id: id.clone() }).collect::<Vec<_>>()
        };
        self.rounds.iter().flat_map(of_kind).collect()
    }
}

/// What rounds make of a model.
struct Kept {
    state: TenantState,
    put: Vec<Tracked>,
    forget: Vec<ObjectKey>,
    /// Changes that they had missed before.
    drift: u64,
}

fn keep(model: &Model, rounds: &Rounds, keep: TimeDelta) -> Kept {
    let (inventory, now) = (&model.inventory, rounds.began);
    let mut state = model.state.clone();
    let mut put = Vec::new();
    let mut drift = 0;
    let mut errors = Vec::new();
    for (kind, round) in &rounds.rounds {
        let Some(url) = &round.link else {
            errors.extend(round.error.as_ref().map(ToString::to_string));
            continue;
        };
        for object in &round.changed {
            let known = inventory.get(&object.key).map(|tracked| &**tracked);
            // What Graph would write in a listing was not seen, so there is no hash of it.
            put.push(absorb(known, object.clone(), String::new(), now));
        }
        let removed = round.removed.iter().filter_map(|(key, _)| inventory.get(key));
        put.extend(removed.map(|tracked| Tracked { gone_at: Some(now), ..(**tracked).clone() }));
        let (of_kind, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.delta.suspects).into_iter().partition(|suspect| suspect.key.kind == *kind);
        let (open, missed) = drift::judge(&of_kind, round, now);
        state.delta.suspects = [others, open].concat();
        for suspect in missed {
            drift += 1;
            if suspect.credentials && state.delta.off.is_none() {
                state.delta.off = Some(DeltaOff { since: now, why: DeltaOffWhy::Missed(suspect.key) });
            }
        }
        state.delta.links.insert(*kind, DeltaLink { url: url.clone(), taken_at: now });
        note_undecodable(&mut state.polls.undecodable, *kind, round);
    }
    if state.delta.off.is_some() {
        (state.delta.links, state.delta.suspects) = Default::default();
    }
    let polls = &mut state.polls;
    polls.last_attempt = Some(now);
    note_refusal(polls, &rounds.errors(), now);
    if errors.is_empty() {
        polls.vanished_since = None;
        (polls.outcome, polls.error, polls.last_complete) = (Some(PollOutcome::Complete), None, Some(now));
    } else {
        polls.outcome = Some(if errors.len() < rounds.rounds.len() { PollOutcome::Partial } else { PollOutcome::Failed });
        errors.dedup();
        polls.error = Some(errors.join("; "));
    }
    let forget = prune(inventory, &mut put, now, keep);
    Kept { state, put, forget, drift }
}

/// An object that could not be decoded stays named until it could be.
fn note_undecodable(named: &mut Vec<String>, kind: ObjectKind, round: &Round) {
    let removed = round.removed.iter().map(|(key, _)| &key.id);
    let read: BTreeSet<String> = round.told.iter().chain(removed).map(|id| format!("{kind} {id}:")).collect();
    named.retain(|entry| !read.iter().any(|prefix| entry.starts_with(prefix)));
    name_undecodable(named, kind, &round.undecodable);
}
