//! OIDC discovery: which tenant a domain belongs to.

use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::attempts::{Attempts, Patience};
use super::error::{Error, Server, Trace};
use super::retry::Fault;
use super::sign_in::SignInRefused;
use super::{Context, http, wire};
use crate::config::TenantConfig;

/// The GUID of a tenant: written in the configuration, or found under its domain.
pub(super) async fn tenant_guid(tenant: &TenantConfig, context: &Context, mut patience: Patience) -> Result<String, Error> {
    if let Ok(guid) = Uuid::parse_str(tenant.tenant_id.trim()) {
        return Ok(guid.to_string());
    }
    let url = format!(
        "{}/{}/v2.0/.well-known/openid-configuration",
        tenant.login_url.as_str().trim_end_matches('/'),
        tenant.tenant_id.trim()
    );
    let host = http::host_of(&tenant.login_url);
    let mut attempts = Attempts::new(context, &tenant.name);
    loop {
        let request = context.http.get(&url).header("accept", "application/json");
        let (error, fault, wait) = match http::exchange(request, &host, patience.limits()).await {
            Ok(reply) => {
                let body = wire::repair(&reply.body);
                let wait = attempts.retry_after(&reply);
                match (reply.status, guid_of(&body)) {
                    (200, Some(guid)) => return Ok(guid),
                    (200, None) => {
                        let cause = "it names no issuer with a tenant".to_owned();
                        (Error::Undecodable { server: Server::SignIn, cause, trace: Trace::default() }, Fault::Garbled, wait)
                    }
                    (status, _) => (refusal(status, &body), Fault::Status(status), wait),
                }
            }
            Err(error @ (Error::Network { .. } | Error::Timeout { .. })) => (error, Fault::Network, None),
            Err(error) => return Err(error),
        };
        if !attempts.again(fault, wait, &mut patience).await {
            return Err(error);
        }
    }
}

fn refusal(status: u16, body: &str) -> Error {
    match SignInRefused::read(body) {
        Some(refused) => refused.into(),
        None => Error::Status { server: Server::SignIn, status, message: None, trace: Trace::default() },
    }
}

/// The GUID in the issuer's path, as in `https://login.microsoftonline.com/GUID/v2.0`.
fn guid_of(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
    }
    let issuer = Url::parse(&serde_json::from_str::<Document>(body).ok()?.issuer).ok()?;
    issuer.path_segments()?.find_map(|segment| Uuid::parse_str(segment).ok()).map(|guid| guid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guid_is_in_the_issuer_of_any_cloud() {
        for issuer in [
            "https://login.microsoftonline.com/72F988BF-86F1-41AF-91AB-2D7CD011DB47/v2.0",
            "https://login.partner.microsoftonline.cn/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
            "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
        ] {
            let guid = guid_of(&format!(r#"{{"issuer":"{issuer}"}}"#));
            assert_eq!(guid.as_deref(), Some("72f988bf-86f1-41af-91ab-2d7cd011db47"), "{issuer}");
        }
        for body in ["", "{}", r#"{"issuer":null}"#, r#"{"issuer":"https://login.microsoftonline.com/common/v2.0"}"#] {
            assert_eq!(guid_of(body), None, "{body}");
        }
    }
}
