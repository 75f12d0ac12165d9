//! What is read from files and environment, and what is said when it cannot be used.

mod example;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use entrawatch::config::{
    AuthConfig, IdentityEndpoint, Loaded, Problems, SmtpProof, Sources, TenantConfig, TransportConfig, load, summary,
};
use secrecy::ExposeSecret;

use self::example::beside_example;

/// Each file states one mistake by its name; what is said of it stands beside it, in full, as a person reads it.
#[test]
fn every_mistake_is_told_with_place_and_remedy_and_shows_no_secret() {
    let directory = Path::new("tests/fixtures/config/bad");
    let mut names: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    names.sort();
    assert!(names.len() > 20, "the fixtures are where they belong");
    for path in names {
        let problems = match load(&Sources { file: Some(path.clone()), environment: BTreeMap::new() }) {
            Err(problems) => problems.to_string(),
            Ok(_) => panic!("{} is accepted", path.display()),
        };
        let shown = ["an-example-secret", "s3cr3t"].iter().any(|secret| problems.contains(secret));
        assert!(!shown, "{} shows a secret:\n{problems}", path.display());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let said = problems.replace("tests/fixtures/config/bad/", "");
        insta::with_settings!({ snapshot_path => "../../fixtures/config/bad", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, said);
        });
    }
}

const TENANT: &str = r#"
[[tenant]]
name = "contoso"
tenant_id = "11111111-2222-3333-4444-555555555555"
client_id = "66666666-7777-8888-9999-000000000000"
auth = { kind = "secret", secret = "s3cr3t" }
"#;

/// A directory with an `entrawatch.toml`, read with these variables.
fn read(toml: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, Result<Loaded, Problems>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("entrawatch.toml");
    std::fs::write(&file, toml).unwrap();
    let loaded = load(&Sources { file: Some(file), environment: environment(variables) });
    (directory, loaded)
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn good(toml: &str, variables: &[(&str, &str)]) -> Loaded {
    read(toml, variables).1.unwrap_or_else(|problems| panic!("{problems}"))
}

/// Each problem on one line, without the directory.
fn bad(toml: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let (directory, loaded) = read(toml, variables);
    lines(loaded.map(|_| ()), &format!("{}/", directory.path().display()))
}

fn lines(loaded: Result<(), Problems>, directory: &str) -> Vec<String> {
    match loaded {
        Err(Problems::Found(problems)) => problems.iter().map(|problem| problem.to_string().replace(directory, "")).collect(),
        other => panic!("{other:?}"),
    }
}

fn secret_of(tenant: &TenantConfig) -> String {
    match &tenant.auth {
        AuthConfig::Secret(secret) => secret.read_at_start().unwrap().expose_secret().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn mails_sign_in_as_the_application_of_a_tenant() {
    let second = TENANT.replace("contoso", "fabrikam").replace("11111111", "22222222");
    let transport = |tenants: &str, transport: &str| {
        let told = "[recipients]\nfallback = [\"ops@example.com\"]\n";
        let toml = format!("{told}[mail]\nfrom = \"watch@example.com\"\ntransport = {{ {transport} }}\n{tenants}");
        let loaded = good(&toml, &[]);
        let shown = summary(&loaded).lines().find(|line| line.contains("mails")).unwrap().trim().to_owned();
        (loaded.config.mail.unwrap().transport, loaded.warnings, shown)
    };
    let (graph, warnings, shown) = transport(TENANT, r#"kind = "graph", sender = "watch@example.com""#);
    let TransportConfig::Graph(graph) = graph else { panic!("{graph:?}") };
    assert_eq!((graph.tenant.as_str(), graph.sender.as_str()), ("contoso", "watch@example.com"), "the only tenant");
    assert_eq!(warnings, []);
    assert!(shown.ends_with("from watch@example.com by Microsoft Graph, as contoso"), "{shown}");

    let both = format!("{TENANT}{second}");
    let (graph, warnings, _) = transport(&both, r#"kind = "graph", sender = "other@example.com", tenant = "fabrikam""#);
    let TransportConfig::Graph(graph) = graph else { panic!("{graph:?}") };
    assert_eq!(graph.tenant, "fabrikam");
    assert!(
        warnings[0].to_string().contains("is watch@example.com, and the mailbox that sends is other@example.com"),
        "{warnings:?}"
    );

    let token = |tenants: &str, more: &str| {
        let smtp = format!(
            r#"kind = "smtp", url = "smtp://smtp.office365.com", auth = "xoauth2", username = "watch@example.com"{more}"#
        );
        let (smtp, warnings, shown) = transport(tenants, &smtp);
        let TransportConfig::Smtp(smtp) = smtp else { panic!("{smtp:?}") };
        assert_eq!(warnings, []);
        assert!(shown.ends_with("by smtp.office365.com:587 as watch@example.com (STARTTLS)"), "{shown}");
        match smtp.login.unwrap().proof {
            SmtpProof::Token { tenant, scope } => (tenant, scope),
            SmtpProof::Password(_) => panic!("no password is configured"),
        }
    };
    let is = |tenant: &str, scope: &str| (tenant.to_owned(), scope.to_owned());
    assert_eq!(token(TENANT, ""), is("contoso", "https://outlook.office365.com/.default"));
    let china = second.replace("client_id", "cloud = \"china\"\nclient_id");
    assert_eq!(
        token(&format!("{TENANT}{china}"), r#", tenant = "fabrikam""#),
        is("fabrikam", "https://partner.outlook.cn/.default")
    );
    let dod = TENANT.replace("client_id", "cloud = \"usgov-dod\"\nclient_id");
    assert_eq!(token(&dod, r#", scope = "https://example.com/.default""#), is("contoso", "https://example.com/.default"));
}

#[test]
fn each_way_to_sign_in_is_read_with_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).display().to_string()
    };
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let certificate = rcgen::CertificateParams::new(["entrawatch".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (crt, pem) = (file("a.crt", &certificate.pem()), file("a.key", &key.serialize_pem()));
    let both = file("both.pem", &(key.serialize_pem() + &certificate.pem()));
    let token = file("token", "e30.e30.e30");
    let auth = |auth: &str, variables: &[(&str, &str)]| {
        let toml = TENANT.replace(r#"{ kind = "secret", secret = "s3cr3t" }"#, auth);
        good(&toml, variables).config.tenants.remove(0).auth
    };
    let file_of = |auth: AuthConfig| match auth {
        AuthConfig::Certificate { certificate_file, private_key } => {
            assert!(private_key.read_at_start().is_ok());
            certificate_file.display().to_string()
        }
        AuthConfig::WorkloadIdentity { token_file } => token_file.display().to_string(),
        other => panic!("{other:?}"),
    };
    let written = format!(r#"{{ kind = "certificate", certificate_file = "{crt}", private_key_file = "{pem}" }}"#);
    assert_eq!(file_of(auth(&written, &[])), crt);
    let written = format!(r#"{{ kind = "certificate", certificate_file = "{crt}", private_key_env = "KEY" }}"#);
    assert_eq!(file_of(auth(&written, &[("KEY", &key.serialize_pem())])), crt);
    assert_eq!(file_of(auth(&format!(r#"{{ kind = "workload-identity", token_file = "{token}" }}"#), &[])), token);

    let managed = |written: &str, variables: &[(&str, &str)]| match auth(written, variables) {
        AuthConfig::ManagedIdentity(identity) => identity,
        other => panic!("{other:?}"),
    };
    let plain = managed(r#"{ kind = "managed-identity" }"#, &[]);
    assert_eq!(plain.client_id, None);
    assert!(matches!(plain.endpoint, IdentityEndpoint::Metadata(url) if url.as_str() == "http://169.254.169.254/"));
    let id = "77777777-8888-9999-0000-111111111111";
    let variables = [("IDENTITY_ENDPOINT", "http://localhost:42356/msi/token"), ("IDENTITY_HEADER", "proof")];
    let service = managed(&format!(r#"{{ kind = "managed-identity", client_id = "{id}" }}"#), &variables);
    assert_eq!(service.client_id.as_deref(), Some(id));
    assert!(matches!(service.endpoint, IdentityEndpoint::AppService { url, .. } if url.port() == Some(42_356)));
    let toml = TENANT.replace(r#"kind = "secret", secret = "s3cr3t""#, r#"kind = "managed-identity""#);
    let arc = bad(&toml, &[("IDENTITY_ENDPOINT", "http://localhost:40342/x"), ("IMDS_ENDPOINT", "http://localhost:40342")]);
    assert!(arc[0].contains("Azure Arc"), "{arc:?}");

    for (name, value) in [("AZURE_CLIENT_CERTIFICATE_PATH", &both), ("AZURE_FEDERATED_TOKEN_FILE", &token)] {
        let variables = [
            ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
            ("AZURE_CLIENT_ID", "66666666-7777-8888-9999-000000000000"),
            (name, value.as_str()),
        ];
        let loaded = load(&Sources { file: None, environment: environment(&variables) });
        let mut config = loaded.unwrap_or_else(|problems| panic!("{problems}")).config;
        assert_eq!(file_of(config.tenants.remove(0).auth), *value);
    }
}

#[test]
fn nothing_configured_gives_a_page_to_start_from() {
    let problems = load(&Sources { file: None, environment: environment(&[("HOME", "/root")]) }).unwrap_err();
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn a_path_is_relative_to_what_it_is_written_in() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    std::fs::create_dir_all(at("tenants.d/..data")).unwrap();
    std::fs::write(at("entrawatch.toml"), "include = [\"tenants.d/*.toml\"]\n").unwrap();
    std::fs::write(at("tenants.d/secret"), "\u{feff}s3cr3t\n").unwrap();
    std::fs::write(at("tenants.d/..data/hidden.toml"), TENANT).unwrap();
    std::fs::write(at("tenants.d/b.toml"), TENANT.replace("secret = \"s3cr3t\"", "secret_file = \"secret\"")).unwrap();
    std::fs::write(at("tenants.d/a.toml"), "[[tenant]]\ntenant_id = \"fabrikam.com\"\nclient_id = \"66666666-7777-8888-9999-000000000000\"\nauth = \"shared\"\n[auth.shared]\nkind = \"secret\"\nsecret_env = \"FABRIKAM\"\n").unwrap();
    let sources = Sources { file: Some(at("entrawatch.toml")), environment: environment(&[("FABRIKAM", "other")]) };
    let loaded = load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let names: Vec<_> = loaded.config.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
    assert_eq!(names, ["fabrikam.com", "contoso"], "in the order of the file names");
    assert_eq!(secret_of(&loaded.config.tenants[1]), "s3cr3t");
    assert_eq!(loaded.config.store.url.expose_secret(), format!("sqlite:{}", at("entrawatch.db").display()));
    assert_eq!(loaded.files, [at("entrawatch.toml"), at("tenants.d/a.toml"), at("tenants.d/b.toml")]);
}

#[test]
fn a_store_that_is_not_configured_is_where_the_service_keeps_its_state() {
    let store = |toml: &str, variables: &[(&str, &str)]| good(toml, variables).config.store.url.expose_secret().to_owned();
    let state = [("STATE_DIRECTORY", "/var/lib/entrawatch:/var/lib/other")];
    assert_eq!(store(TENANT, &state), "sqlite:/var/lib/entrawatch/entrawatch.db");
    assert_ne!(store(TENANT, &[("STATE_DIRECTORY", "")]), "sqlite:/entrawatch.db", "an empty variable is none");
    let configured = format!("[store]\nurl = \"postgres://watch@db.example.com/entrawatch\"\n{TENANT}");
    assert_eq!(store(&configured, &state), "postgres://watch@db.example.com/entrawatch", "the file wins");
}

#[test]
fn a_file_that_is_none_is_said_plainly() {
    let directory = tempfile::tempdir().unwrap();
    let said = |path: &Path| {
        lines(
            load(&Sources { file: Some(path.to_owned()), ..Sources::default() }).map(|_| ()),
            &format!("{}/", directory.path().display()),
        )
    };
    let (mounted, latin, none) =
        (directory.path().join("mounted"), directory.path().join("latin"), directory.path().join("none"));
    std::fs::create_dir(&mounted).unwrap();
    std::fs::write(&latin, b"# caf\xe9").unwrap();
    insta::assert_snapshot!([said(&mounted), said(&latin), said(&none)].concat().join("\n"));
}

#[test]
fn what_is_doubtful_is_a_warning() {
    let toml = format!(
        "{}{}",
        r#"
        include = ["tenants.d/*.toml"]
        [http]
        listen = "0.0.0.0:9690"
        [recipients]
        fallback = ["ops@example.com"]
        guests = true
        [alerts]
        thresholds = ["30d"]
        [auth.spare]
        kind = "secret"
        secret = "99999999-8888-7777-6666-555555555555"
        [mail]
        from = "entrawatch@example.com"
        transport = { kind = "smtp", url = "smtp://smtp.office365.com", username = "u", password = "p" }
        "#,
        TENANT
    );
    let (directory, loaded) = read(&toml, &[]);
    let told: Vec<_> = loaded.unwrap().warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n").replace(&format!("{}/", directory.path().display()), ""));
    assert_eq!(good(TENANT, &[]).warnings.len(), 1, "that nobody is mailed");
}

#[test]
fn a_secret_never_shows_in_the_configuration_as_a_whole() {
    let toml = format!("{TENANT}[store]\nurl = \"postgres://watch:s3cr3t@db/entrawatch\"\n");
    let shown = format!("{:?}", good(&toml, &[]));
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn what_other_machines_could_do_on_the_page_is_said() {
    let files = "tls = { cert_file = \"page-cert.pem\", key_file = \"page-key.pem\" }\n";
    let auth = "auth = { bearer_file = \"page-token\" }\n";
    for (more, said) in [
        (String::new(), Some("without TLS and without a sign-in")),
        (files.to_owned(), Some("without a sign-in: whoever")),
        (auth.to_owned(), Some("without TLS, so that passwords and tokens can be read on the way")),
        (format!("{files}{auth}"), None),
    ] {
        let loaded = beside_example(&format!("[http]\nlisten = \"0.0.0.0:9690\"\n{more}{TENANT}")).unwrap();
        let about: Vec<_> = loaded.warnings.iter().filter(|warning| warning.path == "http.listen").collect();
        assert_eq!(about.iter().any(|warning| said.is_some_and(|said| warning.what.contains(said))), said.is_some(), "{about:?}");
        assert_eq!(about.len(), usize::from(said.is_some()));
    }
}
