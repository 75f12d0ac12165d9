//! Pages of a collection.
//!
//! A page starts after as many objects as earlier pages had, in the collection as it is at that moment: what appears or goes while
//! somebody reads shifts the rest, so that an object can come twice or not at all. Graph promises no snapshot either.

use axum::http::StatusCode;

use super::graph::{Answer, Call};
use super::query::{Options, skip_token};
use super::record::Collection;

/// One page of `items`. `context` is what `@odata.context` says after `$metadata#`; only the items of this page are written.
pub(super) fn page<T>(
    call: &Call<'_>,
    context: &str,
    items: impl Iterator<Item = T>,
    write: impl Fn(T) -> Vec<u8>,
    units: u8,
) -> Answer {
    let options = call.options;
    let mut items = items.skip(options.skip);
    let base = call.site.base();
    let mut body = format!("{{\"@odata.context\":\"{base}/v1.0/$metadata#{context}\"").into_bytes();
    let mut value = Vec::new();
    let mut shown = 0;
    for item in items.by_ref().take(options.page) {
        if shown > 0 {
            value.push(b',');
        }
        value.extend_from_slice(&write(item));
        shown += 1;
    }
    let remaining = items.count();
    if options.count && call.eventual && options.skip == 0 {
        body.extend_from_slice(format!(",\"@odata.count\":{}", shown + remaining).as_bytes());
    }
    if remaining > 0 {
        let separator = if options.repeated.is_empty() { "" } else { "&" };
        let token = skip_token(options.skip + shown);
        let link = format!("{base}/v1.0/{}?{}{separator}$skiptoken={token}", call.path, options.repeated);
        body.extend_from_slice(format!(",\"@odata.nextLink\":{}", serde_json::Value::from(link)).as_bytes());
    }
    body.extend_from_slice(b",\"value\":[");
    body.extend_from_slice(&value);
    body.extend_from_slice(b"]}");
    Answer { status: StatusCode::OK, units, body }
}

/// What a listing costs in resource units.
pub(super) fn cost(collection: Collection, options: &Options) -> u8 {
    let base: u8 = match collection {
        Collection::Applications => 2,
        Collection::ServicePrincipals => 1,
    };
    let less = u8::from(options.select.is_some()) + u8::from(options.top.is_some_and(|top| top < 20));
    base.saturating_sub(less).max(1)
}
