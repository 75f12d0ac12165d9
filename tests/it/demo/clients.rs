//! Microsoft's own client libraries sign in to the simulated tenant as they do to the real one.

use std::sync::Arc;

use axum::http::StatusCode;
use entrawatch::clock::{Clock, ManualClock, SystemClock};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::days;
use crate::support::graph::Tenant;
use crate::support::python::peer;
use crate::support::tls::Authority;

#[tokio::test]
async fn msal_and_azure_identity_sign_in_by_secret_and_by_certificate() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let authority = Authority::new();
    let tenant = Tenant::start_tls(clock, authority.server("localhost")).await;
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(["entrawatch".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (app, now) = (tenant.watcher.application, tenant.clock.now());
    tenant.directory.add_given_certificate(app.id, "CN=entrawatch", certificate.der(), now - days(1), now + days(90));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
    let thumbprint = digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));

    let folder = tempfile::tempdir().unwrap();
    let (ca, pem) = (folder.path().join("ca.pem"), folder.path().join("entrawatch.pem"));
    std::fs::write(&ca, authority.pem()).unwrap();
    std::fs::write(&pem, key.serialize_pem() + &certificate.pem()).unwrap();
    let base = tenant.base.as_str().trim_end_matches('/');
    let Some(answers) = peer(
        "sign_in.py",
        &json!({
            "authority": base,
            "tenant": tenant.directory.tenant_id(),
            "client": app.app_id,
            "secret": tenant.watcher.secret.expose_secret(),
            "scope": format!("{base}/.default"),
            "ca": ca,
            "certificate": pem,
            "thumbprint": thumbprint,
        }),
    )
    .await
    else {
        return;
    };
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap()])
        .build()
        .unwrap();
    for (way, answer) in answers.as_object().unwrap() {
        if way.contains("wrong") {
            assert!(
                answer["error"].as_str().unwrap().contains("AADSTS7000215: Invalid client secret provided."),
                "{way}: {answer}"
            );
        } else {
            let token = answer["token"].as_str().unwrap_or_else(|| panic!("{way}: {answer}"));
            let request = client.get(format!("{base}/v1.0/applications?$top=1")).bearer_auth(token);
            assert_eq!(request.send().await.unwrap().status().as_u16(), StatusCode::OK.as_u16(), "{way}");
        }
    }
}
