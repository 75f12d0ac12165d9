//! The certificate and the key of our own server: from what is in their files to what rustls serves with, and back, for a client on the
//! same machine that knows the files.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, InconsistentKeys, ServerConfig, SignatureScheme};

/// Which of the two files is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The one with the certificate.
    Certificate,
    /// The one with the key.
    Key,
}

/// Why a server cannot use what is in the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {instead}")]
pub struct Unfit {
    /// Where.
    pub part: Part,
    /// What is wrong, as the rest of a sentence that begins with the file.
    pub what: String,
    /// What to do.
    pub instead: &'static str,
}

/// What a server with this certificate (others of its chain may follow) and this key, both in PEM, speaks.
pub fn server(certificate: &[u8], key: &[u8]) -> Result<ServerConfig, Unfit> {
    let chain = chain(certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        let encrypted = key.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED);
        let what = if encrypted { "is encrypted with a passphrase" } else { "holds no private key" };
        let instead = if encrypted {
            "write it without: openssl pkey -in ENCRYPTED -out PLAIN, readable by EntraWatch alone"
        } else {
            "write the path of a PEM file that holds the private key of the certificate"
        };
        Unfit { part: Part::Key, what: what.to_owned(), instead }
    })?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(Unfit {
            part: Part::Certificate,
            what: "holds no certificate".to_owned(),
            instead: "write the path of a PEM file with the server's certificate, and those of the authorities over it after it",
        }),
    }
}

fn unusable(error: Error) -> Unfit {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Unfit {
            part: Part::Key,
            what: "is not the key of the certificate in cert_file".to_owned(),
            instead: "write the two files that were made together; in cert_file the server's own certificate comes first",
        },
        Error::InvalidCertificate(_) => Unfit {
            part: Part::Certificate,
            what: format!("cannot be used: {error}"),
            instead: "write a certificate that is made for a TLS server",
        },
        error => Unfit {
            part: Part::Key,
            what: format!("cannot be used: {error}"),
            instead: "write an RSA key of 2048 bits or more, an ECDSA key on P-256 or P-384, or an Ed25519 key",
        },
    }
}

/// A client that takes the server with exactly this certificate (PEM), whatever names are in it and whoever signed it.
pub fn pinned(certificate: &[u8]) -> Result<ClientConfig, Unfit> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let expected = chain(certificate)?.into_iter().next().ok_or_else(|| unusable(Error::NoCertificatesPresented))?;
    let verifier = Pinned { expected, provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unusable)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

#[derive(Debug)]
struct Pinned {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.expected {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("the server shows another certificate than the one in http.tls.cert_file".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["entrawatch.example.com".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_cannot_be_served_with_says_which_file_and_why() {
        let (certificate, key) = pair();
        assert!(server(certificate.as_bytes(), key.as_bytes()).is_ok());
        let both = format!("{key}{certificate}");
        assert!(server(both.as_bytes(), both.as_bytes()).is_ok(), "one file may hold both");
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (certificate, key, part, what) in [
            ("", key.as_str(), Part::Certificate, "holds no certificate"),
            (&key, &key, Part::Certificate, "holds no certificate"),
            (&certificate, "", Part::Key, "holds no private key"),
            (&certificate, &encrypted, Part::Key, "is encrypted with a passphrase"),
            (&certificate, &pair().1, Part::Key, "is not the key of the certificate in cert_file"),
        ] {
            let unfit = server(certificate.as_bytes(), key.as_bytes()).unwrap_err();
            assert_eq!((unfit.part, unfit.what.as_str()), (part, what));
        }
    }
}
