//! Who calls Graph, and what their token lets them do.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::body::Sight;
use super::refusal::Refusal;
use super::server::Site;
use super::tenant::Directory;

/// Permissions that let an application list and read applications and service principals.
const READ_APPLICATIONS: &[&str] =
    &["Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];

/// Permissions that show everything of a user, and the one that shows who it is.
const READ_USERS: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const READ_USERS_BASIC: &str = "User.ReadBasic.All";

/// The first-party application that a challenge names.
const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// A caller whose token holds.
pub(super) struct Caller {
    pub(super) directory: Directory,
    pub(super) app_id: Uuid,
    pub(super) roles: Vec<String>,
}

impl Caller {
    /// Reads the bearer token of a request.
    pub(super) fn of(site: &Site, headers: &HeaderMap) -> Result<Self, Refusal> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => "",
        };
        if token.is_empty() {
            return Err(unauthorized(site, "Access token is empty.", None));
        }
        if token.split('.').count() != 3 {
            let message = "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be in JWS or JWE Compact \
                           Serialization Format.";
            return Err(unauthorized(site, message, None));
        }
        let Some(grant) = site.tokens.find(token) else {
            return Err(unauthorized(site, "Access token validation failure. Invalid audience.", None));
        };
        let (expired_before, revoked_before) = {
            let state = grant.directory.lock();
            (state.expired_before, state.revoked_before)
        };
        if grant.expires <= Instant::now() || grant.generation < expired_before {
            return Err(unauthorized(site, "Lifetime validation failed, the token is expired.", None));
        }
        if grant.generation < revoked_before {
            let message = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: \
                           TokenIssuedBeforeRevocationTimestamp";
            let claims = json!({ "access_token": { "nbf": { "essential": true, "value": site.now().timestamp().to_string() } } });
            return Err(unauthorized(site, message, Some(STANDARD.encode(claims.to_string()))));
        }
        Ok(Self { directory: grant.directory, app_id: grant.app_id, roles: grant.roles })
    }

    pub(super) fn reads_applications(&self) -> bool {
        READ_APPLICATIONS.iter().any(|role| self.has(role))
    }

    pub(super) fn sight_of_users(&self) -> Sight {
        if READ_USERS.iter().any(|role| self.has(role)) {
            Sight::Full
        } else if self.has(READ_USERS_BASIC) {
            Sight::Basic
        } else {
            Sight::Limited
        }
    }

    pub(super) fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|granted| granted == role)
    }
}

fn unauthorized(site: &Site, message: &str, claims: Option<String>) -> Refusal {
    let base = site.base();
    let mut challenge =
        format!("Bearer realm=\"\", authorization_uri=\"{base}/common/oauth2/authorize\", client_id=\"{GRAPH_APP_ID}\"");
    if let Some(claims) = claims {
        challenge = format!("{challenge}, error=\"insufficient_claims\", claims=\"{claims}\"");
    }
    let mut refusal = Refusal::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
    refusal.challenge = Some(challenge);
    refusal
}
