//! `/metrics`

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::WebState;
use super::problem::Problem;
use crate::metrics::Sources;

const TEXT_FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The exposition, compressed where the scraper takes gzip.
pub(super) async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> Response {
    let parts = state.parts();
    let sources = Sources {
        snapshots: parts.tenants(),
        metrics: &parts.metrics,
        delivery: parts.delivery.get(),
        config: &parts.config,
        now: parts.now(),
    };
    let rendered = match state.exposition().render(sources).await {
        Ok(rendered) => rendered,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut response = if accepts_gzip(&headers) {
        let blocks = rendered.gzip();
        let length: usize = blocks.iter().map(Bytes::len).sum();
        let mut response = Response::new(Body::from_stream(stream::iter(blocks.into_iter().map(Ok::<_, std::io::Error>))));
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    } else {
        Response::new(Body::from_stream(stream::iter(rendered.text())))
    };
    response.headers_mut().insert(CONTENT_TYPE, TEXT_FORMAT);
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether `gzip` (or anything) is accepted with a weight above 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let mut any = None;
    for offer in offers {
        let (coding, weight) = offer.split_once(';').map_or((offer, ""), |(coding, weight)| (coding, weight.trim()));
        let refused = weight.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0);
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return !refused,
            "*" => any = Some(!refused),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_those_who_take_it() {
        for (offer, expected) in [
            (None, false),
            (Some("gzip"), true),
            (Some("deflate, GZIP;q=0.5"), true),
            (Some("gzip;q=0, *"), false),
            (Some("identity"), false),
            (Some("*"), true),
            (Some("br;q=1.0, *;q=0"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(offer) = offer {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(offer));
            }
            assert_eq!(accepts_gzip(&headers), expected, "{offer:?}");
        }
    }
}
