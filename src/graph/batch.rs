//! `$batch`: up to twenty small reads in one request, each with its own status and its own patience.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::attempts::{Attempts, Patience};
use super::client::{Ask, Client, Payload, refusal};
use super::error::{Error, Server, Trace};
use super::retry::Fault;
use super::wire;

/// Graph takes no more in one batch.
pub(super) const LARGEST_BATCH: usize = 20;

/// One read of a batch.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Path and query below `/v1.0`.
    pub path: String,
    /// Whether it names `keyCredentials`.
    pub keys: bool,
}

/// The raw JSON of an item's body, or why there is none.
pub(super) type Body = Result<Box<RawValue>, Error>;

/// An item that did not succeed.
struct Failure {
    error: Error,
    fault: Fault,
    retry_after: Option<Duration>,
}

impl Client {
    /// Reads up to [`LARGEST_BATCH`] items; the results are in their order. What is throttled, or fails in passing, is asked for again
    /// without the others, after the longest wait that any of them was told.
    pub(super) async fn batch(&self, items: &[Item], patience: &mut Patience) -> Vec<Body> {
        let mut results = BTreeMap::new();
        let mut open: BTreeMap<usize, &Item> = items.iter().enumerate().collect();
        let mut attempts = Attempts::new(self.context(), self.label());
        let mut renewed = false;
        while !open.is_empty() {
            let mut answers = match self.post(&open, patience).await {
                Ok(answers) => answers,
                Err(error) => {
                    results.extend(open.into_keys().map(|index| (index, Err(error.clone()))));
                    break;
                }
            };
            let mut failures = BTreeMap::new();
            for &index in open.keys() {
                match judge(answers.remove(&index), attempts.made + 1, &attempts) {
                    Ok(body) => drop(results.insert(index, Ok(body))),
                    Err(failure) if failure.fault.is_passing() || (failure.is_refused_token() && !renewed) => {
                        failures.insert(index, failure);
                    }
                    Err(failure) => drop(results.insert(index, Err(failure.error))),
                }
            }
            open.retain(|index, _| failures.contains_key(index));
            if failures.values().any(Failure::is_refused_token) {
                renewed = true;
                self.renew_token().await;
                continue;
            }
            let Some(worst) = failures.values().max_by_key(|failure| failure.retry_after) else { break };
            if !attempts.again(worst.fault, worst.retry_after, patience).await {
                results.extend(failures.into_iter().map(|(index, failure)| (index, Err(failure.error))));
                break;
            }
        }
        results.into_values().collect()
    }

    async fn post(&self, items: &BTreeMap<usize, &Item>, patience: &mut Patience) -> Result<BTreeMap<usize, Answer>, Error> {
        let request = |(index, item): (&usize, &&Item)| {
            let headers = json!({"x-ms-throttle-priority": "Low"});
            json!({"id": index.to_string(), "method": "GET", "url": item.path, "headers": headers})
        };
        let ask = Ask {
            url: self.url("/$batch")?,
            body: Some(Payload::Json(json!({"requests": items.iter().map(request).collect::<Value>()}))),
            keys: items.values().filter(|item| item.keys).count(),
        };
        self.send(&ask, patience, answers).await
    }
}

impl Failure {
    fn is_refused_token(&self) -> bool {
        matches!(self.error, Error::TokenRefused(_))
    }
}

/// One answer of a batch.
#[derive(Deserialize)]
struct Answer {
    id: String,
    status: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    body: Option<Box<RawValue>>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.as_ref()?.iter().find(|(header, _)| header.eq_ignore_ascii_case(name))?;
        value.as_str().map_or_else(|| value.is_number().then(|| value.to_string()), |text| Some(text.to_owned()))
    }
}

/// The answers by the index of their item. One that cannot be read is left out, and its item asked for again.
fn answers(body: &str) -> Result<BTreeMap<usize, Answer>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        responses: Vec<&'a RawValue>,
    }
    let wire: Wire = serde_json::from_str(body)?;
    let answers = wire.responses.iter().filter_map(|raw| serde_json::from_str::<Answer>(raw.get()).ok());
    Ok(answers.filter_map(|answer| Some((answer.id.parse().ok()?, answer))).collect())
}

fn judge(answer: Option<Answer>, tries: u32, attempts: &Attempts<'_>) -> Result<Box<RawValue>, Failure> {
    let garbled = |cause: &str| Failure {
        error: Error::Undecodable { server: Server::Graph, cause: cause.to_owned(), trace: Trace::default() },
        fault: Fault::Garbled,
        retry_after: None,
    };
    let answer = answer.ok_or_else(|| garbled("an item of a batch has no answer"))?;
    let retry_after = answer.header("retry-after").and_then(|header| attempts.read_retry_after(&header));
    match answer.status {
        200..=299 => answer.body.ok_or_else(|| garbled("an item of a batch has no body")),
        404 => Err(Failure { error: Error::NotFound, fault: Fault::Status(404), retry_after }),
        status => {
            let said = answer.body.as_ref().map(|body| wire::Complaint::read(body.get())).unwrap_or_default();
            let error = refusal(status, &said, answer.header("request-id").as_deref(), tries);
            Err(Failure { error, fault: Fault::Status(status), retry_after })
        }
    }
}
