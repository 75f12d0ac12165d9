//! What is answered when the question is wrong: RFC 9457 to programs, a helpful page to people.

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

use super::WebState;
use super::filter::Complaint;

/// A problem detail object.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Complaint>,
}

impl Problem {
    fn new(status: StatusCode, detail: String) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: "about:blank", title, status: status.as_u16(), detail, errors: Vec::new() }
    }

    /// Parameters that cannot be read.
    pub(super) fn parameters(errors: Vec<Complaint>) -> Self {
        let told: Vec<_> = errors.iter().map(|error| format!("{}: {}", error.parameter, error.detail)).collect();
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, told.join("; ")) }
    }

    /// Something that is not there.
    pub(super) fn missing(detail: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// A fault of ours: told to the log, not to the reader.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "an answer could not be written");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be written; the log of EntraWatch says why".to_owned())
    }

    /// As a page.
    pub(super) fn page(self, state: &WebState) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match state.templates().render("problem.html", &self) {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => self.into_response(),
        }
    }

    /// As a page to those who ask for one, else as JSON.
    fn answer(self, state: &WebState, uri: &Uri, headers: &HeaderMap) -> Response {
        let wants_page =
            headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
        if wants_page || !uri.path().starts_with("/api/") { self.page(state) } else { self.into_response() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], body).into_response()
    }
}

/// Nothing is here.
pub(super) async fn unknown_path(State(state): State<WebState>, uri: Uri, headers: HeaderMap) -> Response {
    let detail = if uri.path().starts_with("/api/") {
        "there is nothing at this path; there is /api/v1/credentials, /api/v1/tenants, /api/v1/notifications and /api/v1/health"
            .to_owned()
    } else {
        format!("there is no page at {}", uri.path())
    };
    Problem::missing(detail).answer(&state, &uri, &headers)
}

/// Everything is read only.
pub(super) async fn wrong_method(State(state): State<WebState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let detail = format!("{method} is not possible here: everything is read only, ask with GET");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).answer(&state, &uri, &headers)
}
