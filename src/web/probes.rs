//! The three questions a machine asks: does the process work, may it get requests, can it do its job.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::WebState;
use super::auth::Reader;
use super::health::{self, Status};

/// A store that takes longer to answer cannot be worked with.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// `/healthz`: each task shows progress. For liveness probes: a restart mends what this finds, and nothing else makes it fail.
pub(super) async fn healthz(State(state): State<WebState>, Extension(reader): Extension<Reader>) -> Response {
    let stuck = state.parts().progress.stuck();
    if stuck.is_empty() {
        return (StatusCode::OK, "ok\n").into_response();
    }
    let mut text = String::new();
    for (task, silent) in stuck {
        let _ = writeln!(text, "{task} has shown no sign of life for {} seconds", silent.as_secs());
    }
    unavailable(text, reader)
}

/// `/readyz`: the store answers and every tenant's state has been loaded from it.
pub(super) async fn readyz(State(state): State<WebState>, Extension(reader): Extension<Reader>) -> Response {
    let parts = state.parts();
    let mut text = String::new();
    match tokio::time::timeout(STORE_WITHIN, parts.store.is_empty()).await {
        Ok(Ok(_)) => {}
        Ok(Err(reason)) => drop(writeln!(text, "the store does not answer: {reason}")),
        Err(_) => drop(writeln!(text, "the store has not answered within {} seconds", STORE_WITHIN.as_secs())),
    }
    for tenant in parts.tenants().iter().filter(|tenant| tenant.version == 0) {
        let _ = writeln!(text, "the state of the tenant {:?} is not loaded yet", tenant.tenant.name);
    }
    if text.is_empty() { (StatusCode::OK, "ready\n").into_response() } else { unavailable(text, reader) }
}

/// Why not, to those who may know the names in it.
fn unavailable(why: String, reader: Reader) -> Response {
    let text = match reader {
        Reader::Known => why,
        Reader::Stranger => "not available; ask again signed in, or read the log, to know why\n".to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

/// `/api/v1/health`: every tenant is seen and mails leave. For monitors, never for probes: a restart does not mend it.
pub(super) async fn health(State(state): State<WebState>) -> Response {
    let parts = state.parts();
    let health = health::judge(&parts.tenants(), &parts.delivery.get(), parts.now());
    let code = if health.status == Status::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(health)).into_response()
}
