//! What proves to the token endpoint that it is EntraWatch that asks. Read from its source each time.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::certificate::{Signer, sha1_thumbprint};
use crate::clock::UtcTime;
use crate::graph::Error;
use crate::own::{Mark, SignIn};
use crate::secret::SecretSource;

/// The only type of assertion that Entra takes.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How many characters of a secret Graph shows.
const HINT: usize = 3;

/// A way to prove it.
#[derive(Debug)]
pub(super) enum Proof {
    Secret(SecretSource),
    Certificate { certificate_file: PathBuf, private_key: SecretSource },
    Federated { token_file: PathBuf },
}

impl Proof {
    /// What tells the credential that is used now from others.
    pub async fn mark(&self) -> Result<(SignIn, Mark), Error> {
        Ok(match self {
            Self::Secret(source) => {
                let secret = read(source).await?;
                let hint = secret.expose_secret().chars().take(HINT).collect();
                (SignIn::Secret, Mark::Secret { hint })
            }
            Self::Certificate { certificate_file, private_key } => {
                let certificates = read_file(certificate_file).await?;
                let key = read(private_key).await?;
                let thumbprint = sha1_thumbprint(&certificates, key.expose_secret().as_bytes())
                    .map_err(|unfit| Error::Identity(unfit.to_string()))?;
                (SignIn::Certificate, Mark::Certificate { thumbprint })
            }
            Self::Federated { .. } => (SignIn::WorkloadIdentity, Mark::None),
        })
    }

    /// The form fields for `client_id`, to be shown to `audience`.
    pub async fn fields(
        &self,
        client_id: &str,
        audience: &str,
        now: UtcTime,
    ) -> Result<Vec<(&'static str, SecretString)>, Error> {
        let assertion = match self {
            Self::Secret(source) => return Ok(vec![("client_secret", read(source).await?)]),
            Self::Federated { token_file } => read(&SecretSource::File(token_file.clone())).await?,
            Self::Certificate { certificate_file, private_key } => {
                let certificates = read_file(certificate_file).await?;
                let key = read(private_key).await?;
                let signer = Signer::read(&certificates, key.expose_secret().as_bytes());
                signer
                    .and_then(|signer| signer.assertion(client_id, audience, now))
                    .map_err(|unfit| Error::Identity(unfit.to_string()))?
            }
        };
        Ok(vec![("client_assertion_type", SecretString::from(ASSERTION_TYPE)), ("client_assertion", assertion)])
    }
}

async fn read(source: &SecretSource) -> Result<SecretString, Error> {
    source.read().await.map_err(|error| Error::Identity(error.to_string()))
}

async fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error| {
        format!("the file {} cannot be read: {error}; check that it exists and that EntraWatch may read it", path.display())
    };
    tokio::fs::read(path).await.map_err(|error| Error::Identity(unreadable(error)))
}
