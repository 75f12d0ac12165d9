//! Style sheet and icon, in the binary. Their addresses change with their content, so that a browser may keep them for ever.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::WebState;
use super::problem::Problem;

pub(super) const STYLE: &str = include_str!("assets/style.css");
const ICON: &str = include_str!("assets/icon.svg");

/// A style sheet or a picture.
pub(super) async fn serve(State(state): State<WebState>, name: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(name)) = name else { return Problem::not_text().page(&state) };
    let (kind, body) = match name.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Problem::missing(format!("there is no file {name:?}")).page(&state),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, body).into_response()
}
