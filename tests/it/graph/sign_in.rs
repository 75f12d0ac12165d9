//! Signing in: what is refused is said plainly, with what to do; a token is shared, renewed and given up at the right time.

use std::time::Duration;

use entrawatch::config::AuthConfig;
use entrawatch::demo::Disabled;
use entrawatch::graph::{Client, Error};
use entrawatch::inventory::ObjectKind;
use entrawatch::secret::SecretSource;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Setup, list};
use crate::support::days;
use crate::support::faults::{Fault, body, throttled};

async fn refusal(client: &Client) -> Error {
    list(client, ObjectKind::Application).await.error.expect("the sign-in is refused")
}

fn code(error: &Error) -> Option<u32> {
    match error {
        Error::SignIn(refused) => refused.code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_wrong_secret_is_told_from_one_that_has_ended() {
    let setup = Setup::new().await;
    let mut config = setup.tenant.config();
    config.auth = AuthConfig::Secret(SecretSource::Inline(SecretString::from("wrong")));
    let error = refusal(&Client::new(&config, setup.context())).await;
    assert_eq!(code(&error), Some(7_000_215));
    assert!(error.to_string().contains("write the secret's value (not its id)"), "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
    assert_eq!(setup.tenant.requests.count("/token"), 1, "not asked twice");

    setup.tenant.clock.advance(days(731));
    let error = refusal(&setup.fresh_client()).await;
    assert_eq!(code(&error), Some(7_000_222));
    assert!(error.to_string().contains("has ended; create a new one"), "{error}");
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_an_unknown_and_a_disabled_application_are_said_so() {
    let setup = Setup::new().await;
    let nobody = "11111111-2222-4333-8444-555555555555";
    let mut config = setup.tenant.config();
    config.tenant_id = nobody.to_owned();
    let error = refusal(&Client::new(&config, setup.context())).await;
    assert_eq!(code(&error), Some(90_002));
    assert!(error.to_string().contains("check tenant_id"), "{error}");

    let mut config = setup.tenant.config();
    config.client_id = nobody.to_owned();
    let error = refusal(&Client::new(&config, setup.context())).await;
    assert_eq!(code(&error), Some(700_016));
    assert!(error.to_string().contains("check client_id"), "{error}");

    setup.tenant.directory.set_disabled(setup.tenant.watcher.application.principal, Disabled::Account, true);
    let error = refusal(&setup.fresh_client()).await;
    assert_eq!(code(&error), Some(7_000_112));
    assert!(error.to_string().contains("enable sign-in"), "{error}");
}

#[tokio::test]
async fn a_secret_is_read_from_its_file_at_each_sign_in() {
    let setup = Setup::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let mut config = setup.tenant.config();
    config.auth = AuthConfig::Secret(SecretSource::File(path.clone()));
    let client = Client::new(&config, setup.context());
    let error = refusal(&client).await;
    assert!(matches!(error, Error::Identity(_)) && error.to_string().contains("secret"), "{error}");
    assert_eq!(setup.tenant.requests.count("/token"), 0);
    std::fs::write(&path, "stale\n").unwrap();
    assert_eq!(code(&refusal(&client).await), Some(7_000_215));
    std::fs::write(&path, setup.tenant.watcher.secret.expose_secret()).unwrap();
    assert_eq!(list(&client, ObjectKind::Application).await.error, None);
}

#[tokio::test]
async fn a_domain_is_resolved_once_and_a_guid_is_taken_as_it_is() {
    let setup = Setup::new().await;
    let guid = setup.tenant.directory.tenant_id().to_string();
    let mut config = setup.tenant.config();
    config.tenant_id = guid.to_uppercase();
    assert_eq!(Client::new(&config, setup.context()).tenant_guid().await, Ok(guid.clone()));
    assert!(setup.tenant.requests.all().is_empty());

    config.tenant_id = "contoso.onmicrosoft.com".to_owned();
    let client = Client::new(&config, setup.context());
    setup.faults.next("openid-configuration", 1, throttled(503, "2"));
    for _ in 0..3 {
        assert_eq!(client.tenant_guid().await, Ok(guid.clone()));
    }
    assert_eq!(setup.tenant.requests.count("openid-configuration"), 2);

    config.tenant_id = "fabrikam.onmicrosoft.com".to_owned();
    let error = Client::new(&config, setup.context()).tenant_guid().await.unwrap_err();
    assert_eq!(code(&error), Some(90_002));
}

#[tokio::test]
async fn a_sign_in_that_fails_in_passing_is_tried_again() {
    let passing = r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033","error_codes":[90033]}"#;
    let faults = [
        throttled(429, "3"),
        throttled(503, "3"),
        Fault::Answer(400, Vec::new(), passing.to_owned()),
        Fault::Answer(500, Vec::new(), "<html>".to_owned()),
        body("<html>a proxy</html>"),
        Fault::Reset,
        Fault::Broken,
        Fault::Half,
    ];
    for fault in faults {
        let setup = Setup::new().await;
        setup.faults.next("/token", 2, fault.clone());
        assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None, "{fault:?}");
        assert_eq!(setup.waits.all().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_stays_unwell_is_given_up_after_a_bounded_time() {
    let setup = Setup::new().await;
    setup.faults.next("/token", usize::MAX, body("<html>a proxy</html>"));
    let error = refusal(&setup.client).await;
    assert!(matches!(error, Error::Undecodable { .. }), "{error}");
    assert!(setup.waits.sum() < Duration::from_mins(2), "{:?}", setup.waits.all());
}

#[tokio::test]
async fn a_machine_without_a_way_to_the_server_says_so() {
    let setup = Setup::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    for login in [format!("http://{free}"), "http://login.invalid".to_owned()] {
        let mut config = setup.tenant.config();
        config.login_url = login.parse().unwrap();
        let error = refusal(&Client::new(&config, setup.context())).await;
        assert!(matches!(error, Error::Network { .. }), "{error}");
        assert!(error.to_string().contains("check name resolution, the firewall and the proxy"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_lives_is_used_while_its_renewal_fails() {
    let setup = Setup::new().await;
    // It lives four seconds: it is to be renewed after two, and useless after three and a half.
    let granted = setup.tenant.token().await;
    setup.faults.next("/token", 1, body(&format!(r#"{{"access_token":"{granted}","expires_in":4}}"#)));
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
    setup.faults.next("/token", usize::MAX, Fault::Answer(500, Vec::new(), String::new()));
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    setup.tenant.requests.clear();
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
    let tried = setup.tenant.requests.count("/token");
    assert!(tried > 0);
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
    assert_eq!(setup.tenant.requests.count("/token"), tried, "a renewal that failed just now is not tried at each request");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let error = refusal(&setup.client).await;
    assert!(matches!(error, Error::Status { status: 500, .. }), "{error}");
}

#[tokio::test]
async fn a_revoked_token_is_replaced_with_the_claims_that_were_asked_for() {
    let setup = Setup::new().await;
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
    setup.tenant.directory.revoke_tokens();
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
    assert_eq!(setup.tenant.requests.count("/token"), 2);
}

#[tokio::test]
async fn nothing_secret_is_ever_shown() {
    let setup = Setup::new().await;
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
    let scope = format!("{}.default", setup.tenant.base);
    let token = setup.client.tokens().get(&scope).await.unwrap();
    let shown = format!("{:?} {:?} {token:?}", setup.client, setup.tenant.config());
    assert!(!shown.contains(token.expose()) && !shown.contains(setup.tenant.watcher.secret.expose_secret()), "{shown}");
    assert_eq!(setup.tenant.requests.count("/token"), 1, "whoever else asks for the audience gets the same token");
}
