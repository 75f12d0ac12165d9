//! Signing in by certificate: a short-lived assertion, signed with the private key.
//!
//! Entra wants PS256 and, in the header, the SHA-256 of the certificate (`x5t#S256`). It takes RSA keys only.

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::UtcTime;
use crate::graph::wire;

/// How long an assertion holds: Entra asks for five to ten minutes at most.
const LIFE: TimeDelta = TimeDelta::minutes(10);

/// A certificate with its private key.
#[derive(Debug)]
pub(super) struct Signer {
    key: KeyPair,
    thumbprint: String,
    sha1: String,
}

/// Why a certificate cannot be signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {instead}")]
pub struct Unfit {
    /// What is wrong.
    pub what: &'static str,
    /// What to do.
    pub instead: &'static str,
    /// It is about the private key rather than the certificate.
    pub is_of_key: bool,
}

const fn unfit(what: &'static str, instead: &'static str) -> Unfit {
    Unfit { what, instead, is_of_key: false }
}

const fn unfit_key(what: &'static str, instead: &'static str) -> Unfit {
    Unfit { what, instead, is_of_key: true }
}

/// Whether EntraWatch could sign in with this certificate (PEM, its chain may follow) and this private key (PEM).
pub fn check_certificate(certificates: &[u8], key: &[u8]) -> Result<(), Unfit> {
    Signer::read(certificates, key).map(drop)
}

/// The SHA-1 thumbprint, in upper-case hex, of the certificate that would be signed in with.
pub(super) fn sha1_thumbprint(certificates: &[u8], key: &[u8]) -> Result<String, Unfit> {
    Signer::read(certificates, key).map(|signer| signer.sha1)
}

impl Signer {
    /// Reads both from PEM. The error says what is wrong and what to do, and holds no part of the key.
    pub fn read(certificates: &[u8], key: &[u8]) -> Result<Self, Unfit> {
        let key = private_key(key)?;
        let mut seen = 0;
        for certificate in CertificateDer::pem_slice_iter(certificates) {
            let certificate = certificate.map_err(|_| unfit("the certificate is damaged", "export it again as PEM"))?;
            seen += 1;
            if belongs(&certificate, &key) {
                let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, &certificate));
                return Ok(Self { key, thumbprint, sha1: wire::sha1_hex(&certificate) });
            }
        }
        Err(match seen {
            0 if certificates.first() == Some(&0x30) => unfit(
                "the certificate is not in PEM but in DER or PKCS#12",
                "convert it with `openssl x509 -inform der -in FILE -out cert.pem` or `openssl pkcs12 -in FILE -nokeys -out cert.pem`",
            ),
            0 => unfit("there is no certificate", "it must be PEM and begin with -----BEGIN CERTIFICATE-----"),
            _ => unfit("the private key does not belong to the certificate", "write the two that were made together"),
        })
    }

    /// The assertion for `client_id`, to be shown to `audience`, the token endpoint.
    pub fn assertion(&self, client_id: &str, audience: &str, now: UtcTime) -> Result<SecretString, Unfit> {
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": Uuid::new_v4(),
            "nbf": now.timestamp(),
            "iat": now.timestamp(),
            "exp": (now + LIFE).timestamp(),
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| {
            unfit_key("the private key cannot sign", "make a new certificate with an RSA key of 2048 bits or more")
        })?;
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

fn private_key(pem: &[u8]) -> Result<KeyPair, Unfit> {
    let text = String::from_utf8_lossy(pem);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(unfit_key(
            "the private key is encrypted",
            "write it without a passphrase (`openssl pkey -in FILE -out key.pem`) into a file that only EntraWatch may read",
        ));
    }
    let der = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| unfit_key("there is no private key", "it must be PEM and begin with -----BEGIN PRIVATE KEY-----"))?;
    let key = match &der {
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()).ok(),
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        _ => None,
    };
    key.ok_or(unfit_key(
        "the private key is no RSA key of 2048 bits or more",
        "make a certificate with such a key: Entra takes no other",
    ))
}

/// Whether the certificate is for the key: it holds its public part, which is too long to be there by accident.
fn belongs(certificate: &[u8], key: &KeyPair) -> bool {
    let public = key.public_key().as_ref();
    certificate.windows(public.len()).any(|window| window == public)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation};
    use rcgen::{CertificateParams, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
    use secrecy::ExposeSecret as _;

    use super::*;

    const AUDIENCE: &str = "https://login.microsoftonline.com/t/oauth2/v2.0/token";

    fn pair() -> (rcgen::Certificate, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        (CertificateParams::new(["entrawatch".to_owned()]).unwrap().self_signed(&key).unwrap(), key)
    }

    #[test]
    fn an_assertion_is_what_entra_asks_for() {
        let (certificate, key) = pair();
        let (other, _) = pair();
        // The chain may come along, in any order, and key and certificate may share a file.
        let pem = format!("{}{}{}", key.serialize_pem(), other.pem(), certificate.pem());
        let signer = Signer::read(pem.as_bytes(), pem.as_bytes()).unwrap();
        let now = UtcTime::from_timestamp(1_800_000_000, 0).unwrap();
        let assertion = signer.assertion("client", AUDIENCE, now).unwrap();

        let mut rules = Validation::new(Algorithm::PS256);
        rules.set_audience(&[AUDIENCE]);
        rules.validate_exp = false;
        let public = DecodingKey::from_rsa_der(signer.key.public_key().as_ref());
        let read = jsonwebtoken::decode::<Value>(assertion.expose_secret(), &public, &rules).unwrap();
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, certificate.der()));
        assert_eq!(read.header.x5t_s256.as_deref(), Some(thumbprint.as_str()));
        assert_eq!((&read.claims["iss"], &read.claims["sub"]), (&json!("client"), &json!("client")));
        assert_eq!((&read.claims["nbf"], &read.claims["exp"]), (&json!(1_800_000_000), &json!(1_800_000_600)));
        assert_ne!(signer.assertion("client", AUDIENCE, now).unwrap().expose_secret(), assertion.expose_secret(), "jti differs");
    }

    #[test]
    fn what_cannot_sign_is_refused_with_a_way_out() {
        let (certificate, key) = pair();
        let (stranger, _) = pair();
        let curve = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let (pem, key) = (certificate.pem(), key.serialize_pem());
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for (certificates, key, way_out) in [
            (pem.as_bytes(), "".as_bytes(), "must be PEM"),
            (pem.as_bytes(), pem.as_bytes(), "must be PEM"),
            (pem.as_bytes(), encrypted.as_bytes(), "openssl pkey"),
            (pem.as_bytes(), curve.serialize_pem().as_bytes(), "no RSA key"),
            (stranger.pem().as_bytes(), key.as_bytes(), "that were made together"),
            (key.as_bytes(), key.as_bytes(), "there is no certificate"),
            (certificate.der().as_ref(), key.as_bytes(), "openssl x509"),
        ] {
            let refused = Signer::read(certificates, key).unwrap_err().to_string();
            assert!(refused.contains(way_out), "{refused}");
        }
    }
}
