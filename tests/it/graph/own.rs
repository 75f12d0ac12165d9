//! Watching itself: the application that EntraWatch signs in as, read without any permission.

use std::sync::Arc;

use entrawatch::config::{AuthConfig, TenantConfig};
use entrawatch::demo::Directory;
use entrawatch::graph::Client;
use entrawatch::own::{Home, InUse, Needs, SignIn};
use entrawatch::secret::SecretSource;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;

use super::Setup;
use super::identity::write_certificate;
use crate::support::faults::status;
use crate::support::rig::Rig;
use crate::support::{at, days, graph, snapshots};

const NEEDS: Needs = Needs { owners: false };

#[tokio::test]
async fn it_reads_its_own_credentials_without_any_permission_and_knows_the_one_it_uses() {
    let setup = Setup::new().await;
    let (directory, watcher) = (&setup.tenant.directory, &setup.tenant.watcher);
    let begin = at(graph::BEGIN);
    directory.set_roles(watcher.application.app_id, &[]);
    directory.add_secret_with_value(watcher.application.id, "next", "zzz-another", begin, begin + days(900));
    directory.add_secret(watcher.application.principal, "on the service principal", begin - days(9), begin - days(1));
    let own = setup.client.own(NEEDS).await.unwrap();
    assert_eq!((own.name.as_deref(), own.sign_in, &own.home), (Some("EntraWatch"), SignIn::Secret, &Home::Here));
    assert_eq!(own.client_id, watcher.application.app_id.to_string());
    assert_eq!(own.credentials.len(), 3);
    let used = own.in_use().unwrap();
    assert_eq!((used.key_id.clone(), used.in_use), (watcher.key_id.to_string(), InUse::Yes));
    assert_eq!(used.not_after, Some(begin + days(730)));
    let missing: Vec<_> = own.permissions.unwrap().missing.into_iter().map(|missing| missing.permission).collect();
    assert_eq!(missing, ["Application.Read.All"]);
    assert_eq!(setup.tenant.requests.count("/$batch"), 1);
    assert_eq!(setup.tenant.requests.all().len(), 2, "one token, one batch");
}

#[tokio::test]
async fn a_certificate_is_found_by_its_thumbprint() {
    let setup = Setup::new().await;
    let (directory, app) = (&setup.tenant.directory, setup.tenant.watcher.application);
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let pem = std::fs::read(folder.path().join("cert.pem")).unwrap();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap();
    let begin = at(graph::BEGIN);
    let used = directory.add_given_certificate(app.id, "CN=entrawatch", &der, begin - days(1), begin + days(90));
    directory.add_certificate(app.id, "CN=other", begin - days(1), begin + days(30));
    let auth = AuthConfig::Certificate {
        certificate_file: folder.path().join("cert.pem"),
        private_key: SecretSource::File(folder.path().join("key.pem")),
    };
    let client = Client::new(&TenantConfig { auth, ..setup.tenant.config() }, setup.context());
    let own = client.own(NEEDS).await.unwrap();
    assert_eq!(own.sign_in, SignIn::Certificate);
    let known: Vec<_> = own.credentials.iter().filter(|credential| credential.in_use != InUse::No).collect();
    assert_eq!((known.len(), known[0].key_id.clone()), (1, used.to_string()));
    assert_eq!(known[0].not_after, Some(begin + days(90)));
}

#[tokio::test]
async fn in_another_tenant_than_its_own_it_says_which_one_that_is() {
    let setup = Setup::new().await;
    let (directory, watcher) = (&setup.tenant.directory, &setup.tenant.watcher);
    let home = uuid::Uuid::new_v4();
    let app_id = uuid::Uuid::new_v4();
    let principal = directory.add_service_principal("EntraWatch", app_id, home);
    let value = "foreign-secret";
    directory.add_secret_with_value(principal, "here", value, at(graph::BEGIN), at(graph::BEGIN) + days(30));
    directory.set_roles(app_id, &["Application.Read.All", "Mail.Send"]);
    let config = TenantConfig {
        client_id: app_id.to_string(),
        auth: AuthConfig::Secret(SecretSource::Inline(value.into())),
        ..setup.tenant.config()
    };
    let own = Client::new(&config, setup.context()).own(NEEDS).await.unwrap();
    assert_eq!(own.home, Home::Elsewhere(Some(home.to_string())));
    assert!(own.is_homeless());
    assert_eq!(own.in_use().map(|credential| credential.is_secret), Some(true), "what lies on the service principal is seen");
    let superfluous: Vec<_> = own.permissions.unwrap().superfluous.into_iter().map(|role| role.permission).collect();
    assert_eq!(superfluous, ["Mail.Send"]);
    assert!(!format!("{own:?}", own = own.credentials).contains(watcher.secret.expose_secret()));
}

#[tokio::test]
async fn the_tenant_s_state_has_it_from_the_first_poll_on_and_it_is_read_once_a_day() {
    let simulated = graph::Tenant::start().await;
    let rules = snapshots::config().policy;
    let mut rig = Rig::new(simulated, rules).await;
    rig.step().await;
    let own = |rig: &Rig| rig.snapshot().state.own.clone().expect("it is read with the first poll");
    assert_eq!(own(&rig).in_use().unwrap().not_after, Some(at(graph::BEGIN) + days(730)));
    let first = own(&rig).read_at;
    rig.clock.advance(chrono::TimeDelta::hours(23));
    rig.step().await;
    assert_eq!(own(&rig).read_at, first, "not within a day");
    rig.clock.advance(chrono::TimeDelta::hours(2));
    rig.step().await;
    let second = own(&rig).read_at;
    assert!(second > first, "once a day");

    // What was known survives the process, and is read again when the next one begins.
    let mut rig = rig.restart().await;
    rig.clock.advance(chrono::TimeDelta::hours(1));
    rig.step().await;
    assert!(own(&rig).read_at > second, "at start");
}

#[tokio::test]
async fn a_permission_that_is_taken_away_or_given_shows_with_the_next_poll() {
    let simulated = graph::Tenant::start().await;
    let app_id = simulated.watcher.application.app_id;
    let mut rig = Rig::new(simulated, snapshots::config().policy).await;
    rig.step().await;
    let missing = |rig: &Rig| rig.snapshot().state.own.clone().unwrap().permissions.unwrap().missing.len();
    assert_eq!(missing(&rig), 0);
    let mut poll = async |roles: &[&str]| {
        rig.simulated.directory.set_roles(app_id, roles);
        rig.simulated.directory.expire_tokens();
        rig.clock.advance(chrono::TimeDelta::minutes(15));
        rig.step().await;
        missing(&rig)
    };
    assert_eq!(poll(&[]).await, 1);
    assert_eq!(poll(&["Application.Read.All"]).await, 0);
}

#[tokio::test]
async fn what_cannot_be_read_leaves_what_was_known() {
    let faults = crate::support::faults::Faults::default();
    let clock = Arc::new(entrawatch::clock::ManualClock::new(at(graph::BEGIN)));
    let directory = Directory::new("contoso.onmicrosoft.com", clock.clone());
    let watcher = directory.add_watcher(graph::ROLES);
    let simulated = graph::Tenant::serve(clock, directory, watcher, |router: axum::Router| faults.layer(router)).await;
    let mut rig = Rig::new(simulated, snapshots::config().policy).await;
    rig.step().await;
    let known = rig.snapshot().state.own.clone().unwrap();
    faults.next("/$batch", usize::MAX, status(400, "BadRequest"));
    rig.clock.advance(days(2));
    rig.step().await;
    assert_eq!(rig.snapshot().state.own.as_ref(), Some(&known));
    faults.clear();
    rig.clock.advance(chrono::TimeDelta::minutes(15));
    rig.step().await;
    assert!(rig.snapshot().state.own.as_ref().unwrap().read_at > known.read_at);
}
