//! Delta queries: one round brings what changed in a collection since the link of the last.
//!
//! [`Client::start_delta`] takes a link before a full listing; each [`Client::delta`] follows the last link and brings the next one, which is to be
//! stored in one piece with what the round brought. A round that did not come to its end has no link, and is asked for again
//! from the old one. Whatever Graph leaves open is read by id within the round: an update of an object that is not known, entries that contradict each other, one
//! that cannot be decoded. Where the way on is a new start and a full listing, [`Error::needs_listing`] says so.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::client::{Ask, Client};
use super::error::{Error, Server};
use super::listing::{collection, selection};
use super::wire::{self, Change, Page, Removed, Undecodable};
use super::{Trace, Want};
use crate::inventory::{DirectoryObject, ObjectKey, ObjectKind, Tracked, difference};

/// More objects than this are not read by id: a listing brings a thousand in one request, and the requests for `keyCredentials` are counted.
const MOST_OPEN: usize = 100;

/// What is known of an object that lives, by its id.
type Known<'a> = &'a (dyn Fn(&str) -> Option<Arc<Tracked>> + Sync);

/// What one round brought.
#[derive(Debug, Default)]
pub struct Round {
    /// Objects that are new or not what was known, each whole; `detail` and `gone` are empty. There is no hash: what Graph would write in a
    /// listing was not seen.
    pub changed: Vec<DirectoryObject>,
    /// The ids of all objects that Graph said something of, also where it was known.
    pub told: BTreeSet<String>,
    /// Known objects that are gone.
    pub removed: Vec<(ObjectKey, Removed)>,
    /// Entries that could not be decoded, not even by id: id where one could be read, and why.
    pub undecodable: Vec<(Option<String>, String)>,
    /// Where the next round begins; `None` where this one did not come to its end.
    pub link: Option<String>,
    /// Why it did not; `None`: it did.
    pub error: Option<Error>,
    /// Requests that its pages needed.
    pub requests: u32,
}

impl Client {
    /// A link from which rounds tell what changes from now on. Taken before a listing, so that nothing falls in between.
    pub async fn start_delta(&self, kind: ObjectKind) -> Result<String, Error> {
        let url = self.url(&format!("/{}/delta?$deltatoken=latest&$select={}", collection(kind), selection(kind)))?;
        let ask = Ask::page(url);
        let link = self.send(&ask, &mut self.patience(), |body| Page::read(body).map(|page| page.delta_link)).await;
        let link = link.map_err(start_refused)?.ok_or_else(no_link)?;
        self.link(&link)?;
        Ok(link)
    }

    /// Follows a link of an earlier round. `known` gives the object of this id that lives as far as is known; `doubtful` objects are
    /// read by id where the round does not speak of them.
    pub async fn delta(&self, kind: ObjectKind, link: &str, doubtful: &[String], known: Known<'_>) -> Round {
        let mut round = Round::default();
        let mut told = BTreeMap::new();
        let end = match self.follow(link, &mut round, &mut told).await {
            Ok(end) => end,
            Err(error) => return Round { error: Some(error), requests: round.requests, ..Round::default() },
        };
        round.told = told.keys().cloned().collect();
        let mut open = sort(kind, told, known, &mut round);
        open.extend(doubtful.iter().filter(|id| !round.told.contains(*id)).cloned());
        match self.resolve(kind, open, known, &mut round).await {
            Ok(()) => round.link = Some(end),
            Err(error) => round.error = Some(error),
        }
        round
    }

    /// Reads the pages of a round to its end.
    async fn follow(&self, link: &str, round: &mut Round, told: &mut BTreeMap<String, Change>) -> Result<String, Error> {
        let mut patience = self.patience();
        let mut visited = HashSet::new();
        let mut link = link.to_owned();
        loop {
            let url = self.link(&link)?;
            if !visited.insert(link) {
                return Err(Error::RepeatedLink);
            }
            round.requests += 1;
            let ask = Ask::page(url);
            let page = self.send(&ask, &mut patience, |body| {
                let page = Page::read(body)?;
                let entries: Vec<_> = page.objects.iter().map(|raw| Change::read(RawValue::get(raw))).collect();
                Ok((entries, page.next_link, page.delta_link))
            });
            let (entries, next, end) = page.await.map_err(round_refused)?;
            for entry in entries {
                match entry {
                    Ok((id, change)) => {
                        let change = match told.remove(&id) {
                            Some(before) => Change::add(before, change),
                            None => change,
                        };
                        told.insert(id, change);
                    }
                    Err(Undecodable { id: Some(id), .. }) => drop(told.insert(id, Change::Unclear)),
                    Err(Undecodable { id: None, why }) => round.undecodable.push((None, why)),
                }
            }
            link = match (next, end) {
                (Some(next), _) => next,
                (None, Some(end)) => {
                    self.link(&end)?;
                    return Ok(end);
                }
                (None, None) => return Err(no_link()),
            };
        }
    }

    /// Reads by id what the round left open.
    async fn resolve(&self, kind: ObjectKind, open: Vec<String>, known: Known<'_>, round: &mut Round) -> Result<(), Error> {
        if open.len() > MOST_OPEN {
            return Err(Error::DeltaUnclear(open.len()));
        }
        let want = |id| Want { key: ObjectKey { kind, id }, credentials: true, owners: false, thumbprints: false };
        let wants: Vec<Want> = open.into_iter().map(want).collect();
        let mut unread = None;
        for (key, reading) in self.read(&wants).await {
            match reading.map(|reading| reading.object) {
                Ok(Some(object)) => round.see(*object, known(&key.id).as_deref()),
                Err(Error::NotFound) if known(&key.id).is_some() => round.removed.push((key, Removed::Deleted)),
                Ok(None) | Err(Error::NotFound) => {}
                Err(Error::Object(why)) => round.undecodable.push((Some(key.id), why)),
                Err(error) => unread = Some(error),
            }
        }
        unread.map_or(Ok(()), Err)
    }
}

impl Round {
    /// Takes an object in, if it is not what is known already: Graph tells some things again.
    fn see(&mut self, object: DirectoryObject, known: Option<&Tracked>) {
        if known.is_none_or(|known| difference(&known.object, &object).is_some()) {
            self.changed.push(object);
        }
    }
}

/// Puts what was told to what is known; the ids of what stays open.
fn sort(kind: ObjectKind, told: BTreeMap<String, Change>, known: Known<'_>, round: &mut Round) -> Vec<String> {
    let mut open = Vec::new();
    for (id, change) in told {
        let (known, key) = (known(&id), ObjectKey { kind, id: id.clone() });
        match change {
            Change::Removed(removed) if known.is_some() => round.removed.push((key, removed)),
            Change::Removed(_) => {}
            Change::Unclear => open.push(id),
            Change::Sent(sent) => match wire::merge(key, sent, known.as_ref().map(|known| &known.object)) {
                Ok(Some(object)) => round.see(object, known.as_deref()),
                Ok(None) | Err(_) => open.push(id),
            },
        }
    }
    open
}

fn no_link() -> Error {
    let cause = "its last page has no deltaLink".to_owned();
    Error::Undecodable { server: Server::Graph, cause, trace: Trace::default() }
}

/// A start that cannot succeed: this tenant has no delta queries, or none for us.
fn start_refused(error: Error) -> Error {
    match error {
        Error::Status { status: 400 | 404 | 405 | 501, trace, .. }
        | Error::ResyncRequired(trace)
        | Error::Denied { trace, .. } => Error::DeltaRefused(trace),
        other => other,
    }
}

/// A link that is not accepted: the tenant has no delta queries any more, or has forgotten the link. Either way everything is listed.
fn round_refused(error: Error) -> Error {
    let is_unsupported =
        |trace: &Trace| trace.code.as_deref().is_some_and(|code| code.eq_ignore_ascii_case("Request_UnsupportedQuery"));
    match error {
        Error::Status { status: 400, trace, .. } if is_unsupported(&trace) => Error::DeltaRefused(trace),
        Error::Status { status: 405 | 501, trace, .. } => Error::DeltaRefused(trace),
        Error::Status { status: 400 | 404, trace, .. } => Error::ResyncRequired(trace),
        other => other,
    }
}
