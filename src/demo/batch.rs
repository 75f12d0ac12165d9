//! `POST /v1.0/$batch`: up to twenty requests in one, each answered with a status of its own, in no particular order.

use std::collections::HashSet;

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::access::Caller;
use super::graph::{self, Answer};
use super::refusal::{Refusal, Stamp};
use super::server::Site;

/// The most requests a batch can have.
const LARGEST_BATCH: usize = 20;

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: std::collections::HashMap<String, String>,
}

/// Answers a batch.
pub(super) fn answer(site: &Site, caller: &Caller, body: &[u8], stamp: &Stamp) -> Result<Answer, Refusal> {
    let batch: Batch = serde_json::from_slice(body).map_err(|_| Refusal::unparsable("Invalid batch payload format."))?;
    let count = batch.requests.len();
    if count > LARGEST_BATCH {
        let message = format!("Number of batch requests {count} exceeds the maximum value {LARGEST_BATCH}.");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "MaximumValueExceeded", message));
    }
    let ids: HashSet<&str> = batch.requests.iter().map(|item| item.id.as_str()).collect();
    if ids.len() < count || ids.contains("") {
        return Err(Refusal::unparsable("Invalid batch payload format. Request ids must be unique and not empty."));
    }
    let mut responses: Vec<Vec<u8>> = batch.requests.iter().map(|item| response(site, caller, item, stamp)).collect();
    caller.directory.lock().rng.shuffle(&mut responses);
    let body = [b"{\"responses\":[".as_slice(), &responses.join(&b','), b"]}"].concat();
    Ok(Answer { status: StatusCode::OK, units: 1, body })
}

fn response(site: &Site, caller: &Caller, item: &Item, stamp: &Stamp) -> Vec<u8> {
    let eventual = item.headers.iter().any(|(name, value)| graph::is_eventual(name, value));
    let method = Method::from_bytes(item.method.as_bytes()).unwrap_or(Method::GET);
    let (answer, kind) = match graph::answer(site, caller, &method, &item.url, eventual) {
        Ok(answer) => (answer, graph::CONTENT_TYPE),
        Err(refusal) => {
            let body = refusal.json(stamp).to_string().into_bytes();
            (Answer { status: refusal.status, units: 1, body }, "application/json")
        }
    };
    let head = json!({
        "Cache-Control": "no-cache",
        "x-ms-resource-unit": answer.units.to_string(),
        "OData-Version": "4.0",
        "Content-Type": kind,
    });
    let start = format!("{{\"id\":{},\"status\":{},\"headers\":{head},\"body\":", json!(item.id), answer.status.as_u16());
    [start.as_bytes(), &answer.body, b"}"].concat()
}
