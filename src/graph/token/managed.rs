//! Managed identities: the platform knows the machine, and issues its tokens at an address that only the machine reaches.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::Token;
use super::endpoint::read_token;
use crate::config::{IdentityEndpoint, ManagedIdentity};
use crate::graph::attempts::{Attempts, Patience};
use crate::graph::error::{Error, Server, Trace};
use crate::graph::http::{self, Reply};
use crate::graph::retry::Fault;
use crate::graph::{Context, wire};

/// Fetches a token for `scope`; what passes by itself is tried again.
pub(super) async fn fetch(
    identity: &ManagedIdentity,
    context: &Context,
    tenant: &str,
    scope: &str,
    patience: &mut Patience,
) -> Result<Token, Error> {
    let (url, header) = request(identity, scope)?;
    let host = http::host_of(&url);
    let mut attempts = Attempts::new(context, tenant);
    loop {
        let request = context.http.get(url.clone()).header(header.0, header.1.expose_secret());
        let (error, fault, wait) = match http::exchange(request, &host, patience.limits()).await {
            Ok(reply) => match read(&reply, context) {
                Ok(token) => return Ok(token),
                Err((error, fault)) => (error, fault, attempts.retry_after(&reply)),
            },
            Err(error @ (Error::Network { .. } | Error::Timeout { .. })) => (unreachable(identity, error), Fault::Network, None),
            Err(error) => return Err(error),
        };
        if !attempts.again(fault, wait, patience).await {
            return Err(error);
        }
    }
}

/// Where to ask, and with which header.
fn request(identity: &ManagedIdentity, scope: &str) -> Result<(Url, (&'static str, SecretString)), Error> {
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let (mut url, version, header) = match &identity.endpoint {
        IdentityEndpoint::Metadata(base) => {
            let no_url = |error| Error::Address(format!("the metadata service at {base} has no path for tokens ({error})"));
            let url = base.join("/metadata/identity/oauth2/token").map_err(no_url)?;
            (url, "2018-02-01", ("metadata", SecretString::from("true")))
        }
        IdentityEndpoint::AppService { url, header } => (url.clone(), "2019-08-01", ("x-identity-header", header.clone())),
    };
    url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", resource);
    if let Some(client_id) = &identity.client_id {
        url.query_pairs_mut().append_pair("client_id", client_id);
    }
    Ok((url, header))
}

/// Reads an answer; the fault says whether the endpoint may be asked again.
fn read(reply: &Reply, context: &Context) -> Result<Token, (Error, Fault)> {
    let body = wire::repair(&reply.body);
    let server = Server::ManagedIdentity;
    match reply.status {
        200 => read_token(&body, |ends| {
            Duration::from_secs(ends.saturating_sub(context.clock.now().timestamp()).try_into().unwrap_or(0))
        })
        .map_err(|cause| (Error::Undecodable { server, cause, trace: Trace::default() }, Fault::Garbled)),
        400 => Err((Error::Identity(unknown(&body)), Fault::Status(400))),
        // While the machine starts, the endpoint does not know its identity yet, and while it is serviced it is gone.
        status @ (404 | 410) => {
            Err((Error::Status { server, status, message: said(&body), trace: Trace::default() }, Fault::Passing))
        }
        status => Err((Error::Status { server, status, message: said(&body), trace: Trace::default() }, Fault::Status(status))),
    }
}

fn said(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(alias = "message")]
        error_description: String,
    }
    serde_json::from_str::<Refusal>(body).ok().map(|refusal| wire::printable(&refusal.error_description))
}

fn unknown(body: &str) -> String {
    let said = said(body).map(|said| format!(" ({})", said.trim_end_matches('.'))).unwrap_or_default();
    format!(
        "this machine has no such managed identity{said}; assign one to it, or check client_id in the sign-in: it is the identity's client id, \
         and is left out for the machine's own"
    )
}

fn unreachable(identity: &ManagedIdentity, error: Error) -> Error {
    let Error::Network { host, cause, .. } = error else { return error };
    let where_it_works = match identity.endpoint {
        IdentityEndpoint::Metadata(_) => {
            "managed identities work on Azure's virtual machines, AKS nodes, App Service and Container Apps only"
        }
        IdentityEndpoint::AppService { .. } => "check IDENTITY_ENDPOINT",
    };
    Error::Identity(format!("the managed identity endpoint at {host} cannot be reached ({cause}); {where_it_works}"))
}
