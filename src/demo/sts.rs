//! How the token endpoint says no: AADSTS codes with the status and the error that came with them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::refusal::Stamp;

/// An error of the token endpoint.
#[derive(Debug)]
pub(super) struct StsError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) text: String,
}

impl StsError {
    fn bad_request(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, code, text: text.into() }
    }

    fn invalid_client(code: u32, text: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, error: "invalid_client", code, text: text.into() }
    }

    pub(super) fn missing_parameter(name: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Self::bad_request("invalid_request", 900_144, text)
    }

    pub(super) fn malformed_tenant(tenant: &str) -> Self {
        let text = format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.");
        Self::bad_request("invalid_request", 900_023, text)
    }

    pub(super) fn unknown_tenant(tenant: &str) -> Self {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. \
             Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
        );
        Self::bad_request("invalid_request", 90_002, text)
    }

    pub(super) fn unsupported_grant(grant: &str) -> Self {
        Self::bad_request("unsupported_grant_type", 70_003, format!("The app requested an unsupported grant type '{grant}'."))
    }

    pub(super) fn invalid_scope(scope: &str) -> Self {
        let text = format!("The provided value for the input parameter 'scope' isn't valid. The scope {scope} isn't valid.");
        Self::bad_request("invalid_scope", 70_011, text)
    }

    pub(super) fn unknown_resource(resource: &str, tenant: &str) -> Self {
        let text = format!(
            "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has \
             not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your \
             authentication request to the wrong tenant."
        );
        Self::bad_request("invalid_resource", 500_011, text)
    }

    pub(super) fn unknown_application(app_id: &str, tenant: &str) -> Self {
        let text = format!(
            "Application with identifier '{app_id}' was not found in the directory '{tenant}'. This can happen if the application has \
             not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your \
             authentication request to the wrong tenant."
        );
        Self::bad_request("unauthorized_client", 700_016, text)
    }

    pub(super) fn missing_principal(app_id: &str, tenant: &str) -> Self {
        let text = format!(
            "The client application {app_id} is missing service principal in the tenant {tenant}. See instructions here: \
             https://go.microsoft.com/fwlink/?linkid=2225119"
        );
        Self::bad_request("unauthorized_client", 7_000_229, text)
    }

    pub(super) fn disabled_application(app_id: &str, name: &str) -> Self {
        Self::bad_request("unauthorized_client", 7_000_112, format!("Application '{app_id}'({name}) is disabled."))
    }

    pub(super) fn missing_secret() -> Self {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        Self::invalid_client(7_000_218, text)
    }

    pub(super) fn wrong_secret(app_id: &str) -> Self {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client \
             secret ID, for a secret added to app '{app_id}'."
        );
        Self::invalid_client(7_000_215, text)
    }

    pub(super) fn expired_secret(app_id: &str) -> Self {
        let text = format!(
            "The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create new keys for your app: \
             https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
        );
        Self::invalid_client(7_000_222, text)
    }

    pub(super) fn malformed_assertion(why: &str) -> Self {
        Self::invalid_client(50_027, format!("JWT token is invalid or malformed. [Reason - {why}]"))
    }

    pub(super) fn unknown_certificate(thumbprint: &str, reason: &str) -> Self {
        let text = format!(
            "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, \
             Thumbprint of key used by client: '{thumbprint}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to \
             see configured keys for the app]"
        );
        Self::invalid_client(700_027, text)
    }

    pub(super) fn outside_valid_time(now: &str, start: &str, end: &str) -> Self {
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {start}, expiry time of \
             assertion {end}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
        );
        Self::invalid_client(700_024, text)
    }

    pub(super) fn wrong_audience() -> Self {
        Self::invalid_client(700_023, "Client assertion audience claim does not match Realm issuer.")
    }

    pub(super) fn wrong_issuer() -> Self {
        Self::invalid_client(700_021, "Client assertion application identifier doesn't match 'client_id' parameter.")
    }

    pub(super) fn unmatched_federation(code: u32, part: &str, value: &str) -> Self {
        let text = format!(
            "No matching federated identity record found for presented assertion {part} '{value}'. Please check your federated identity \
             credential Subject, Audience and Issuer against the presented assertion. \
             https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
        );
        Self::invalid_client(code, text)
    }

    pub(super) fn json(&self, stamp: &Stamp) -> Value {
        let Self { error, code, text, .. } = self;
        let (trace, correlation) = (stamp.request_id, &stamp.client_request_id);
        let at = stamp.at.format("%Y-%m-%d %H:%M:%SZ");
        json!({
            "error": error,
            "error_description":
                format!("AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}"),
            "error_codes": [code],
            "timestamp": at.to_string(),
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        })
    }
}
