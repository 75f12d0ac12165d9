//! Signing in by assertion: what is let in, and what is not.

use entrawatch::demo::Application;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{Certificate, CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use crate::support::days;
use crate::support::graph::Tenant;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ISSUER: &str = "https://oidc.example/cluster";

struct Signer {
    key: KeyPair,
    certificate: Certificate,
}

impl Signer {
    fn new() -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let certificate = CertificateParams::new(["entrawatch".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { key, certificate }
    }

    fn sign(&self, algorithm: Algorithm, with_thumbprint: bool, claims: &Value) -> String {
        let mut header = Header::new(algorithm);
        if with_thumbprint {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.certificate.der());
            header.x5t_s256 = Some(base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, digest));
        }
        let key = EncodingKey::from_rsa_pem(self.key.serialize_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

/// A tenant whose watcher has the signer's certificate.
async fn with_certificate() -> (Tenant, Signer, Application) {
    let (tenant, signer) = (Tenant::start().await, Signer::new());
    let (app, now) = (tenant.watcher.application, tenant.directory.now());
    tenant.directory.add_given_certificate(app.id, "CN=entrawatch", signer.certificate.der(), now - days(30), now + days(60));
    (tenant, signer, app)
}

fn claims(tenant: &Tenant) -> Value {
    let (app_id, now) = (tenant.watcher.application.app_id, tenant.directory.now().timestamp());
    let audience = format!("{}{}/oauth2/v2.0/token", tenant.base, tenant.directory.tenant_id());
    json!({ "aud": audience, "iss": app_id, "sub": app_id, "jti": "one", "nbf": now, "iat": now, "exp": now + 600 })
}

fn changed(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

/// What came of it: 0, or the AADSTS code.
async fn outcome(tenant: &Tenant, assertion: &str) -> u64 {
    let form = [("client_secret", ""), ("client_assertion_type", TYPE), ("client_assertion", assertion)];
    let (_, body) = tenant.sign_in(&form).await;
    body["error_codes"][0].as_u64().unwrap_or_else(|| u64::from(body["access_token"].is_null()))
}

#[tokio::test]
async fn an_assertion_signed_with_a_registered_certificate_lets_in() {
    let (tenant, signer, _) = with_certificate().await;
    let good = claims(&tenant);
    assert_eq!(outcome(&tenant, &signer.sign(Algorithm::PS256, true, &good)).await, 0);
    assert_eq!(outcome(&tenant, &signer.sign(Algorithm::RS256, true, &changed(good, "jti", "two"))).await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_an_assertion_is_said() {
    let (tenant, signer, _) = with_certificate().await;
    let (good, now) = (claims(&tenant), tenant.directory.now().timestamp());
    let sign = |claims: Value| signer.sign(Algorithm::PS256, true, &claims);
    for (assertion, code) in [
        (sign(changed(good.clone(), "aud", "https://elsewhere.example/token")), 700_023),
        (sign(changed(good.clone(), "iss", "somebody else")), 700_021),
        (sign(changed(good.clone(), "exp", now - 301)), 700_024),
        (sign(changed(good.clone(), "nbf", now + 301)), 700_024),
        (sign(changed(good.clone(), "exp", Value::Null)), 50_027),
        (sign(changed(good.clone(), "jti", Value::Null)), 50_027),
        (Signer::new().sign(Algorithm::PS256, true, &good), 700_027),
        (format!("{}AAAA", sign(good.clone())), 700_027),
        ("nonsense".to_owned(), 50_027),
    ] {
        assert_eq!(outcome(&tenant, &assertion).await, code, "{assertion}");
    }
}

#[tokio::test]
async fn an_assertion_lets_in_once() {
    let (tenant, signer, _) = with_certificate().await;
    let assertion = signer.sign(Algorithm::PS256, true, &claims(&tenant));
    assert_eq!(outcome(&tenant, &assertion).await, 0);
    assert_eq!(outcome(&tenant, &assertion).await, 50_027);
}

#[tokio::test]
async fn an_expired_certificate_lets_nobody_in() {
    let (tenant, signer, _) = with_certificate().await;
    tenant.clock.advance(days(61));
    let assertion = signer.sign(Algorithm::PS256, true, &claims(&tenant));
    assert_eq!(outcome(&tenant, &assertion).await, 700_027);
}

#[tokio::test]
async fn the_token_of_a_trusted_identity_provider_lets_in() {
    let (tenant, provider) = (Tenant::start().await, Signer::new());
    let (app, now) = (tenant.watcher.application, tenant.directory.now().timestamp());
    let token = |subject: &str, audience: Value| {
        let claims = json!({ "iss": ISSUER, "sub": subject, "aud": audience, "exp": now + 3_600 });
        provider.sign(Algorithm::RS256, false, &claims)
    };
    let good = token("system:serviceaccount:watch:entrawatch", json!(["api://AzureADTokenExchange"]));
    assert_eq!(outcome(&tenant, &good).await, 700_211);
    tenant.directory.add_federated(app.id, "cluster", ISSUER, "system:serviceaccount:watch:entrawatch");
    assert_eq!(outcome(&tenant, &good).await, 50_027, "the issuer's keys are not known");
    tenant.directory.set_issuer_certificate(ISSUER, provider.certificate.der());
    assert_eq!(outcome(&tenant, &good).await, 0);
    assert_eq!(outcome(&tenant, &good).await, 0, "a projected token is used until it is replaced");
    assert_eq!(outcome(&tenant, &token("system:serviceaccount:watch:other", json!("api://AzureADTokenExchange"))).await, 700_213);
    assert_eq!(outcome(&tenant, &token("system:serviceaccount:watch:entrawatch", json!("kubernetes"))).await, 700_212);
    tenant.clock.advance(days(1));
    assert_eq!(outcome(&tenant, &good).await, 700_024);
}
