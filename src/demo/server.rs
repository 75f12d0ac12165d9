//! The simulated tenants over HTTP: routes, headers, and the loopback server.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, IntoHeaderName, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use super::access::Caller;
use super::graph::Answer;
use super::refusal::{Refusal, Stamp};
use super::sts::StsError;
use super::tenant::Directory;
use super::token::Tokens;
use super::{batch, graph, mailbox, token};
use crate::clock::UtcTime;

/// The largest request body that Graph takes, in bytes.
const LARGEST_REQUEST: usize = 4 << 20;

/// What the handlers share.
pub(super) struct Site {
    base: String,
    directories: Vec<Directory>,
    pub(super) tokens: Tokens,
}

impl Site {
    /// Where this is served, without a trailing slash.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn now(&self) -> UtcTime {
        self.directories.first().map(Directory::now).unwrap_or_default()
    }

    pub(super) fn directory(&self, domain: &str, id: Option<Uuid>) -> Option<Directory> {
        let is_it = |directory: &&Directory| match id {
            Some(id) => directory.tenant_id() == id,
            None => directory.domain().eq_ignore_ascii_case(domain),
        };
        self.directories.iter().find(is_it).cloned()
    }

    fn stamp(&self, headers: &HeaderMap) -> Stamp {
        let request_id = Uuid::new_v4();
        let given = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        Stamp { at: self.now(), request_id, client_request_id: given.map_or_else(|| request_id.to_string(), str::to_owned) }
    }
}

/// Everything that is served at `base`: sign-in and Graph of each of `directories`. Faults are layered round it.
pub fn router(base: &Url, directories: impl IntoIterator<Item = Directory>) -> Router {
    let base = base.as_str().trim_end_matches('/').to_owned();
    let site = Site { base, directories: directories.into_iter().collect(), tokens: Tokens::default() };
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(issue_token))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discover))
        .route("/v1.0/$batch", post(answer_batch))
        .route("/v1.0/users/{user}/sendMail", post(send_mail))
        .fallback(answer_graph)
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(Arc::new(site))
}

/// Serves `directories` on `listener` until `stop`. Returns where.
pub fn serve(
    listener: TcpListener,
    directories: impl IntoIterator<Item = Directory>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> io::Result<Url> {
    let base = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
    let router = router(&base, directories);
    tasks.spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "the simulated tenant stopped");
        }
    });
    Ok(base)
}

async fn issue_token(State(site): State<Arc<Site>>, Path(tenant): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let stamp = site.stamp(&headers);
    sts_response(token::issue(&site, &tenant, &headers, &body), &stamp)
}

async fn discover(State(site): State<Arc<Site>>, Path(tenant): Path<String>, headers: HeaderMap) -> Response {
    let stamp = site.stamp(&headers);
    sts_response(token::discover(&site, &tenant), &stamp)
}

async fn answer_batch(State(site): State<Arc<Site>>, headers: HeaderMap, body: Bytes) -> Response {
    let stamp = site.stamp(&headers);
    let answer = Caller::of(&site, &headers).and_then(|caller| batch::answer(&site, &caller, &body, &stamp));
    graph_response(answer, &stamp)
}

async fn send_mail(State(site): State<Arc<Site>>, Path(user): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let stamp = site.stamp(&headers);
    let answer = Caller::of(&site, &headers).and_then(|caller| mailbox::send(&caller, &user, &headers, &body));
    graph_response(answer, &stamp)
}

async fn answer_graph(State(site): State<Arc<Site>>, request: Request) -> Response {
    let headers = request.headers();
    let stamp = site.stamp(headers);
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let Some(target) = target.strip_prefix("/v1.0/") else {
        let version = target.trim_start_matches('/').split('/').next().unwrap_or_default();
        return graph_response(Err(Refusal::unparsable(format!("Invalid version: {version}"))), &stamp);
    };
    let level = headers.get("ConsistencyLevel").and_then(|value| value.to_str().ok());
    let eventual = level.is_some_and(|value| graph::is_eventual("ConsistencyLevel", value));
    let answer = Caller::of(&site, headers).and_then(|caller| graph::answer(&site, &caller, request.method(), target, eventual));
    graph_response(answer, &stamp)
}

fn sts_response(answer: Result<serde_json::Value, StsError>, stamp: &Stamp) -> Response {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (error.status, error.json(stamp)),
    };
    let mut response = response(status, "application/json; charset=utf-8", body.to_string().into_bytes(), stamp);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    set(&mut response, "x-ms-request-id", &stamp.request_id.to_string());
    response
}

fn graph_response(answer: Result<Answer, Refusal>, stamp: &Stamp) -> Response {
    let mut response = match answer {
        Ok(answer) => {
            let mut response = response(answer.status, graph::CONTENT_TYPE, answer.body, stamp);
            set(&mut response, "x-ms-resource-unit", &answer.units.to_string());
            set(&mut response, "OData-Version", "4.0");
            response
        }
        Err(refusal) => {
            let body = refusal.json(stamp).to_string().into_bytes();
            let mut response = response(refusal.status, "application/json", body, stamp);
            if let Some(challenge) = &refusal.challenge {
                set(&mut response, WWW_AUTHENTICATE, challenge);
            }
            if let Some(location) = &refusal.location {
                set(&mut response, LOCATION, location);
            }
            response
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    set(&mut response, "request-id", &stamp.request_id.to_string());
    set(&mut response, "client-request-id", &stamp.client_request_id);
    response
}

fn response(status: StatusCode, kind: &'static str, body: Vec<u8>, stamp: &Stamp) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    set(&mut response, DATE, &stamp.at.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    response
}

/// Sets a header, unless the value cannot be one.
fn set(response: &mut Response, name: impl IntoHeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
