//! Faults by script, layered round any router: the n-th request to a path is answered with something else.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};

/// What happens in place of the answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with headers and a body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection breaks before anything was answered.
    Reset,
    /// The true answer, cut off in the middle of its body: the connection breaks.
    Broken,
    /// The first half of the true answer's body, as if it were all of it.
    Half,
    /// The true answer of a batch, in which the items with these ids have this status and `Retry-After` instead.
    Items(&'static [&'static str], u16, Option<&'static str>),
    /// The true answer with its body coming byte by byte, with this pause between them.
    Trickle(Duration),
}

/// A status with Graph's usual error body.
pub fn status(status: u16, code: &str) -> Fault {
    let body =
        format!(r#"{{"error":{{"code":"{code}","message":"as scripted","innerError":{{"request-id":"scripted-{status}"}}}}}}"#);
    Fault::Answer(status, vec![("content-type", "application/json".to_owned())], body)
}

/// A throttled request that is told to wait.
pub fn throttled(status: u16, retry_after: &str) -> Fault {
    let body = r#"{"error":{"code":"TooManyRequests","message":"as scripted"}}"#.to_owned();
    Fault::Answer(status, vec![("retry-after", retry_after.to_owned())], body)
}

/// Any body with status 200.
pub fn body(text: &str) -> Fault {
    Fault::Answer(200, vec![("content-type", "application/json".to_owned())], text.to_owned())
}

/// The script. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Rule>>>);

#[derive(Debug)]
struct Rule {
    path_end: String,
    after: usize,
    times: usize,
    fault: Fault,
}

impl Faults {
    /// Lets the next `after` requests to a path with this end pass, and spoils `times` after them.
    pub fn add(&self, path_end: &str, after: usize, times: usize, fault: Fault) {
        self.0.lock().unwrap().push(Rule { path_end: path_end.to_owned(), after, times, fault });
    }

    /// Spoils the next `times` requests to a path with this end.
    pub fn next(&self, path_end: &str, times: usize, fault: Fault) {
        self.add(path_end, 0, times, fault);
    }

    /// Every request passes again.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// Puts the script round a router.
    pub fn layer(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), spoil))
    }

    fn take(&self, path: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| path.ends_with(&rule.path_end) && rule.times > 0)?;
        if rule.after > 0 {
            rule.after -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}

async fn spoil(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    match faults.take(request.uri().path()) {
        None => next.run(request).await,
        Some(Fault::Answer(status, headers, body)) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        // Ends the connection's task without the noise of a panic.
        Some(Fault::Reset) => std::panic::resume_unwind(Box::new("a scripted reset")),
        Some(Fault::Broken) => {
            let (parts, half) = half(next.run(request).await).await;
            let broken = stream::iter([Ok(half), Err(std::io::Error::other("as scripted"))]);
            Response::from_parts(parts, Body::from_stream(broken))
        }
        Some(Fault::Half) => {
            let (parts, half) = half(next.run(request).await).await;
            Response::from_parts(parts, Body::from(half))
        }
        Some(Fault::Items(ids, status, retry_after)) => {
            let (mut parts, body) = next.run(request).await.into_parts();
            parts.headers.remove("content-length");
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let mut batch: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            for item in batch["responses"].as_array_mut().unwrap() {
                if ids.iter().any(|id| item["id"] == *id) {
                    let headers = retry_after.map(|wait| serde_json::json!({ "Retry-After": wait }));
                    let error = serde_json::json!({ "error": { "code": "Scripted", "message": "as scripted" } });
                    *item = serde_json::json!({ "id": item["id"], "status": status, "headers": headers, "body": error });
                }
            }
            Response::from_parts(parts, Body::from(batch.to_string()))
        }
        Some(Fault::Trickle(pause)) => {
            let (mut parts, body) = next.run(request).await.into_parts();
            parts.headers.remove("content-length");
            let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let trickle = stream::iter(bytes.into_iter().map(|byte| Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte]))));
            let trickle = trickle.then(move |byte| async move {
                tokio::time::sleep(pause).await;
                byte
            });
            Response::from_parts(parts, Body::from_stream(trickle))
        }
    }
}

async fn half(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts, bytes.slice(..bytes.len() / 2))
}
