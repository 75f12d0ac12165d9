//! `/delta`: what changed since a token, as unhelpful as it is allowed to be.
//!
//! An updated object comes with what changed and no more; one object can come several times, what was told can be told again, and
//! the order says nothing. Every entry shows the object as it is when the page is written. Tokens carry `$select` and end after a week.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::change::Changed;
use super::graph::{Answer, Call};
use super::record::{Collection, ObjectId, Record};
use super::refusal::Refusal;

/// The most entries a page has.
const PAGE: usize = 200;

/// How long a token holds, in seconds.
const TOKEN_LIFE: i64 = 7 * 86_400;

/// How this tenant answers delta queries.
#[derive(Default)]
pub(super) struct DeltaMode {
    /// It does not answer them at all.
    pub(super) refused: bool,
    /// It does not tell that credentials changed.
    pub(super) blind_to_credentials: bool,
    /// Tokens of an earlier epoch are not known any more.
    pub(super) epoch: u64,
    /// So many of the newest changes are not told yet: they are on their way.
    pub(super) lag: usize,
    /// Entries a page, where it is not [`PAGE`].
    pub(super) page: Option<usize>,
    /// A token that is not known any more is refused as 404, as 400, or as 410 without a `Location`, in place of 410 with one.
    pub(super) curt: Option<StatusCode>,
}

impl DeltaMode {
    fn page(&self) -> usize {
        self.page.unwrap_or(PAGE)
    }

    fn forgotten(&self, code: &'static str, message: &'static str, start: String) -> Refusal {
        let mut refusal = Refusal::new(self.curt.unwrap_or(StatusCode::GONE), code, message);
        refusal.location = self.curt.is_none().then_some(start);
        refusal
    }
}

/// What a token says: which changes are asked for, and how far the reader is.
#[derive(Clone, Serialize, Deserialize)]
struct Round {
    collection: String,
    select: Option<Vec<String>>,
    /// The first change that the reader does not know; `None`: it knows nothing.
    since: Option<usize>,
    /// The first change that this round does not tell.
    until: usize,
    /// How many entries were told, when reading changes.
    told: usize,
    /// The last object that was told, when reading everything.
    after: Option<uuid::Uuid>,
    issued: i64,
    epoch: u64,
}

/// The options of a delta query.
#[derive(Default)]
struct Options {
    select: Option<Vec<String>>,
    delta_token: Option<String>,
    skip_token: Option<String>,
}

impl Options {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut options = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "$select" => options.select = Some(value.split(',').map(|name| name.trim().to_owned()).collect()),
                "$deltatoken" => options.delta_token = Some(value.into_owned()),
                "$skiptoken" => options.skip_token = Some(value.into_owned()),
                unknown if unknown.starts_with('$') => {
                    return Err(Refusal::unsupported(format!("{unknown} is not supported with a delta query.")));
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

/// Answers a delta query.
pub(super) fn answer(call: &Call<'_>, collection: Collection, query: &str) -> Result<Answer, Refusal> {
    if !call.caller.reads_applications() {
        return Err(Refusal::denied());
    }
    if call.state.delta.refused {
        return Err(Refusal::unsupported("Change enumeration is not supported for requested tenant."));
    }
    let options = Options::parse(query)?;
    let now = call.caller.directory.now().timestamp();
    let until = call.state.changes.len().saturating_sub(call.state.delta.lag);
    let begin = |select: Option<Vec<String>>, since| Round {
        collection: collection.path().to_owned(),
        select,
        since,
        until,
        told: 0,
        after: None,
        issued: now,
        epoch: call.state.delta.epoch,
    };
    let round = match (options.skip_token, options.delta_token) {
        (Some(token), _) => known(call, collection, &token, now)?,
        (None, Some(token)) if token == "latest" => {
            let round = begin(options.select, None);
            names(&round, collection)?;
            return Ok(write(call, &round, &[], "@odata.deltaLink", "$deltatoken"));
        }
        (None, Some(token)) if !token.is_empty() => {
            let old = known(call, collection, &token, now)?;
            // Where changes are told later than they were, a round ends no earlier than the one before.
            Round { until: until.max(old.until), ..begin(old.select, Some(old.until)) }
        }
        (None, _) => begin(options.select, None),
    };
    let names = names(&round, collection)?;
    Ok(match round.since {
        None => everything(call, collection, &names, &round),
        Some(since) => changes(call, collection, &names, &round, since),
    })
}

/// Reads a token that this tenant made.
fn known(call: &Call<'_>, collection: Collection, token: &str, now: i64) -> Result<Round, Refusal> {
    let unknown = || Refusal::new(StatusCode::BAD_REQUEST, "Request_BadRequest", "Invalid delta token.");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unknown())?;
    let round: Round = serde_json::from_slice(&bytes).map_err(|_| unknown())?;
    if round.collection != collection.path() || round.until > call.state.changes.len() {
        return Err(unknown());
    }
    let start = format!("{}/v1.0/{}/delta?$deltatoken=", call.site.base(), collection.path());
    if now - round.issued > TOKEN_LIFE {
        let message = "The sync state generation is not found; the token is too old.";
        return Err(call.state.delta.forgotten("SyncStateNotFound", message, start));
    }
    if round.epoch < call.state.delta.epoch {
        let message = "Resync required. Any local state must be rebuilt.";
        return Err(call.state.delta.forgotten("resyncRequired", message, start));
    }
    Ok(round)
}

/// The properties to show; the id always.
fn names(round: &Round, collection: Collection) -> Result<Vec<&str>, Refusal> {
    let mut names = super::graph::selected(round.select.as_deref(), collection)?;
    if !names.contains(&"id") {
        names.push("id");
    }
    Ok(names)
}

/// A page of the first round: everything that exists, and what can still be restored.
fn everything(call: &Call<'_>, collection: Collection, names: &[&str], round: &Round) -> Answer {
    let after = round.after.map(ObjectId);
    let mut open = call.state.collection(collection).values().filter(|record| !record.purged && Some(record.id) > after);
    let page: Vec<&Record> = open.by_ref().take(call.state.delta.page()).collect();
    let entries: Vec<Vec<u8>> = page.iter().map(|record| entry(call, record, names)).collect();
    match (page.last(), open.next()) {
        (Some(last), Some(_)) => {
            let next = Round { after: Some(last.id.0), ..round.clone() };
            write(call, &next, &entries, "@odata.nextLink", "$skiptoken")
        }
        _ => write(call, round, &entries, "@odata.deltaLink", "$deltatoken"),
    }
}

/// A page of a later round.
fn changes(call: &Call<'_>, collection: Collection, names: &[&str], round: &Round, since: usize) -> Answer {
    let told = |what: Changed| match what {
        Changed::Passwords => !call.state.delta.blind_to_credentials && names.contains(&"passwordCredentials"),
        Changed::Keys => !call.state.delta.blind_to_credentials && names.contains(&"keyCredentials"),
        _ => true,
    };
    let log = call.state.changes.iter().enumerate().filter(|(_, change)| change.collection == collection && told(change.what));
    let log: Vec<(usize, ObjectId, Changed)> = log.map(|(number, change)| (number, change.object, change.what)).collect();
    let (known, end) =
        (log.partition_point(|(number, ..)| *number < since), log.partition_point(|(number, ..)| *number < round.until));
    // What was told last is told again with what is new.
    let first = if end > known { known.saturating_sub(1) } else { known };
    let mut due: Vec<_> = log.get(first..end).unwrap_or_default().iter().map(|(_, id, what)| (*id, *what)).collect();
    due.dedup();
    fastrand::Rng::with_seed(u64::try_from(since).unwrap_or_default()).shuffle(&mut due);

    let size = call.state.delta.page();
    let page = due.iter().skip(round.told).take(size);
    let entries: Vec<Vec<u8>> = page
        .filter_map(|(id, what)| {
            let record = call.state.collection(collection).get(id)?;
            Some(entry(call, record, &shown(names, *what)))
        })
        .collect();
    if round.told + size < due.len() {
        let next = Round { told: round.told + size, ..round.clone() };
        write(call, &next, &entries, "@odata.nextLink", "$skiptoken")
    } else {
        let done = Round { told: 0, since: None, ..round.clone() };
        write(call, &done, &entries, "@odata.deltaLink", "$deltatoken")
    }
}

/// The id and at least the changed properties: exactly those.
fn shown<'a>(names: &[&'a str], what: Changed) -> Vec<&'a str> {
    let is_shown = |name: &str| match what {
        Changed::Passwords => name == "passwordCredentials",
        Changed::Keys => name == "keyCredentials",
        Changed::Properties => name != "passwordCredentials" && name != "keyCredentials",
        Changed::Appeared | Changed::Deleted | Changed::Purged => true,
    };
    names.iter().copied().filter(|name| *name == "id" || is_shown(name)).collect()
}

fn entry(call: &Call<'_>, record: &Record, names: &[&str]) -> Vec<u8> {
    let removed = |reason: &str| json!({ "id": record.id.0, "@removed": { "reason": reason } }).to_string().into_bytes();
    if record.purged {
        removed("deleted")
    } else if record.is_living() {
        call.entity(record, names, false, None)
    } else {
        removed("changed")
    }
}

fn write(call: &Call<'_>, round: &Round, entries: &[Vec<u8>], link: &str, token_name: &str) -> Answer {
    let base = call.site.base();
    let selected = round.select.as_ref().map(|names| format!("({})", names.join(","))).unwrap_or_default();
    let context = format!("{base}/v1.0/$metadata#{}{selected}", round.collection);
    let token = URL_SAFE_NO_PAD.encode(json!(round).to_string());
    let target = format!("{base}/v1.0/{}/delta?{token_name}={token}", round.collection);
    let head = format!("{{\"@odata.context\":{},\"{link}\":{},\"value\":[", json!(context), json!(target));
    let body = [head.as_bytes(), &entries.join(&b','), b"]}"].concat();
    Answer { status: StatusCode::OK, units: 1, body }
}
