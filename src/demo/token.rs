//! The token endpoint: client credentials in, a token with the consented permissions out.
//!
//! Tokens look like those of Entra. What holds of them is kept beside, so a token from elsewhere is worth nothing. Their life is
//! machine time, as it is for the client that keeps them; whether a secret has ended is policy time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;
use tokio::time::Instant;
use uuid::Uuid;

use super::assertion;
use super::record::{Collection, Record};
use super::server::Site;
use super::sts::StsError;
use super::tenant::{Directory, State};
use crate::clock::UtcTime;
use crate::config::Cloud;

/// Entra varies the life of a token, in seconds, so that not everybody comes back at once.
const LIFE: std::ops::RangeInclusive<u64> = 3_599..=5_399;

/// The permission to sign in to Exchange's SMTP servers.
const SMTP_SEND: &str = "SMTP.SendAsApp";

/// What a token stands for.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) directory: Directory,
    pub(super) app_id: Uuid,
    pub(super) roles: Vec<String>,
    pub(super) generation: u64,
    pub(super) expires: Instant,
}

/// Every token that was issued.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Grant>>);

impl Tokens {
    pub(super) fn find(&self, token: &str) -> Option<Grant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    fn keep(&self, token: String, grant: Grant) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // An ended one is remembered for as long again, so that it is refused as ended and not as unknown.
        tokens.retain(|_, known| now.saturating_duration_since(known.expires) < Duration::from_secs(*LIFE.end()));
        tokens.insert(token, grant);
    }
}

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn issue(site: &Site, tenant: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, StsError> {
    let directory = find_tenant(site, tenant)?;
    let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let (basic_id, basic_secret) = basic(headers).unzip();
    let parameter = |name: &str| form.get(name).filter(|value| !value.is_empty());

    let grant_type = parameter("grant_type").ok_or_else(|| StsError::missing_parameter("grant_type"))?;
    if grant_type != "client_credentials" {
        return Err(StsError::unsupported_grant(grant_type));
    }
    let client_id = parameter("client_id").or(basic_id.as_ref()).ok_or_else(|| StsError::missing_parameter("client_id"))?;
    let scope = parameter("scope").ok_or_else(|| StsError::missing_parameter("scope"))?;
    let resource = scope.strip_suffix("/.default").ok_or_else(|| StsError::invalid_scope(scope))?;
    let for_exchange = Cloud::iter().any(|cloud| cloud.preset().smtp_scope.is_some_and(|known| known == scope));
    if !for_exchange && resource.trim_end_matches('/') != site.base() {
        return Err(StsError::unknown_resource(resource, tenant));
    }
    let assertion = parameter("client_assertion");
    if assertion.is_some() && parameter("client_assertion_type").is_none_or(|kind| kind != assertion::TYPE) {
        return Err(StsError::missing_parameter("client_assertion_type"));
    }
    let secret = parameter("client_secret").or(basic_secret.as_ref());

    let now = directory.now();
    let mut state = directory.lock();
    let (app_id, principal_id, roles) = {
        let principal = find_application(&state, client_id, tenant)?;
        match (assertion, secret) {
            (Some(text), _) => {
                assertion::check(&state, principal.app_id, text, now, |audience| {
                    is_token_endpoint(site, &state, tenant, audience)
                })?;
            }
            (None, Some(secret)) => check_secret(&state, principal.app_id, secret, now)?,
            (None, None) => return Err(StsError::missing_secret()),
        }
        (principal.app_id, principal.id, principal.principal.roles.clone())
    };
    if let Some(text) = assertion {
        assertion::use_up(&mut state, text)?;
    }
    let life = state.rng.u64(LIFE);
    let mut claims = json!({
        "aud": if for_exchange { resource } else { site.base() },
        "iss": format!("https://sts.windows.net/{}/", state.tenant),
        "iat": now.timestamp(),
        "nbf": now.timestamp(),
        "exp": now.timestamp() + i64::try_from(life).unwrap_or(0),
        "appid": app_id,
        "appidacr": if assertion.is_some() { "2" } else { "1" },
        "idp": format!("https://sts.windows.net/{}/", state.tenant),
        "idtyp": "app",
        "oid": principal_id.0,
        "sub": principal_id.0,
        "tid": state.tenant,
        "uti": state.new_text(22),
        "ver": "1.0",
    });
    // Exchange's own permissions are told apart from those of Graph by their names.
    let (of_exchange, of_graph): (Vec<_>, Vec<_>) = roles.into_iter().partition(|role| role == SMTP_SEND);
    let roles = if for_exchange { of_exchange } else { of_graph };
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    let token = write(&claims, &state.new_text(256));
    let generation = state.generation;
    drop(state);
    let expires = Instant::now() + Duration::from_secs(life);
    // Graph takes a token for somebody else as little as one from elsewhere.
    if !for_exchange {
        site.tokens.keep(token.clone(), Grant { directory, app_id, roles, generation, expires });
    }
    Ok(json!({ "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token }))
}

/// Answers `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(super) fn discover(site: &Site, tenant: &str) -> Result<Value, StsError> {
    let directory = find_tenant(site, tenant).map_err(|error| StsError { error: "invalid_tenant", ..error })?;
    let (base, id) = (site.base(), directory.tenant_id());
    Ok(json!({
        "token_endpoint": format!("{base}/{id}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{id}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{base}/{id}/v2.0"),
        "authorization_endpoint": format!("{base}/{id}/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{base}/{id}/oauth2/v2.0/devicecode"),
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": base.split_once("://").map_or(base, |(_, host)| host),
    }))
}

fn find_tenant(site: &Site, tenant: &str) -> Result<Directory, StsError> {
    let id = Uuid::parse_str(tenant).ok();
    if id.is_none() && !tenant.contains('.') {
        return Err(StsError::malformed_tenant(tenant));
    }
    site.directory(tenant, id).ok_or_else(|| StsError::unknown_tenant(tenant))
}

/// The service principal of the application that signs in.
fn find_application<'a>(state: &'a State, client_id: &str, tenant: &str) -> Result<&'a Record, StsError> {
    let unknown = || StsError::unknown_application(client_id, tenant);
    let app_id = Uuid::parse_str(client_id).map_err(|_| unknown())?;
    let application = state.registered(Collection::Applications, app_id);
    let Some(principal) = state.registered(Collection::ServicePrincipals, app_id) else {
        return Err(if application.is_some() { StsError::missing_principal(client_id, tenant) } else { unknown() });
    };
    if principal.is_off() || application.is_some_and(Record::is_off) {
        return Err(StsError::disabled_application(client_id, &principal.name));
    }
    Ok(principal)
}

/// An assertion may be meant for the address it is sent to, or for the one that discovery names.
fn is_token_endpoint(site: &Site, state: &State, tenant: &str, audience: &str) -> bool {
    let base = site.base();
    let endpoint = |tenant: &dyn std::fmt::Display| format!("{base}/{tenant}/oauth2/v2.0/token");
    audience == endpoint(&tenant) || audience == endpoint(&state.tenant) || audience == format!("{base}/{}/v2.0", state.tenant)
}

/// Secrets of the application and of its service principal both sign in.
fn check_secret(state: &State, app_id: Uuid, secret: &str, now: UtcTime) -> Result<(), StsError> {
    let passwords = state.all_registered(app_id).flat_map(|record| &record.passwords);
    let matching: Vec<_> = passwords.filter(|password| password.value.as_deref() == Some(secret)).collect();
    let started = |start: Option<UtcTime>| start.is_none_or(|start| start <= now);
    let ended = |end: Option<UtcTime>| end.is_some_and(|end| end <= now);
    if matching.iter().any(|password| started(password.start) && !ended(password.end)) {
        Ok(())
    } else if matching.iter().any(|password| ended(password.end)) {
        Err(StsError::expired_secret(&app_id.to_string()))
    } else {
        Err(StsError::wrong_secret(&app_id.to_string()))
    }
}

/// Client id and secret of `Authorization: Basic`, each percent-encoded before they are joined.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let joined = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(id), decode(secret)))
}

fn write(claims: &Value, signature: &str) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": "simulated", "kid": "simulated" });
    format!("{}.{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()), part(signature.as_bytes()))
}
