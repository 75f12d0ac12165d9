//! `explain`: how the credentials of one application stand, what is decided about them and why, and what was told. Decides from the stored
//! state as the daemon does; asks Graph nothing, sends nothing, records nothing.

use std::sync::Arc;

use super::Tenant;
use crate::clock::UtcTime;
use crate::inventory::{DirectoryObject, Inventory, Standing, Subject, Tracked};
use crate::policy::{CredentialKey, Decision, NoticeRow, Rules, Silence, Windows, windows};
use crate::store::MailState;

/// Why a credential is told about, or not.
#[derive(Debug, Clone)]
pub struct Explained {
    /// How it stands.
    pub standing: Standing,
    /// What is decided.
    pub decision: Decision,
    /// The first route that matches, from 0.
    pub route: Option<usize>,
    /// The `[[ignore]]` rules that match, from 0.
    pub ignored_by: Vec<usize>,
    /// The thresholds that apply to it.
    pub windows: Windows,
    /// The silences that cover it.
    pub silences: Vec<Silence>,
    /// What was told, the latest first, and what became of the mail; `None`: the mail is forgotten already.
    pub told: Vec<(NoticeRow, Option<MailState>)>,
}

/// What a tenant knows of what was asked for.
#[derive(Debug, Clone, Default)]
pub struct Explanation {
    /// When it was last seen completely.
    pub as_of: Option<UtcTime>,
    /// The objects that were meant, those that are gone too.
    pub objects: Vec<Arc<Tracked>>,
    /// The credentials that were meant, what ends first first.
    pub credentials: Vec<Explained>,
    /// What else it may have been: the objects with the nearest names.
    pub near: Vec<Arc<Tracked>>,
}

/// Names this similar may have been meant.
const SIMILAR: f64 = 0.75;

/// So many are named.
const NEAR: usize = 5;

impl Tenant {
    /// Explains what `query` names: a name, an application (client) id, an object id, a key id. `None`: no daemon has stored the tenant yet.
    ///
    /// # Errors
    /// When the store, or for a tenant configured by a domain Graph, does not answer.
    pub async fn explain(&mut self, query: &str) -> anyhow::Result<Option<Explanation>> {
        self.identify().await?;
        if self.shared.store.version(&self.label.id).await? == 0 {
            return Ok(None);
        }
        self.load().await?;
        let Some(model) = &self.model else { anyhow::bail!("the tenant {} could not be loaded", self.label.name) };
        let now = self.shared.clock.now();
        let memory = self.remember(model, now).await?;
        let standings = self.judge(&model.inventory, now);
        let evaluation = self.evaluate(model, &memory, &model.inventory, &standings, now);
        let asked = query.trim().to_lowercase();
        let is_key = |standing: &Standing| standing.credential.key_id.to_lowercase() == asked;
        let by_key = standings.iter().any(is_key);
        let objects = if by_key { Vec::new() } else { meant(&model.inventory, &asked) };
        let is_meant = |standing: &Standing| {
            if by_key { is_key(standing) } else { objects.iter().any(|tracked| tracked.object.key == standing.object.object.key) }
        };
        let mut credentials = Vec::new();
        for (standing, decision) in standings.iter().zip(&evaluation.decisions).filter(|(standing, _)| is_meant(standing)) {
            let subject = self.subject(standing);
            let key = CredentialKey::of(standing);
            let mut told = Vec::new();
            for row in self
                .shared
                .store
                .notices_about(&self.label.id, &key.object)
                .await?
                .into_iter()
                .filter(|row| row.credential == key)
            {
                let mail = self.shared.store.notification(row.mail).await?;
                told.push((row, mail.map(|mail| mail.state)));
            }
            let covers = |silence: &&Silence| silence.covers(subject, &standing.credential.key_id, now);
            credentials.push(Explained {
                route: self.shared.rules.routes.iter().position(|route| route.matcher.matches(subject)),
                ignored_by: ignored_by(&self.shared.rules, subject),
                windows: self.windows_of(standing, subject),
                silences: memory.silences.iter().filter(covers).cloned().collect(),
                standing: standing.clone(),
                decision: decision.clone(),
                told,
            });
        }
        let near = if by_key || !objects.is_empty() { Vec::new() } else { near(&model.inventory, &asked) };
        Ok(Some(Explanation { as_of: model.state.polls.last_complete, objects, credentials, near }))
    }

    fn subject<'a>(&'a self, standing: &'a Standing) -> Subject<'a> {
        let object = &standing.object.object;
        Subject { tenant: &self.label.name, tenant_id: &self.label.id, object, kind: Some(standing.credential.kind) }
    }

    fn windows_of(&self, standing: &Standing, subject: Subject<'_>) -> Windows {
        let rules = &self.shared.rules;
        let route = rules.routes.iter().find(|route| route.matcher.matches(subject));
        windows(standing, &rules.alerts, route.and_then(|route| route.thresholds.as_ref()))
    }

    /// The label that it goes by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.label.name
    }
}

fn ignored_by(rules: &Rules, subject: Subject<'_>) -> Vec<usize> {
    let matching = rules.watch.ignore.iter().enumerate().filter(|(_, matcher)| matcher.matches(subject));
    matching.map(|(number, _)| number).collect()
}

/// A way to be meant.
type Way<'a> = &'a dyn Fn(&DirectoryObject) -> bool;

/// By id; else by the whole name; else by a part of it. An application and its service principal are meant together.
fn meant(inventory: &Inventory, asked: &str) -> Vec<Arc<Tracked>> {
    let by_id = |object: &DirectoryObject| object.key.id.to_lowercase() == asked || object.app_id.as_deref() == Some(asked);
    let is_called = |object: &DirectoryObject| object.display_name.to_lowercase() == asked;
    let contains = |object: &DirectoryObject| !asked.is_empty() && object.display_name.to_lowercase().contains(asked);
    let ways: [Way<'_>; 3] = [&by_id, &is_called, &contains];
    let found = ways.iter().map(|way| inventory.living().filter(|tracked| way(&tracked.object)).cloned().collect::<Vec<_>>());
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

fn near(inventory: &Inventory, asked: &str) -> Vec<Arc<Tracked>> {
    let rank = |tracked: &Arc<Tracked>| strsim::jaro_winkler(&tracked.object.display_name.to_lowercase(), asked);
    let mut similar: Vec<_> =
        inventory.living().map(|tracked| (rank(tracked), tracked)).filter(|(rank, _)| *rank >= SIMILAR).collect();
    similar.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    similar.into_iter().take(NEAR).map(|(_, tracked)| Arc::clone(tracked)).collect()
}
