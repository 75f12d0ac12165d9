//! Lists as JSON, with a tag by which a reader that has the list already is told so.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::problem::Problem;

/// A list, and where to go on.
#[derive(Debug, Serialize)]
struct List {
    items: Box<RawValue>,
    next: Option<String>,
}

/// A list. Its tag follows from the entries alone: the cursor names the time of the first page too, and would change each second.
pub(super) fn list<T: Serialize>(items: impl Iterator<Item = T>, next: Option<String>) -> Response {
    match to_raw_value(&items.collect::<Vec<_>>()) {
        Ok(items) => {
            let tag = tag(items.get(), next.is_some());
            let mut response = axum::Json(List { items, next }).into_response();
            response.headers_mut().extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
            response
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Weak, because the same list may come compressed or not.
fn tag(items: &str, goes_on: bool) -> String {
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, items.as_bytes()));
    format!("W/\"{hash}{}\"", if goes_on { "+" } else { "" })
}

/// Answers 304 to those who have already what they would get.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let asked: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::OK && has(&asked, response.headers()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        for header in [CONTENT_TYPE, CONTENT_LENGTH] {
            response.headers_mut().remove(header);
        }
    }
    response
}

fn has(asked: &[HeaderValue], headers: &HeaderMap) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(opaque) else { return false };
    let known = asked.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    known.into_iter().any(|known| known.trim() == "*" || opaque(known) == tag)
}
