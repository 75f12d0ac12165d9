//! The client of one tenant, and how it sends one request.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use super::attempts::{Attempts, Patience};
use super::budget::Budget;
use super::discovery::{self, Discovery};
use super::error::{Error, Server, Trace};
use super::http::{self, Limits, Reply};
use super::retry::Fault;
use super::token::{self, Token, Tokens};
use super::{Context, wire};
use crate::config::TenantConfig;
use crate::progress::Progress;

/// The permission that everything here needs.
const PERMISSION: &str = "Application.Read.All";

/// How long one question of `doctor` may take, second tries included.
pub(super) const TRIAL: Duration = Duration::from_secs(30);

/// Reads one tenant. Cheap to clone; clones share tokens and budgets.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tenant: TenantConfig,
    scope: String,
    tokens: Arc<Tokens>,
    context: Context,
    guid: OnceCell<String>,
    budget: Budget,
    limits: Limits,
}

/// A request to Graph.
#[derive(Debug)]
pub(super) struct Ask {
    pub url: Url,
    /// What to post; `None`: a GET.
    pub body: Option<Payload>,
    /// How much of the budget for `keyCredentials` it takes.
    pub keys: usize,
}

/// What is posted.
#[derive(Debug)]
pub(super) enum Payload {
    /// JSON.
    Json(Value),
    /// A mail, in base64.
    Mime(String),
}

impl Ask {
    /// A GET of a page that names `keyCredentials`.
    pub fn page(url: Url) -> Self {
        Self { url, body: None, keys: 1 }
    }
}

impl Client {
    /// A client for `tenant`. Nothing is sent yet.
    #[must_use]
    pub fn new(tenant: &TenantConfig, context: Context) -> Self {
        Self::with_limits(tenant, context, Limits::default())
    }

    /// The same, with other limits for each answer.
    #[must_use]
    pub fn with_limits(tenant: &TenantConfig, context: Context, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            limits,
            tokens: Arc::new(Tokens::new(tenant, context.clone(), limits)),
            scope: format!("{}/.default", tenant.graph_url.as_str().trim_end_matches('/')),
            tenant: tenant.clone(),
            context,
            guid: OnceCell::new(),
            budget: Budget::new(limits.keys_per_minute),
        }))
    }

    /// The same for mails, which share the tenant's tokens: a mail on its way is no sign that the tenant's own task lives.
    #[must_use]
    pub fn for_mails(&self) -> Self {
        let Inner { tenant, scope, tokens, context, limits, .. } = &*self.0;
        Self(Arc::new(Inner {
            limits: *limits,
            tokens: Arc::clone(tokens),
            scope: scope.clone(),
            tenant: tenant.clone(),
            context: Context { progress: Progress::default(), ..context.clone() },
            guid: OnceCell::new(),
            budget: Budget::new(limits.keys_per_minute),
        }))
    }

    /// The tenant's name, as configured.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.tenant.name
    }

    /// The tenant's GUID, which is what it is known by: a domain is resolved once.
    pub async fn tenant_guid(&self) -> Result<String, Error> {
        let Inner { tenant, context, guid, .. } = &*self.0;
        guid.get_or_try_init(|| discovery::tenant_guid(tenant, context, self.patience())).await.cloned()
    }

    /// What Entra says of the tenant to anybody: where it lives, and what time it is there.
    pub async fn discover(&self) -> Result<Discovery, Error> {
        let Inner { tenant, context, .. } = &*self.0;
        discovery::discover(tenant, context, &mut self.patience_of(TRIAL)).await
    }

    /// A token for Graph, as every request would use it.
    pub async fn token(&self) -> Result<Arc<Token>, Error> {
        self.tokens().get_within(self.scope(), &mut self.patience_of(TRIAL)).await
    }

    /// The tokens, shared with whatever else signs in as this tenant's application.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// What a token for Graph is asked for.
    pub(super) fn scope(&self) -> &str {
        &self.0.scope
    }

    /// The next request fetches a fresh token.
    pub(super) async fn renew_token(&self) {
        let Inner { tokens, scope, .. } = &*self.0;
        if let Ok(token) = tokens.get(scope).await {
            tokens.drop_refused(scope, &token, None).await;
        }
    }

    /// For work that takes as long as it takes.
    pub(super) fn patience(&self) -> Patience {
        Patience::endless(self.0.limits)
    }

    /// For work that must be over in time.
    pub(super) fn patience_of(&self, limit: Duration) -> Patience {
        Patience::of(limit, self.0.limits)
    }

    pub(super) fn context(&self) -> &Context {
        &self.0.context
    }

    /// The application that it signs in as, as configured.
    pub(super) fn client_id(&self) -> &str {
        &self.0.tenant.client_id
    }

    /// A URL of Graph's version 1.0, from a path and query.
    pub(super) fn url(&self, path: &str) -> Result<Url, Error> {
        let text = format!("{}/v1.0{path}", self.0.tenant.graph_url.as_str().trim_end_matches('/'));
        Url::parse(&text).map_err(|error| Error::Address(format!("{text:?} is no URL ({error}); check graph_url")))
    }

    /// A link that Graph sent, taken verbatim, if it leads to Graph.
    pub(super) fn link(&self, link: &str) -> Result<Url, Error> {
        let graph = &self.0.tenant.graph_url;
        let expected = || graph.origin().ascii_serialization();
        let foreign = |found: String| Error::ForeignLink { found: wire::printable(&found), expected: expected() };
        let url = Url::parse(link).map_err(|_| foreign("what is no URL".to_owned()))?;
        if url.origin() != graph.origin() || !url.username().is_empty() || url.password().is_some() {
            return Err(foreign(url.origin().ascii_serialization()));
        }
        Ok(url)
    }

    /// Sends a request until it succeeds, fails for good, or patience ends. `read` makes something of the body; where it
    /// cannot, the body counts as garbled.
    pub(super) async fn send<T>(
        &self,
        ask: &Ask,
        patience: &mut Patience,
        read: impl Fn(&str) -> Result<T, serde_json::Error>,
    ) -> Result<T, Error> {
        let Inner { context, tenant, tokens, scope, .. } = &*self.0;
        let mut attempts = Attempts::new(context, &tenant.name);
        let mut renewed = false;
        loop {
            let token = tokens.get_within(scope, patience).await?;
            self.keep_budget(ask.keys, patience).await?;
            let reply = match self.exchange(ask, &token, patience).await {
                Ok(reply) => reply,
                Err(error @ (Error::Network { .. } | Error::Timeout { .. })) => {
                    if attempts.again(Fault::Network, None, patience).await {
                        continue;
                    }
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            let body = wire::repair(&reply.body);
            let (error, fault) = match reply.status {
                200..=299 => match read(&body) {
                    Ok(result) => return Ok(result),
                    Err(error) => (undecodable(&reply, &error), Fault::Garbled),
                },
                401 if !renewed => {
                    renewed = true;
                    let claims = reply.header("www-authenticate").and_then(token::claims);
                    tracing::debug!(
                        tenant = tenant.name,
                        claims = claims.is_some(),
                        "the token was refused; a fresh one is fetched"
                    );
                    tokens.drop_refused(scope, &token, claims).await;
                    continue;
                }
                status => {
                    if status == 403 {
                        // With the permission granted, a new token is what brings it.
                        tokens.drop_refused(scope, &token, None).await;
                    }
                    (
                        refusal(status, &wire::Complaint::read(&body), reply.header("request-id"), attempts.made + 1),
                        Fault::Status(status),
                    )
                }
            };
            if !attempts.again(fault, attempts.retry_after(&reply), patience).await {
                return Err(error);
            }
        }
    }

    /// Waits until `keys` more requests for `keyCredentials` may be sent.
    async fn keep_budget(&self, keys: usize, patience: &mut Patience) -> Result<(), Error> {
        if keys == 0 {
            return Ok(());
        }
        let wait = self.0.budget.reserve(keys, Instant::now(), patience.left()).ok_or(Error::OutOfTime)?;
        if !wait.is_zero() {
            patience.spend(wait);
            self.0.context.wait(self.label(), wait).await;
        }
        Ok(())
    }

    pub(super) async fn exchange(&self, ask: &Ask, token: &Token, patience: &Patience) -> Result<Reply, Error> {
        let Inner { context, tenant, .. } = &*self.0;
        let request = match &ask.body {
            None => context.http.get(ask.url.clone()),
            Some(Payload::Json(body)) => context.http.post(ask.url.clone()).json(body),
            Some(Payload::Mime(mail)) => {
                context.http.post(ask.url.clone()).header("content-type", "text/plain").body(mail.clone())
            }
        };
        let id = uuid::Uuid::new_v4().to_string();
        let request = request
            .bearer_auth(token.expose())
            .header("accept", "application/json")
            .header("client-request-id", &id)
            .header("x-ms-throttle-priority", "Low");
        context.beat(&tenant.name);
        let began = Instant::now();
        let limits = patience.limits();
        if limits.answer_within.is_zero() {
            return Err(Error::OutOfTime);
        }
        let result = http::exchange(request, &http::host_of(&ask.url), limits).await;
        let status = result.as_ref().ok().map(|reply| reply.status);
        context.metrics.graph_answered(&tenant.name, status, elapsed(began));
        tracing::debug!(tenant = tenant.name, path = ask.url.path(), status, client_request_id = id, "asked Microsoft Graph");
        result
    }
}

fn elapsed(since: Instant) -> f64 {
    Duration::as_secs_f64(&since.elapsed())
}

fn undecodable(reply: &Reply, error: &serde_json::Error) -> Error {
    let trace = Trace { code: None, request_id: reply.header("request-id").map(wire::printable) };
    Error::Undecodable { server: Server::Graph, cause: wire::printable(&error.to_string()), trace }
}

/// What an answer of Graph that is no success means. `tries` were made.
pub(super) fn refusal(status: u16, said: &wire::Complaint, request_id: Option<&str>, tries: u32) -> Error {
    let request_id = said.request_id.clone().or_else(|| request_id.map(wire::printable));
    let trace = Trace { code: said.code.clone(), request_id };
    let is = |code: &str| said.code.as_deref().is_some_and(|said| said.eq_ignore_ascii_case(code));
    match status {
        401 => Error::TokenRefused(trace),
        403 => Error::Denied { permission: PERMISSION, trace },
        410 => Error::ResyncRequired(trace),
        400..=499 if is("syncStateNotFound") || is("resyncRequired") => Error::ResyncRequired(trace),
        429 => Error::Throttled { tries, trace },
        _ => Error::Status { server: Server::Graph, status, message: said.message.clone(), trace },
    }
}
