//! TLS towards the mail server: the machine's authorities, and one of the operator's own.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

/// A connector that trusts the machine's authorities and those in `ca_file`. Made anew for each connection, so that renewed authorities count.
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let extra = ca_file.map(authorities).transpose()?.unwrap_or_default();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(|error| {
        format!("no certificate authorities to trust: {error}; install the system's ca-certificates, or set ca_file")
    })?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => {
            Err(format!("{shown} holds no certificate; mail.transport.ca_file wants one in PEM form"))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{shown} cannot be read as certificates: {error}; mail.transport.ca_file wants PEM")),
    }
}

/// The name that the server's certificate must carry.
pub fn name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is neither a host name nor an address"))
}

/// What a failed handshake means, if it will fail again until somebody mends something.
pub fn lasting(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(reason) = error else {
        return Some(format!("TLS failed: {error}"));
    };
    let why = match reason {
        // A bad signature is what a reissued authority with the old name looks like.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is signed by an authority that this machine does not trust; put that authority's certificate into mail.transport.ca_file"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is not for this host name ({error}); write the name that it carries into mail.transport.url")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it on the mail server, or mend this machine's clock".to_owned()
        }
        other => format!("{other:?}"),
    };
    Some(format!("the server's certificate is not accepted: {why}"))
}
