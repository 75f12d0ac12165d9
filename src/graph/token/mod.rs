//! Access tokens: one for each audience, shared by all who ask, renewed before it ends.
//!
//! A token that still lives is used while its renewal fails. Whoever comes while a token is being fetched waits for that one. Lifetimes
//! are machine time: a clock that is set does not end a token. What proves who EntraWatch is (a secret, a certificate, another
//! token) is read from its source at each fetch, so that a rotated one needs no restart.

mod certificate;
mod challenge;
mod claims;
mod endpoint;
mod managed;
mod proof;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::attempts::Patience;
use super::{Context, Error, Limits};
use crate::config::{AuthConfig, ManagedIdentity, TenantConfig};
use crate::own::{Mark, SignIn};
pub use certificate::{Unfit, check_certificate};
pub(super) use challenge::claims;
pub use claims::Claims;
use endpoint::Endpoint;
use proof::Proof;

/// How long before its end a token is renewed, where it lives long enough.
const RENEW_BEFORE: Duration = Duration::from_mins(5);

/// How long after a failed renewal a living token is used without another try.
const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A token this close to its end would be refused on its way.
const TOO_LATE: Duration = Duration::from_secs(10);

/// An access token.
#[derive(Clone)]
pub struct Token {
    secret: SecretString,
    renew_at: Instant,
    useless_at: Instant,
}

impl Token {
    fn new(secret: SecretString, lives: Duration) -> Self {
        let now = Instant::now();
        let renew_at = now + lives.saturating_sub(RENEW_BEFORE.min(lives / 2));
        Self { secret, renew_at, useless_at: now + lives.saturating_sub(TOO_LATE.min(lives / 10)) }
    }

    /// The token itself, for an `Authorization: Bearer` header.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The tokens of one tenant.
#[derive(Debug)]
pub struct Tokens {
    tenant: String,
    source: Source,
    context: Context,
    limits: Limits,
    slots: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// Who issues the tokens.
#[derive(Debug)]
enum Source {
    Endpoint(Endpoint),
    Managed(ManagedIdentity),
}

impl Source {
    fn of(tenant: &TenantConfig) -> Self {
        let proof = match tenant.auth.clone() {
            AuthConfig::Secret(secret) => Proof::Secret(secret),
            AuthConfig::Certificate { certificate_file, private_key } => Proof::Certificate { certificate_file, private_key },
            AuthConfig::WorkloadIdentity { token_file } => Proof::Federated { token_file },
            AuthConfig::ManagedIdentity(identity) => return Self::Managed(identity),
        };
        Self::Endpoint(Endpoint::new(tenant, proof))
    }
}

/// The token of one audience.
#[derive(Debug, Default)]
struct Slot {
    token: Option<Arc<Token>>,
    /// Not before then is a renewal tried again, as long as the token lives.
    renew_again_at: Option<Instant>,
    /// What Graph wants to see in the next token (continuous access evaluation).
    claims: Option<String>,
}

impl Tokens {
    /// The tokens of a tenant, as its configuration says how to get them.
    pub(super) fn new(tenant: &TenantConfig, context: Context, limits: Limits) -> Self {
        let source = Source::of(tenant);
        Self { tenant: tenant.name.clone(), source, context, limits, slots: Mutex::default() }
    }

    /// How it is signed in, and what tells the credential that is used from others.
    pub(super) async fn mark(&self) -> Result<(SignIn, Mark), Error> {
        match &self.source {
            Source::Managed(_) => Ok((SignIn::ManagedIdentity, Mark::None)),
            Source::Endpoint(endpoint) => endpoint.mark().await,
        }
    }

    /// A token for `scope` (as in `https://graph.microsoft.com/.default`) that is good for some time yet.
    pub async fn get(&self, scope: &str) -> Result<Arc<Token>, Error> {
        self.get_within(scope, &mut Patience::endless(self.limits)).await
    }

    pub(super) async fn get_within(&self, scope: &str, patience: &mut Patience) -> Result<Arc<Token>, Error> {
        let slot = self.slot(scope);
        let mut slot = slot.lock().await;
        let now = Instant::now();
        let living = slot.token.clone().filter(|token| now < token.useless_at);
        if let Some(token) = &living
            && (now < token.renew_at || slot.renew_again_at.is_some_and(|at| now < at))
        {
            return Ok(Arc::clone(token));
        }
        let Self { source, context, tenant, .. } = self;
        let fetched = match source {
            Source::Endpoint(endpoint) => endpoint.fetch(context, tenant, scope, slot.claims.as_deref(), patience).await,
            Source::Managed(identity) => managed::fetch(identity, context, tenant, scope, patience).await,
        };
        match (fetched, living) {
            (Ok(token), _) => {
                let token = Arc::new(token);
                *slot = Slot { token: Some(Arc::clone(&token)), ..Slot::default() };
                Ok(token)
            }
            (Err(error), Some(token)) => {
                tracing::warn!(tenant, %error, "the token cannot be renewed; the one at hand is used while it lives");
                slot.renew_again_at = Some(Instant::now() + RENEW_AGAIN_AFTER);
                Ok(token)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// `refused` was not accepted: the next one is fetched afresh, with the claims that were asked for. Where somebody else fetched a
    /// new one in the meantime, that one stands.
    pub(crate) async fn drop_refused(&self, scope: &str, refused: &Arc<Token>, claims: Option<String>) {
        let slot = self.slot(scope);
        let mut slot = slot.lock().await;
        if slot.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            *slot = Slot { claims, ..Slot::default() };
        }
    }

    fn slot(&self, scope: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(scope.to_owned()).or_default())
    }
}
