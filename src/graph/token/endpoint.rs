//! The token endpoint of Entra: client credentials in, an access token out.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Token;
use super::proof::Proof;
use crate::config::TenantConfig;
use crate::graph::attempts::{Attempts, Patience};
use crate::graph::error::{Error, Server, Trace};
use crate::graph::http::{self, Reply};
use crate::graph::retry::Fault;
use crate::graph::sign_in::SignInRefused;
use crate::graph::{Context, wire};
use crate::own::{Mark, SignIn};

/// How long a token is taken to live whose answer does not say it.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);

/// No token is trusted for longer, whatever its answer says.
const LONGEST_LIFE: Duration = Duration::from_hours(48);

/// Where a tenant's tokens are issued, and to whom.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: String,
    host: String,
    client_id: String,
    proof: Proof,
}

impl Endpoint {
    pub fn new(tenant: &TenantConfig, proof: Proof) -> Self {
        Self {
            url: token_url(&tenant.login_url, &tenant.tenant_id),
            host: http::host_of(&tenant.login_url),
            client_id: tenant.client_id.clone(),
            proof,
        }
    }

    /// See [`super::Tokens::mark`].
    pub async fn mark(&self) -> Result<(SignIn, Mark), Error> {
        self.proof.mark().await
    }

    /// Fetches a token; what passes by itself is tried again.
    pub async fn fetch(
        &self,
        context: &Context,
        tenant: &str,
        scope: &str,
        claims: Option<&str>,
        patience: &mut Patience,
    ) -> Result<Token, Error> {
        let mut attempts = Attempts::new(context, tenant);
        loop {
            let (error, fault, wait) = match self.ask(context, scope, claims, patience).await {
                Ok(reply) => match read(&reply) {
                    Ok(token) => return Ok(token),
                    Err((error, fault)) => (error, fault, attempts.retry_after(&reply)),
                },
                Err(error @ (Error::Network { .. } | Error::Timeout { .. })) => (error, Fault::Network, None),
                Err(error) => return Err(error),
            };
            if !attempts.again(fault, wait, patience).await {
                return Err(error);
            }
        }
    }

    async fn ask(&self, context: &Context, scope: &str, claims: Option<&str>, patience: &Patience) -> Result<Reply, Error> {
        let proof = self.proof.fields(&self.client_id, &self.url, context.clock.now()).await?;
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", &self.client_id), ("scope", scope)];
        form.extend(proof.iter().map(|(name, value)| (*name, value.expose_secret())));
        form.extend(claims.map(|claims| ("claims", claims)));
        let request = context
            .http
            .post(&self.url)
            .header("accept", "application/json")
            .header("client-request-id", uuid::Uuid::new_v4().to_string())
            .form(&form);
        http::exchange(request, &self.host, patience.limits()).await
    }
}

/// `{login}/{tenant}/oauth2/v2.0/token`
fn token_url(login: &Url, tenant_id: &str) -> String {
    format!("{}/{tenant_id}/oauth2/v2.0/token", login.as_str().trim_end_matches('/'))
}

/// Reads an answer of the token endpoint; the fault says whether it may be asked again.
fn read(reply: &Reply) -> Result<Token, (Error, Fault)> {
    let body = wire::repair(&reply.body);
    let status = Fault::Status(reply.status);
    if reply.status == 200 {
        return read_token(&body, |_| DEFAULT_LIFE)
            .map_err(|cause| (Error::Undecodable { server: Server::SignIn, cause, trace: Trace::default() }, Fault::Garbled));
    }
    match SignInRefused::read(&body) {
        Some(refused) if refused.is_passing() => Err((refused.into(), Fault::Passing)),
        Some(refused) => Err((refused.into(), status)),
        None => {
            Err((Error::Status { server: Server::SignIn, status: reply.status, message: None, trace: Trace::default() }, status))
        }
    }
}

/// Reads `{"access_token", "expires_in"}`. Some endpoints write the number as text, and some only say when the token ends
/// (`expires_on`): `until` says how long that is.
pub(super) fn read_token(body: &str, until: impl Fn(i64) -> Duration) -> Result<Token, String> {
    #[derive(Deserialize)]
    struct Wire {
        access_token: String,
        #[serde(default)]
        expires_in: Value,
        #[serde(default)]
        expires_on: Value,
    }
    // The message could quote what it found, and that may be the token.
    let wire: Wire = serde_json::from_str(body).map_err(|_| "it holds no access token".to_owned())?;
    let secret = SecretString::from(wire.access_token);
    let sendable = reqwest::header::HeaderValue::try_from(secret.expose_secret()).is_ok();
    if secret.expose_secret().is_empty() || !sendable {
        return Err("its access token is none".to_owned());
    }
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let lives = match (number(&wire.expires_in), number(&wire.expires_on)) {
        (Some(seconds), _) => Duration::from_secs(seconds.try_into().unwrap_or(0)),
        (None, Some(ends)) => until(ends),
        (None, None) => DEFAULT_LIFE,
    };
    Ok(Token::new(secret, lives.min(LONGEST_LIFE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_the_tenant_s_under_any_login_host() {
        for login in ["https://login.microsoftonline.com", "https://login.microsoftonline.com/"] {
            let url = token_url(&Url::parse(login).unwrap(), "contoso.com");
            assert_eq!(url, "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token");
        }
        assert_eq!(
            token_url(&Url::parse("http://127.0.0.1:1/login").unwrap(), "t"),
            "http://127.0.0.1:1/login/t/oauth2/v2.0/token"
        );
    }

    #[test]
    fn a_lifetime_may_be_a_number_text_an_end_or_missing() {
        let until = |ends: i64| Duration::from_secs((ends - 1_000).try_into().unwrap());
        for (body, lives) in [
            (r#"{"access_token":"a","expires_in":3599}"#, 3_599),
            (r#"{"access_token":"a","expires_in":"3599"}"#, 3_599),
            (r#"{"access_token":"a","expires_in":"3599","expires_on":"9999"}"#, 3_599),
            (r#"{"access_token":"a","expires_on":"5000"}"#, 4_000),
            (r#"{"access_token":"a","expires_in":null}"#, 300),
            (r#"{"access_token":"a","expires_in":-1}"#, 0),
            (r#"{"access_token":"a","expires_in":9999999999}"#, 48 * 3_600),
        ] {
            let token = read_token(body, until).unwrap();
            let left = token.useless_at.saturating_duration_since(tokio::time::Instant::now()).as_secs_f64();
            let expected = f64::from(lives) - 10.0_f64.min(f64::from(lives) / 10.0);
            assert!((left - expected).abs() < 2.0, "{body}: {left}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_quoted() {
        for body in ["", "{}", r#"{"access_token":""}"#, r#"{"access_token":["secret"]}"#, r#"{"access_token":"a\nsecret"}"#] {
            let refused = read_token(body, |_| DEFAULT_LIFE).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
