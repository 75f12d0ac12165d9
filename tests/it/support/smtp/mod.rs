//! Mail servers for the tests: a real exim, aiosmtpd with a script, and one of our own that misbehaves as a test tells it to.

pub mod exim;
pub mod peer;
pub mod script;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use entrawatch::config::{SmtpConfig, SmtpLogin, SmtpProof, SmtpTls};
use entrawatch::mail::smtp::Patience;
use entrawatch::mail::{Envelope, Mailer, SendError};
use entrawatch::secret::SecretSource;
use lettre::Address;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

/// What signs in at the servers here.
pub const USER: &str = "entrawatch";
/// See [`USER`].
pub const PASSWORD: &str = "p4ss w\u{f6}rd";

/// An authority, and a certificate of its for a mail server, in files.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// With a certificate for this machine.
    pub fn new() -> Self {
        Self::with_names(&["localhost", "127.0.0.1"])
    }

    /// With a certificate for these names.
    pub fn with_names(names: &[&str]) -> Self {
        let authority = super::tls::Authority::new();
        let (certificate, key) = authority.issue(names);
        let folder = tempfile::tempdir().expect("a directory");
        for (name, pem) in [("ca.pem", authority.pem()), ("certificate.pem", certificate), ("key.pem", key)] {
            std::fs::write(folder.path().join(name), pem).expect("written");
        }
        Self { folder }
    }

    /// The authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The server's certificate and its key.
    pub fn server_files(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("certificate.pem"), self.folder.path().join("key.pem"))
    }

    /// What a server of ours accepts TLS with.
    pub fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.server_files();
        let chain = CertificateDer::pem_file_iter(certificate).expect("PEM").collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_file(key).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_no_client_auth();
        let config = builder.with_single_cert(chain.expect("certificates"), key).expect("a usable certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}

/// The configuration for a server on this machine.
pub fn config(port: u16, tls: SmtpTls, ca_file: Option<&Path>) -> SmtpConfig {
    SmtpConfig { host: "localhost".to_owned(), port, tls, login: None, ca_file: ca_file.map(Path::to_owned) }
}

/// With a password.
pub fn sign_in(config: SmtpConfig, password: &str) -> SmtpConfig {
    let login = SmtpLogin { username: USER.to_owned(), proof: SmtpProof::Password(SecretSource::Inline(password.into())) };
    SmtpConfig { login: Some(login), ..config }
}

/// Patience for servers that never answer in a test.
pub const IMPATIENT: Patience =
    Patience { connect: Duration::from_millis(400), command: Duration::from_millis(400), message: Duration::from_millis(400) };

/// Sends a mail of a few lines.
pub async fn send(mailer: &dyn Mailer, to: &str) -> Result<String, SendError> {
    let from: Address = "entrawatch@example.com".parse().expect("an address");
    let to: Address = to.parse().expect("an address");
    let message = b"From: entrawatch@example.com\r\nSubject: test\r\n\r\n.dots\r\n..more\r\n";
    mailer.send(Envelope { from: &from, to: &to, id: Uuid::new_v4(), message }).await
}
