//! OIDC discovery: which tenant a domain belongs to, and in which cloud it lives.

use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::attempts::{Attempts, Patience};
use super::error::{Error, Server, Trace};
use super::retry::Fault;
use super::sign_in::SignInRefused;
use super::{Context, http, wire};
use crate::clock::UtcTime;
use crate::config::TenantConfig;

/// The GUID of a tenant: written in the configuration, or found under its domain.
pub(super) async fn tenant_guid(tenant: &TenantConfig, context: &Context, mut patience: Patience) -> Result<String, Error> {
    match Uuid::parse_str(tenant.tenant_id.trim()) {
        Ok(guid) => Ok(guid.to_string()),
        Err(_) => discover(tenant, context, &mut patience).await.map(|found| found.tenant),
    }
}

/// What Entra says of a tenant to anybody who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The tenant's GUID.
    pub tenant: String,
    /// The host of Microsoft Graph in the tenant's cloud.
    pub graph_host: Option<String>,
    /// The time of Entra's clock when it answered.
    pub date: Option<UtcTime>,
}

/// Asks for it.
pub(super) async fn discover(tenant: &TenantConfig, context: &Context, patience: &mut Patience) -> Result<Discovery, Error> {
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
                    (200, Some(tenant)) => {
                        return Ok(Discovery { tenant, graph_host: graph_host_of(&body), date: reply.date() });
                    }
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
        if !attempts.again(fault, wait, patience).await {
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

fn graph_host_of(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        msgraph_host: Option<String>,
    }
    let host = serde_json::from_str::<Document>(body).ok()?.msgraph_host?;
    Some(wire::printable(&host).to_lowercase()).filter(|host| !host.is_empty())
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
