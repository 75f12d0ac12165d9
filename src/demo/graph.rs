//! Finding what a Graph request is about, and answering it. The same for a request of its own and for an item of a batch.

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::access::Caller;
use super::body::{self, Surroundings};
use super::credential::Federated;
use super::delta;
use super::listing;
use super::properties;
use super::query::Options;
use super::record::{Collection, Record};
use super::refusal::Refusal;
use super::server::Site;
use super::tenant::State;

/// `Content-Type` of answers that are no errors.
pub(super) const CONTENT_TYPE: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// An answer of Graph.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// `x-ms-resource-unit`: what the request cost.
    pub(super) units: u8,
    /// JSON, unless a test put something else there.
    pub(super) body: Vec<u8>,
}

/// Answers a request to `target`, a path below the version with its query.
pub(super) fn answer(site: &Site, caller: &Caller, method: &Method, target: &str, eventual: bool) -> Result<Answer, Refusal> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let segments: Vec<&str> = decoded.trim_matches('/').split('/').collect();
    let Address { collection, key, rest } = address(&segments)?;
    if method != Method::GET {
        // Nothing here can be changed with permissions that only read.
        return Err(Refusal::denied());
    }
    let is_delta = key.is_none() && rest == ["delta"];
    let options = if is_delta { Options::default() } else { Options::parse(query)? };
    let state = caller.directory.lock();
    let call = Call { site, caller, state: &state, options: &options, path: path.trim_matches('/'), eventual };
    match (key, rest) {
        (None, ["delta"]) => delta::answer(&call, collection, query),
        (None, []) => call.list(collection),
        (Some(key), []) => call.single(collection, &key),
        (Some(key), ["owners"]) => call.owners(collection, &key),
        (Some(key), ["federatedIdentityCredentials"]) => call.federated(collection, &key),
        (_, [segment, ..]) => Err(no_segment(segment)),
    }
}

/// Whether a header asks for an advanced query.
pub(super) fn is_eventual(name: &str, value: &str) -> bool {
    name.eq_ignore_ascii_case("ConsistencyLevel") && value.eq_ignore_ascii_case("eventual")
}

/// How an object is named in a path.
enum Key {
    Id(String),
    AppId(String),
}

/// What a path is about: a collection, an object of it, and what is asked of that.
struct Address<'a> {
    collection: Collection,
    key: Option<Key>,
    rest: &'a [&'a str],
}

fn address<'a>(segments: &'a [&'a str]) -> Result<Address<'a>, Refusal> {
    let (&first, rest) = segments.split_first().unwrap_or((&"", &[]));
    let (name, predicate) = first.split_once('(').map_or((first, None), |(name, predicate)| (name, Some(predicate)));
    let collection = match name {
        "applications" => Collection::Applications,
        "servicePrincipals" => Collection::ServicePrincipals,
        _ => return Err(no_segment(name)),
    };
    let Some(predicate) = predicate else {
        return Ok(match rest.split_first() {
            Some((&"delta" | &"delta()" | &"microsoft.graph.delta" | &"microsoft.graph.delta()", [])) => {
                Address { collection, key: None, rest: &["delta"] }
            }
            Some((id, rest)) => Address { collection, key: Some(Key::Id((*id).to_owned())), rest },
            None => Address { collection, key: None, rest },
        });
    };
    let app_id = predicate.strip_prefix("appId='").and_then(|rest| rest.strip_suffix("')"));
    let app_id = app_id.ok_or_else(|| Refusal::unparsable(format!("Bad Request - Error in query syntax: '{first}'.")))?;
    Ok(Address { collection, key: Some(Key::AppId(app_id.to_owned())), rest })
}

fn no_segment(segment: &str) -> Refusal {
    Refusal::unparsable(format!("Resource not found for the segment '{segment}'."))
}

/// One request with everything it is answered from.
pub(super) struct Call<'a> {
    pub(super) site: &'a Site,
    pub(super) caller: &'a Caller,
    pub(super) state: &'a State,
    pub(super) options: &'a Options,
    pub(super) path: &'a str,
    pub(super) eventual: bool,
}

impl Call<'_> {
    fn list(&self, collection: Collection) -> Result<Answer, Refusal> {
        if !self.caller.reads_applications() {
            return Err(Refusal::denied());
        }
        let names = self.names(collection)?;
        let living = self.state.collection(collection).values().filter(|record| record.is_living());
        let wanted = living.filter(|record| match &self.options.filter {
            None => true,
            Some((name, literal)) => self.property(record, name, false).is_some_and(|value| value == literal.as_str()),
        });
        let context = format!("{}{}", collection.path(), self.selected());
        let write = |record: &Record| self.entity(record, &names, false, None);
        Ok(listing::page(self, &context, wanted, write, listing::cost(collection, self.options)))
    }

    fn single(&self, collection: Collection, key: &Key) -> Result<Answer, Refusal> {
        let record = self.find(collection, key)?;
        let names = self.names(collection)?;
        // The certificate itself comes only when a single object is asked for it by name.
        let with_key = self.options.select.as_ref().is_some_and(|select| select.iter().any(|name| name == "keyCredentials"));
        let context = format!("{}/v1.0/$metadata#{}{}/$entity", self.site.base(), collection.path(), self.selected());
        let body = self.entity(record, &names, with_key, Some(context));
        Ok(Answer { status: StatusCode::OK, units: 1, body })
    }

    fn owners(&self, collection: Collection, key: &Key) -> Result<Answer, Refusal> {
        let record = self.find(collection, key)?;
        if !self.caller.reads_applications() {
            return Err(Refusal::denied());
        }
        let known = [properties::USER, properties::USER_ON_REQUEST, properties::SERVICE_PRINCIPAL].concat();
        let select = self.options.select.as_deref();
        let selected = select.map(|names| checked(names, &known, "microsoft.graph.directoryObject")).transpose()?;
        let items = record.owners.iter().filter_map(|owner| {
            let map = if let Some(user) = self.state.users.get(owner) {
                let names = selected.as_deref().unwrap_or(properties::USER);
                let sight = self.caller.sight_of_users();
                body::object(Some("microsoft.graph.user"), names, |name| body::user_property(user, name, sight))
            } else {
                let principal = self.state.principals.get(owner).filter(|record| record.is_living())?;
                let names = selected.as_deref().unwrap_or(properties::SERVICE_PRINCIPAL);
                let entity = Collection::ServicePrincipals.entity();
                body::object(Some(entity), names, |name| self.property(principal, name, false))
            };
            Some(map)
        });
        Ok(listing::page(self, &format!("directoryObjects{}", self.selected()), items, bytes, 1))
    }

    fn federated(&self, collection: Collection, key: &Key) -> Result<Answer, Refusal> {
        let record = self.find(collection, key)?;
        if !self.caller.reads_applications() {
            return Err(Refusal::denied());
        }
        let select = self.options.select.as_deref();
        let entity = "microsoft.graph.federatedIdentityCredential";
        let names = select.map(|names| checked(names, properties::FEDERATED, entity)).transpose()?;
        let names = names.as_deref().unwrap_or(properties::FEDERATED);
        let write = |federated: &Federated| {
            let json = federated.json();
            bytes(body::object(None, names, |name| json.get(name).cloned()))
        };
        let context = format!("{}('{}')/federatedIdentityCredentials{}", collection.path(), record.id, self.selected());
        Ok(listing::page(self, &context, record.federated.iter(), write, 1))
    }

    /// The living object a path names. An application may read its own objects without any permission.
    fn find(&self, collection: Collection, key: &Key) -> Result<&Record, Refusal> {
        let (text, record) = match key {
            Key::Id(text) => {
                let id =
                    Uuid::parse_str(text).map_err(|_| Refusal::bad_request(format!("Invalid object identifier '{text}'.")))?;
                (text, self.state.collection(collection).get(&super::record::ObjectId(id)))
            }
            Key::AppId(text) => {
                let app_id = Uuid::parse_str(text)
                    .map_err(|_| Refusal::bad_request(format!("Invalid value specified for property 'appId': '{text}'.")))?;
                (text, self.state.registered(collection, app_id))
            }
        };
        let living = record.filter(|record| record.is_living());
        let own = living.is_some_and(|record| record.app_id == self.caller.app_id);
        if !own && !self.caller.reads_applications() {
            return Err(Refusal::denied());
        }
        living.ok_or_else(|| Refusal::not_found(text))
    }

    /// The properties to show.
    fn names(&self, collection: Collection) -> Result<Vec<&str>, Refusal> {
        selected(self.options.select.as_deref(), collection)
    }

    fn property(&self, record: &Record, name: &str, with_key: bool) -> Option<Value> {
        let application = self.state.registered(Collection::Applications, record.app_id);
        body::property(record, Surroundings { domain: &self.state.domain, application }, name, with_key)
    }

    pub(super) fn entity(&self, record: &Record, names: &[&str], with_key: bool, context: Option<String>) -> Vec<u8> {
        if let Some(raw) = &record.raw {
            return raw.clone();
        }
        let mut map = body::object(record.derived, names, |name| self.property(record, name, with_key));
        if let Some(context) = context {
            map.insert("@odata.context".to_owned(), Value::from(context));
        }
        bytes(map)
    }

    /// What a context says of `$select`.
    fn selected(&self) -> String {
        self.options.select.as_ref().map(|names| format!("({})", names.join(","))).unwrap_or_default()
    }
}

/// The properties that `$select` asks for, or all of them.
pub(super) fn selected(select: Option<&[String]>, collection: Collection) -> Result<Vec<&str>, Refusal> {
    let known = match collection {
        Collection::Applications => properties::APPLICATION,
        Collection::ServicePrincipals => properties::SERVICE_PRINCIPAL,
    };
    match select {
        Some(select) => checked(select, known, collection.entity()),
        None => Ok(known.to_vec()),
    }
}

/// Refuses names that the entity does not have.
fn checked<'a>(select: &'a [String], known: &[&str], entity: &str) -> Result<Vec<&'a str>, Refusal> {
    match select.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(select.iter().map(String::as_str).collect()),
        Some(unknown) => Err(Refusal::unparsable(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' on type '{entity}'."
        ))),
    }
}

fn bytes(map: Map<String, Value>) -> Vec<u8> {
    Value::Object(map).to_string().into_bytes()
}
