//! How Graph says no.

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::UtcTime;

/// What each answer is marked with.
#[derive(Clone)]
pub(super) struct Stamp {
    pub(super) at: UtcTime,
    pub(super) request_id: Uuid,
    /// The caller's own id, or the one above.
    pub(super) client_request_id: String,
}

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// `WWW-Authenticate`.
    pub(super) challenge: Option<String>,
    /// `Location`.
    pub(super) location: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), challenge: None, location: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    /// A request that could not be parsed, refused before the directory saw it.
    pub(super) fn unparsable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    pub(super) fn denied() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    }

    pub(super) fn not_found(what: &str) -> Self {
        let message =
            format!("Resource '{what}' does not exist or one of its queried reference-property objects are not present.");
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", message)
    }

    pub(super) fn json(&self, stamp: &Stamp) -> Value {
        json!({
            "error": {
                "code": self.code,
                "message": self.message,
                "innerError": {
                    "date": stamp.at.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    "request-id": stamp.request_id,
                    "client-request-id": stamp.client_request_id,
                },
            },
        })
    }
}
