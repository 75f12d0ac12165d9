//! What is answered when the question is wrong: RFC 9457 to programs, a helpful page to people.

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
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

    /// An address that is not UTF-8 once it is decoded.
    pub(super) fn not_text() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this address: it is not text".to_owned())
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

    /// Somebody who has not said who they are, or not rightly.
    pub(super) fn unknown_reader() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign in with a name and password, or with a token, of http.auth".to_owned())
    }

    /// As a page to people, as JSON to programs.
    pub(super) fn answer(self, state: &WebState, asker: Asker) -> Response {
        match asker {
            Asker::Person => self.page(state),
            Asker::Program => self.into_response(),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A browser, or whoever wants what browsers get.
    Person,
    /// Whoever asks the API for what it gives, or scrapes.
    Program,
}

impl Asker {
    pub(super) fn of(uri: &Uri, accept: Option<&HeaderValue>) -> Self {
        let wants_page = accept.and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
        let is_program = uri.path().starts_with("/api/") || uri.path() == "/metrics";
        if wants_page || !is_program { Self::Person } else { Self::Program }
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
    Problem::missing(detail).answer(&state, Asker::of(&uri, headers.get(ACCEPT)))
}

/// Everything is read only.
pub(super) async fn wrong_method(State(state): State<WebState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let detail = format!("{method} is not possible here: everything is read only, ask with GET");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).answer(&state, Asker::of(&uri, headers.get(ACCEPT)))
}

/// What the layers around the handlers refuse (a large body, an answer that takes too long) in the same form as everything else.
pub(super) async fn dress(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let asker = Asker::of(request.uri(), request.headers().get(ACCEPT));
    let response = next.run(request).await;
    let detail = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "nothing here reads a body: ask with GET and without one",
        StatusCode::GATEWAY_TIMEOUT => "the answer took too long; ask for less, with filters or a smaller limit",
        _ => return response,
    };
    Problem::new(response.status(), detail.to_owned()).answer(&state, asker)
}
