//! The pages for people: values for the templates, in words.

pub(super) mod about;
pub(super) mod app;
mod chart;
mod credential;
mod filters;
mod list;
pub(super) mod notifications;
pub(super) mod silences;
pub(super) mod status;
mod tenants;

use axum::response::{Html, IntoResponse as _, Response};
use serde::Serialize;
use url::form_urlencoded::byte_serialize;

use super::problem::Problem;
use super::{WebState, words};
use crate::clock::UtcTime;

/// Fills a template; where that fails, says so.
fn render(state: &WebState, template: &str, page: impl Serialize) -> Response {
    match state.templates().render(template, page) {
        Ok(html) => Html(html).into_response(),
        Err(error) => Problem::internal(&error).page(state),
    }
}

/// Where the page of an object is.
fn app_address(tenant: &str, object_id: &str) -> String {
    let segment = |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    format!("/apps/{}/{}", segment(tenant), segment(object_id))
}

/// An instant as a page shows it.
#[derive(Debug, Serialize)]
struct Moment {
    /// For machines.
    iso: String,
    /// For people.
    text: String,
    /// How far away.
    distance: String,
}

impl Moment {
    fn of(at: UtcTime, now: UtcTime) -> Self {
        Self { iso: at.to_rfc3339(), text: words::instant(at), distance: words::distance(at, now) }
    }
}
