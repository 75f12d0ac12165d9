//! What the environment says, ours and that of the Azure SDK.

use entrawatch::config::{Cloud, SmtpProof, SmtpTls, Sources, TransportConfig, load};
use secrecy::ExposeSecret;

use super::{TENANT, bad, environment, good, lines, secret_of};

#[test]
fn defaults_give_way_to_the_file_and_the_file_to_the_environment() {
    let listen =
        |toml: &str, variables: &[(&str, &str)]| good(&format!("{toml}{TENANT}"), variables).config.http.listen.to_string();
    let file = "[http]\nlisten = \"127.0.0.1:1111\"\n";
    let variable = [("ENTRAWATCH__HTTP__LISTEN", "127.0.0.1:2222")];
    assert_eq!(listen("", &[]), "127.0.0.1:9690");
    assert_eq!(listen(file, &[]), "127.0.0.1:1111");
    assert_eq!(listen(file, &variable), "127.0.0.1:2222");
    assert_eq!(listen("", &variable), "127.0.0.1:2222");
    assert_eq!(listen(file, &[("ENTRAWATCH__HTTP__LISTEN", "")]), "127.0.0.1:1111", "an empty variable is none");
}

#[test]
fn a_variable_becomes_what_its_key_wants() {
    let config = good(
        &format!("{TENANT}[mail]\nfrom = \"entrawatch@example.com\"\n"),
        &[
            ("ENTRAWATCH__RECIPIENTS__FALLBACK", "Ops@example.com, night@example.com"),
            ("ENTRAWATCH__RECIPIENTS__OWNERS", "true"),
            ("ENTRAWATCH__ALERTS__THRESHOLDS", "30d,7d,0s"),
            ("ENTRAWATCH__POLL__INTERVAL", "30m"),
            ("ENTRAWATCH__MAIL__MAX_PER_HOUR", "20"),
            ("ENTRAWATCH__MAIL__TRANSPORT__KIND", "smtp"),
            ("ENTRAWATCH__MAIL__TRANSPORT__URL", "smtp://127.0.0.1"),
            ("ENTRAWATCH__MAIL__TRANSPORT__USERNAME", "0042"),
            ("ENTRAWATCH__MAIL__TRANSPORT__PASSWORD", "0123"),
        ],
    )
    .config;
    assert_eq!(config.policy.recipients.fallback, ["ops@example.com", "night@example.com"]);
    assert_eq!(config.policy.recipients.escalate, config.policy.recipients.fallback);
    assert!(config.policy.recipients.owners);
    assert_eq!(config.policy.alerts.thresholds.iter().map(|threshold| threshold.num_days()).collect::<Vec<_>>(), [30, 7, 0]);
    assert_eq!(config.tenants[0].poll_interval.num_minutes(), 30);
    assert_eq!(config.tenants[0].blind_after.num_minutes(), 120);
    let mail = config.mail.unwrap();
    assert_eq!(mail.max_per_hour, 20);
    let TransportConfig::Smtp(smtp) = mail.transport else { panic!("an SMTP server is configured") };
    let login = smtp.login.unwrap();
    let SmtpProof::Password(password) = login.proof else { panic!("a password is configured") };
    assert_eq!((login.username.as_str(), password.read_at_start().unwrap().expose_secret()), ("0042", "0123"));
    assert_eq!((smtp.host.as_str(), smtp.port, smtp.tls), ("127.0.0.1", 587, SmtpTls::StarttlsRequired));
}

#[test]
fn what_a_variable_cannot_say_is_told_with_its_name() {
    let told = bad(
        TENANT,
        &[
            ("ENTRAWATCH__TENANT__0__NAME", "fabrikam"),
            ("ENTRAWATCH__ROUTE__TO", "ops@example.com"),
            ("ENTRAWATCH__RECIPIENTS__FALLBACK__0", "ops@example.com"),
            ("ENTRAWATCH__HTTP__LISTN", "127.0.0.1:1"),
            ("ENTRAWATCH__HTTP__", "x"),
            ("ENTRAWATCH__HTTP", "127.0.0.1:1"),
            ("ENTRAWATCH__DIGEST", "daily"),
            ("ENTRAWATCH__RECIPIENTS__OWNERS", "yes"),
            ("ENTRAWATCH__ALERTS__THRESHOLDS", "30d,soon"),
            ("ENTRAWATCH__MAIL__MAX_PER_HOUR", "many"),
        ],
    );
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_variable_that_only_looks_like_ours_is_a_warning() {
    let loaded = good(TENANT, &[("ENTRAWATCH_HTTP_LISTEN", "127.0.0.1:1"), ("ENTRAWATCH_PORT_9690_TCP", "tcp://10.0.0.1:9690")]);
    let told: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told.last().map(String::as_str),
        Some(
            "http.listen: this variable has no effect; write ENTRAWATCH__HTTP__LISTEN, with two underscores between the parts (ENTRAWATCH_HTTP_LISTEN)"
        )
    );
    assert!(
        !told.iter().any(|line| line.contains("9690_TCP")),
        "Kubernetes sets such variables for a service of this name: {told:?}"
    );
}

#[test]
fn without_a_file_the_variables_of_the_azure_sdk_describe_the_tenant() {
    let load_with = |variables: &[(&str, &str)]| load(&Sources { file: None, environment: environment(variables) });
    let tenant = |more: &[(&'static str, &'static str)]| {
        let mut variables = vec![
            ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
            ("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000"),
            ("AZURE_CLIENT_SECRET", "0123"),
        ];
        variables.extend(more);
        load_with(&variables).unwrap_or_else(|problems| panic!("{problems}")).config.tenants.remove(0)
    };
    let plain = tenant(&[]);
    assert_eq!((plain.name.as_str(), plain.cloud), ("contoso.onmicrosoft.com", Cloud::Global));
    assert_eq!(secret_of(&plain), "0123");
    assert_eq!(tenant(&[("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")]).cloud, Cloud::Usgov);
    let own = tenant(&[("AZURE_AUTHORITY_HOST", "https://login.example.com"), ("ENTRAWATCH__POLL__INTERVAL", "1h")]);
    assert_eq!((own.login_url.as_str(), own.poll_interval.num_minutes()), ("https://login.example.com/", 60));

    let told = |variables: &[(&str, &str)]| lines(load_with(variables).map(|_| ()), "");
    let mut all = told(&[("AZURE_TENANT_ID", "contoso.onmicrosoft.com")]);
    let workload = [
        ("AZURE_TENANT_ID", "contoso"),
        ("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/token"),
    ];
    all.extend(told(&workload));
    all.extend(told(&[("AZURE_CLIENT_SECRET", "0123"), ("AZURE_CLIENT_CERTIFICATE_PATH", "c.pem")]));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn with_a_file_the_variables_of_the_azure_sdk_say_nothing() {
    let variables = [("AZURE_TENANT_ID", "fabrikam.onmicrosoft.com"), ("AZURE_CLIENT_SECRET", "other")];
    assert_eq!(good(TENANT, &variables).config.tenants[0].tenant_id, "11111111-2222-3333-4444-555555555555");
    assert!(bad("", &variables)[0].starts_with("tenant: is missing"));
}
