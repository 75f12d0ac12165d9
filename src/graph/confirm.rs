//! The few objects with something due, read again before anybody is told.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};

use super::attempts::Patience;
use super::batch::{Body, Item, LARGEST_BATCH};
use super::client::{Ask, Client};
use super::listing::{collection, selection};
use super::wire::{self, OwnersPage, Page};
use super::{Error, Reading, Want};
use crate::inventory::{Detail, ObjectKey, ObjectKind, Owner, OwnerKind};

/// Within this time Graph must have answered; otherwise what is stored stands, and the mail says as of when.
const CONFIRM_WITHIN: Duration = Duration::from_mins(1);

/// How many batches are under way at once.
const CONCURRENT_BATCHES: usize = 4;

/// What is said where owners came back as type and id only.
const OWNERS_ARE_LIMITED: &str = "the owners of applications come back without name and address; give EntraWatch's application the \
                                  application permission User.ReadBasic.All and grant admin consent to it";

/// A part of an object that is read on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Object,
    Thumbprints,
    Owners,
    Federated,
}

impl Part {
    /// What `want` asks for.
    fn of(want: &Want) -> impl Iterator<Item = Self> {
        let thumbprints = want.thumbprints && !want.credentials;
        // Only applications have federated credentials of their own to sign in with; those of a managed identity are the platform's.
        let federated = want.key.kind == ObjectKind::Application;
        let parts = [
            (want.credentials, Self::Object),
            (thumbprints, Self::Thumbprints),
            (want.owners, Self::Owners),
            (federated, Self::Federated),
        ];
        parts.into_iter().filter_map(|(wanted, part)| wanted.then_some(part))
    }

    fn item(self, key: &ObjectKey) -> Item {
        let object = format!("/{}/{}", collection(key.kind), key.id);
        let path = match self {
            Self::Object => format!("{object}?$select={}", selection(key.kind)),
            Self::Thumbprints => format!("{object}?$select=id,keyCredentials"),
            Self::Owners => format!("{object}/owners?$select=id,displayName,mail,userPrincipalName"),
            Self::Federated => format!("{object}/federatedIdentityCredentials?$select=id"),
        };
        Item { path, keys: matches!(self, Self::Object | Self::Thumbprints) }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Object => "credentials",
            Self::Thumbprints => "certificates",
            Self::Owners => "owners",
            Self::Federated => "federated credentials",
        }
    }
}

impl Client {
    /// Reads objects again by id, within [a minute](CONFIRM_WITHIN) for all of them. An object that is gone is [`Error::NotFound`]; a part that cannot
    /// be read, other than the credentials, is left out and named in [`Reading::problems`].
    pub async fn read(&self, wants: &[Want]) -> Vec<(ObjectKey, Result<Reading, Error>)> {
        let patience = self.patience_of(CONFIRM_WITHIN);
        let jobs: Vec<(usize, Part, Item)> = wants
            .iter()
            .enumerate()
            .flat_map(|(index, want)| Part::of(want).map(move |part| (index, part, part.item(&want.key))))
            .collect();
        // Boxed one by one: the compiler cannot see that a closure over borrows makes futures that may move between threads.
        let batches: Vec<BoxFuture<'_, Vec<(usize, Part, Body)>>> =
            jobs.chunks(LARGEST_BATCH).map(|jobs| self.read_batch(jobs, patience.clone()).boxed()).collect();
        let answers: Vec<_> = stream::iter(batches).buffered(CONCURRENT_BATCHES).collect().await;
        let mut answers_of: BTreeMap<usize, Vec<(Part, Body)>> = BTreeMap::new();
        for (index, part, body) in answers.into_iter().flatten() {
            answers_of.entry(index).or_default().push((part, body));
        }
        let mut readings = Vec::with_capacity(wants.len());
        for (index, want) in wants.iter().enumerate() {
            let answers = answers_of.remove(&index).unwrap_or_default();
            readings.push((want.key.clone(), self.gather(&want.key, answers, patience.clone()).await));
        }
        readings
    }

    async fn read_batch(&self, jobs: &[(usize, Part, Item)], mut patience: Patience) -> Vec<(usize, Part, Body)> {
        let items: Vec<Item> = jobs.iter().map(|(_, _, item)| item.clone()).collect();
        let bodies = self.batch(&items, &mut patience).await;
        jobs.iter().zip(bodies).map(|((index, part, _), body)| (*index, *part, body)).collect()
    }

    async fn gather(&self, key: &ObjectKey, answers: Vec<(Part, Body)>, mut patience: Patience) -> Result<Reading, Error> {
        let mut reading = Reading { object: None, hash: String::new(), detail: Detail::default(), problems: Vec::new() };
        for (part, body) in answers {
            let filled = match body {
                Ok(body) => self.fill(&mut reading, part, key, body.get(), &mut patience).await,
                Err(error) => Err(error),
            };
            match filled {
                Ok(()) => {}
                Err(error @ Error::NotFound) => return Err(error),
                Err(error) if part == Part::Object => return Err(error),
                Err(error) => reading.problems.push(format!("{} could not be read: {error}", part.name())),
            }
        }
        Ok(reading)
    }

    async fn fill(
        &self,
        reading: &mut Reading,
        part: Part,
        key: &ObjectKey,
        body: &str,
        patience: &mut Patience,
    ) -> Result<(), Error> {
        match part {
            Part::Object => {
                let object = wire::decode(key.kind, body).map_err(|refused| Error::Object(refused.why))?;
                reading.detail.thumbprints = wire::thumbprints(body).unwrap_or_default();
                reading.hash = wire::object_hash(&wire::without_context(body));
                reading.object = Some(Box::new(object));
            }
            Part::Thumbprints => {
                reading.detail.thumbprints = wire::thumbprints(body).map_err(Error::Object)?;
            }
            Part::Owners => {
                let owners = self.owners(body, patience).await?;
                if owners.iter().any(|owner| owner.limited && owner.kind == OwnerKind::User) {
                    reading.problems.push(OWNERS_ARE_LIMITED.to_owned());
                }
                reading.detail.owners = Some(owners);
                reading.detail.owners_read_at = Some(self.context().clock.now());
            }
            Part::Federated => {
                let page = Page::read(body).map_err(|error| unreadable(&error))?;
                reading.detail.federated = Some(u32::try_from(page.objects.len()).unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }

    /// All owners, from the first page on.
    async fn owners(&self, first: &str, patience: &mut Patience) -> Result<Vec<Owner>, Error> {
        let OwnersPage { mut owners, next_link } = wire::owners(first).map_err(|error| unreadable(&error))?;
        let mut visited = HashSet::new();
        let mut next = next_link;
        while let Some(link) = next {
            let url = self.link(&link)?;
            if !visited.insert(link) {
                return Err(Error::RepeatedLink);
            }
            let page = self.send(&Ask { url, body: None, keys: 0 }, patience, wire::owners).await?;
            owners.extend(page.owners);
            next = page.next_link;
        }
        Ok(owners)
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::Object(wire::printable(&error.to_string()))
}
