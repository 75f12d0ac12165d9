//! `doctor` against set-ups that are broken in one way each: what it says is kept, and was read.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::ManualClock;
use entrawatch::config::{AuthConfig, Config, MailConfig, SmtpConfig, SmtpTls, TransportConfig};
use entrawatch::demo::Disabled;
use entrawatch::doctor::{Diagnosis, examine};
use entrawatch::graph::{Context, http_client};
use entrawatch::metrics::Metrics;
use entrawatch::progress::Progress;
use entrawatch::secret::SecretSource;
use secrecy::{ExposeSecret as _, SecretString};

use crate::support::faults::{Fault, Faults};
use crate::support::graph::{BEGIN, Tenant};
use crate::support::{at, days, snapshots};

/// A set-up that is as it should be, to be broken.
struct Patient {
    tenant: Tenant,
    faults: Faults,
    config: Config,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Patient {
    async fn new() -> Self {
        let faults = Faults::default();
        let clock = Arc::new(ManualClock::new(at(BEGIN)));
        let tenant = Tenant::start_layered(clock.clone(), |router| faults.layer(router)).await;
        let app = tenant.directory.add_application("Payroll API");
        let ann = tenant.directory.add_user("Ann", Some("ann@contoso.com"));
        tenant.directory.add_owner(app.id, ann);
        let folder = tempfile::tempdir().unwrap();
        let mut config = snapshots::config();
        config.store.url = format!("sqlite:{}", folder.path().join("store.db").display()).into();
        config.policy.recipients.owners = true;
        config.mail = Some(MailConfig {
            from: "EntraWatch <entrawatch@example.com>".parse().unwrap(),
            max_per_hour: 500,
            give_up_after: TimeDelta::days(3),
            transport: TransportConfig::Folder { path: folder.path().join("mails") },
        });
        config.tenants = vec![tenant.config()];
        // The machine's own clock, which may differ from that of the servers.
        let clock = Arc::new(ManualClock::new(at(BEGIN)));
        Self { tenant, faults, config, clock, folder }
    }

    async fn examine(&self) -> Diagnosis {
        let context = Context {
            clock: self.clock.clone(),
            sleeper: Arc::new(NoWait),
            metrics: Arc::new(Metrics::new().unwrap()),
            progress: Progress::default(),
            http: http_client(&[]).unwrap(),
        };
        examine(&self.config, &context).await
    }

    /// Keeps what is said, without what differs from run to run, and holds it to saying nothing secret.
    async fn keep(&self, name: &str, bad: bool) {
        let diagnosis = self.examine().await;
        let text = diagnosis.text();
        assert_eq!(diagnosis.is_bad(), bad, "{text}");
        assert!(!text.contains(self.tenant.watcher.secret.expose_secret()) && !text.contains("eyJ"), "{text}");
        let text = text
            .replace(&self.folder.path().display().to_string(), "/FOLDER")
            .replace(&self.tenant.base.authority().to_owned(), "GRAPH-HOST");
        let text = mask(&mask(&mask(&text, "trace id "), "request-id "), "127.0.0.1:");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }

    fn tenant(&mut self) -> &mut entrawatch::config::TenantConfig {
        &mut self.config.tenants[0]
    }
}

/// Writes … for whatever follows `word`, up to the end of the word.
fn mask(text: &str, word: &str) -> String {
    let mut parts = text.split(word);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
        masked.extend([word, "…", rest]);
    }
    masked
}

/// Nobody waits for a second try.
#[derive(Debug)]
struct NoWait;

impl entrawatch::clock::Sleeper for NoWait {
    fn sleep(&self, _: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn a_sound_set_up_is_said_to_be_sound() {
    let patient = Patient::new().await;
    patient.keep("sound", false).await;
}

#[tokio::test]
async fn a_wrong_secret() {
    let mut patient = Patient::new().await;
    patient.tenant().auth = AuthConfig::Secret(SecretSource::Inline(SecretString::from("not the secret")));
    patient.keep("wrong-secret", true).await;
}

#[tokio::test]
async fn a_secret_that_has_ended() {
    let patient = Patient::new().await;
    patient.tenant.clock.advance(days(731));
    patient.clock.advance(days(731));
    patient.keep("ended-secret", true).await;
}

#[tokio::test]
async fn a_secret_that_ends_soon_and_cannot_be_told_from_another() {
    let patient = Patient::new().await;
    let app = patient.tenant.watcher.application.id;
    let twin = patient.tenant.watcher.secret.expose_secret()[..3].to_owned() + "-and-then-another";
    let begin = at(BEGIN);
    patient.tenant.directory.add_secret_with_value(app, "twin", &twin, begin, begin + days(20));
    patient.keep("secret-ends-soon", false).await;
}

#[tokio::test]
async fn a_secret_file_that_is_not_there() {
    let mut patient = Patient::new().await;
    let path = patient.folder.path().join("client-secret");
    patient.tenant().auth = AuthConfig::Secret(SecretSource::File(path));
    patient.keep("no-secret-file", true).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_on_the_application() {
    let mut patient = Patient::new().await;
    crate::graph::write_certificate(patient.folder.path());
    let (certificate, key) = (patient.folder.path().join("cert.pem"), patient.folder.path().join("key.pem"));
    patient.tenant().auth = AuthConfig::Certificate { certificate_file: certificate, private_key: SecretSource::File(key) };
    patient.keep("foreign-certificate", true).await;
}

#[tokio::test]
async fn a_tenant_that_is_none_and_an_application_that_is_none() {
    let mut patient = Patient::new().await;
    patient.tenant().tenant_id = "11111111-2222-4333-8444-555555555555".to_owned();
    patient.keep("no-such-tenant", true).await;
    let mut patient = Patient::new().await;
    patient.tenant().client_id = "11111111-2222-4333-8444-555555555555".to_owned();
    patient.keep("no-such-application", true).await;
}

#[tokio::test]
async fn an_application_that_is_disabled() {
    let patient = Patient::new().await;
    patient.tenant.directory.set_disabled(patient.tenant.watcher.application.principal, Disabled::Account, true);
    patient.keep("disabled-application", true).await;
}

#[tokio::test]
async fn without_consent() {
    let patient = Patient::new().await;
    patient.tenant.directory.set_roles(patient.tenant.watcher.application.app_id, &[]);
    patient.keep("no-consent", true).await;
}

#[tokio::test]
async fn owners_without_addresses() {
    let patient = Patient::new().await;
    patient.tenant.directory.set_roles(patient.tenant.watcher.application.app_id, &["Application.Read.All"]);
    patient.keep("owners-without-addresses", true).await;
}

#[tokio::test]
async fn more_permissions_than_needed() {
    let patient = Patient::new().await;
    let roles = ["Application.ReadWrite.All", "User.ReadBasic.All", "Mail.Send"];
    patient.tenant.directory.set_roles(patient.tenant.watcher.application.app_id, &roles);
    patient.keep("too-many-permissions", false).await;
}

#[tokio::test]
async fn a_tenant_in_another_cloud() {
    let patient = Patient::new().await;
    let discovery = format!(
        r#"{{"issuer":"{}{}/v2.0","msgraph_host":"graph.microsoft.us"}}"#,
        patient.tenant.base,
        patient.tenant.directory.tenant_id()
    );
    let headers = vec![("date", "Sun, 22 Nov 2026 12:00:20 GMT".to_owned())];
    patient.faults.next("openid-configuration", 1, Fault::Answer(200, headers, discovery));
    patient.keep("another-cloud", true).await;
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let patient = Patient::new().await;
    patient.clock.advance(TimeDelta::minutes(-11));
    patient.keep("wrong-clock", true).await;
}

#[tokio::test]
async fn a_mail_server_that_is_away() {
    let mut patient = Patient::new().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    patient.config.mail.as_mut().unwrap().transport =
        TransportConfig::Smtp(SmtpConfig { host: "127.0.0.1".to_owned(), port, tls: SmtpTls::None, login: None, ca_file: None });
    patient.keep("mail-server-away", true).await;
}

#[tokio::test]
async fn a_store_that_is_somebody_else_s_and_a_host_without_a_name() {
    let mut patient = Patient::new().await;
    let path = patient.folder.path().join("notes.txt");
    std::fs::write(&path, "these are notes and no database, but long enough to be looked at ".repeat(20)).unwrap();
    patient.config.store.url = format!("sqlite:{}", path.display()).into();
    patient.tenant().login_url = "http://login.invalid".parse().unwrap();
    patient.config.mail = None;
    patient.keep("store-and-host", true).await;
}

#[tokio::test]
async fn one_application_for_many_tenants_none_of_which_is_its_home() {
    let mut patient = Patient::new().await;
    let home: uuid::Uuid = "99999999-2222-4333-8444-555555555555".parse().unwrap();
    let app_id: uuid::Uuid = "88888888-2222-4333-8444-555555555555".parse().unwrap();
    let directory = patient.tenant.directory.clone();
    let principal = directory.add_service_principal("EntraWatch", app_id, home);
    directory.set_roles(app_id, &["Application.Read.All", "User.ReadBasic.All"]);
    let begin = at(BEGIN);
    directory.add_secret_with_value(principal, "only here", "only-here", begin - days(1), begin + days(400));
    let tenant = patient.tenant();
    tenant.client_id = app_id.to_string();
    tenant.auth = AuthConfig::Secret(SecretSource::Inline("only-here".into()));
    patient.keep("home-is-elsewhere", false).await;
}
