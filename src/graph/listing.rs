//! One collection, page by page, to the end.

use std::collections::{HashMap, HashSet};

use super::client::{Ask, Client, TRIAL};
use super::wire::{self, Page, Undecodable};
use super::{Error, Listed, Listing};
use crate::inventory::{ObjectKey, ObjectKind};

/// The largest page that Graph serves of these collections.
const PAGE_SIZE: u32 = 999;

/// What is read of an application: exactly this.
const APPLICATION: &str = "id,appId,displayName,createdDateTime,notes,tags,signInAudience,disabledByMicrosoftStatus,isDisabled,\
                           tokenEncryptionKeyId,passwordCredentials,keyCredentials";

/// What is read of a service principal. `createdDateTime` is none of its declared properties, so it is not asked for.
const SERVICE_PRINCIPAL: &str = "id,appId,displayName,servicePrincipalType,accountEnabled,isDisabled,disabledByMicrosoftStatus,\
                                 signInAudience,appOwnerOrganizationId,notes,tags,tokenEncryptionKeyId,\
                                 preferredTokenSigningKeyThumbprint,passwordCredentials,keyCredentials";

/// The name of a collection in URLs.
pub(super) fn collection(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Application => "applications",
        ObjectKind::ServicePrincipal => "servicePrincipals",
    }
}

/// The properties that are read of an object.
pub(super) fn selection(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Application => APPLICATION,
        ObjectKind::ServicePrincipal => SERVICE_PRINCIPAL,
    }
}

/// One object of a page.
type Read = Result<Listed, Undecodable>;

impl Client {
    /// Lists a collection to its end. `known` gives the hash that an object of this id had; objects that still have it are not decoded. When
    /// something fails half-way, what was seen until then is kept and the error says why it is not everything.
    pub async fn list(&self, kind: ObjectKind, known: &(dyn Fn(&str) -> Option<String> + Sync)) -> Listing {
        let mut gathered = Gathered::default();
        let mut patience = self.patience();
        let mut visited = HashSet::new();
        let mut requests = 0;
        let first = self.url(&format!("/{}?$top={PAGE_SIZE}&$select={}", collection(kind), selection(kind)));
        let mut next = first.map(Some);
        let error = loop {
            let url = match next {
                Ok(Some(url)) => url,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            if !visited.insert(url.as_str().to_owned()) {
                break Some(Error::RepeatedLink);
            }
            requests += 1;
            let ask = Ask::page(url);
            let page = self.send(&ask, &mut patience, |body| {
                let page = Page::read(body)?;
                let objects: Vec<Read> = page.objects.iter().map(|raw| read(kind, raw.get(), known)).collect();
                Ok((objects, page.next_link))
            });
            next = match page.await {
                Ok((objects, link)) => {
                    gathered.add(objects);
                    link.map(|link| self.link(&link)).transpose()
                }
                Err(error) => Err(error),
            };
        };
        Listing { objects: gathered.objects, undecodable: gathered.undecodable, error, requests }
    }
}

/// The first page of a collection.
#[derive(Debug)]
pub struct FirstPage {
    /// The objects on it that could be decoded.
    pub objects: Vec<ObjectKey>,
    /// How many could not.
    pub undecodable: usize,
    /// There are more pages.
    pub more: bool,
}

impl Client {
    /// Lists the first page, as every poll does, and no more.
    pub async fn first_page(&self, kind: ObjectKind) -> Result<FirstPage, Error> {
        let ask = Ask::page(self.url(&format!("/{}?$top={PAGE_SIZE}&$select={}", collection(kind), selection(kind)))?);
        let mut patience = self.patience_of(TRIAL);
        let page = self.send(&ask, &mut patience, |body| {
            let page = Page::read(body)?;
            let objects: Vec<_> = page.objects.iter().map(|raw| wire::decode(kind, raw.get())).collect();
            Ok((objects, page.next_link))
        });
        let (objects, next) = page.await?;
        let count = objects.len();
        let objects: Vec<ObjectKey> = objects.into_iter().filter_map(|object| Some(object.ok()?.key)).collect();
        let undecodable = count - objects.len();
        let more = next.map(|link| self.link(&link)).transpose()?.is_some();
        Ok(FirstPage { objects, undecodable, more })
    }
}

/// Reads one object: not at all where its hash is the known one.
fn read(kind: ObjectKind, raw: &str, known: &(dyn Fn(&str) -> Option<String> + Sync)) -> Read {
    let hash = wire::object_hash(raw);
    if let Some(id) = wire::object_id(raw).filter(|id| known(id).is_some_and(|known| known == hash)) {
        return Ok(Listed::Unchanged(ObjectKey { kind, id }));
    }
    wire::decode(kind, raw).map(|object| Listed::Changed { hash, object: Box::new(object) })
}

/// What was seen so far; of an object that came twice, the last.
#[derive(Default)]
struct Gathered {
    objects: Vec<Listed>,
    places: HashMap<String, usize>,
    undecodable: Vec<(Option<String>, String)>,
}

impl Gathered {
    fn add(&mut self, page: Vec<Read>) {
        for read in page {
            match read {
                Ok(listed) => self.put(listed),
                Err(Undecodable { id, why }) => self.undecodable.push((id, why)),
            }
        }
    }

    fn put(&mut self, listed: Listed) {
        let key = match &listed {
            Listed::Unchanged(key) => key,
            Listed::Changed { object, .. } => &object.key,
        };
        let place = *self.places.entry(key.id.clone()).or_insert(self.objects.len());
        if let Some(earlier) = self.objects.get_mut(place) {
            *earlier = listed;
        } else {
            self.objects.push(listed);
        }
    }
}
