//! Signing in by a signed assertion: with a certificate of the application, or with the token of another identity provider.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use uuid::Uuid;
use webpki::EndEntityCert;
use webpki::aws_lc_rs::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use super::credential::{EXCHANGE_AUDIENCE, Key};
use super::sts::StsError;
use super::tenant::State;
use crate::clock::UtcTime;

/// The only `client_assertion_type`.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 300;

/// A token in its parts.
struct Assertion {
    header: Value,
    claims: Value,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Assertion {
    fn parse(text: &str) -> Result<Self, StsError> {
        let malformed = || StsError::malformed_assertion("it is not a JWT in compact serialization");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        // Microsoft's own libraries leave the padding on.
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| malformed());
        let json = |part: &str| serde_json::from_slice(&bytes(part)?).map_err(|_| malformed());
        Ok(Self {
            header: json(header)?,
            claims: json(claims)?,
            signature: bytes(signature)?,
            signed: signed.as_bytes().to_vec(),
        })
    }

    fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    /// A time, which may have a fraction.
    fn seconds(&self, name: &str) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "a float beyond i64 becomes its end, which is as far away")]
        self.claims[name].as_f64().map(|seconds| seconds as i64)
    }

    fn is_signed_by(&self, der: &[u8]) -> bool {
        let algorithm = match self.header["alg"].as_str() {
            Some("PS256") => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Some("RS256") => RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        EndEntityCert::try_from(&der.into())
            .is_ok_and(|certificate| certificate.verify_signature(algorithm, &self.signed, &self.signature).is_ok())
    }

    /// Whether it holds now. `exp` is demanded, `nbf` is not.
    fn check_times(&self, now: UtcTime) -> Result<(), StsError> {
        let (start, end) = (self.seconds("nbf"), self.seconds("exp"));
        let end = end.ok_or_else(|| StsError::malformed_assertion("exp is missing"))?;
        let now_seconds = now.timestamp();
        if end.saturating_add(SKEW) <= now_seconds || start.is_some_and(|start| start.saturating_sub(SKEW) > now_seconds) {
            let text = |at: Option<i64>| at.and_then(|at| UtcTime::from_timestamp(at, 0)).unwrap_or_default().to_rfc3339();
            return Err(StsError::outside_valid_time(&now.to_rfc3339(), &text(start), &text(Some(end))));
        }
        Ok(())
    }
}

/// Whether `text` lets the application with this app id in. `is_audience` knows the addresses of the token endpoint.
pub(super) fn check(
    state: &State,
    app_id: Uuid,
    text: &str,
    now: UtcTime,
    is_audience: impl Fn(&str) -> bool,
) -> Result<(), StsError> {
    let assertion = Assertion::parse(text)?;
    let client = app_id.to_string();
    let own = assertion.header.get("x5t").or(assertion.header.get("x5t#S256")).is_some();
    if !own {
        return check_federated(state, app_id, &assertion, now);
    }
    if assertion.claim("iss") != client || assertion.claim("sub") != client {
        return Err(StsError::wrong_issuer());
    }
    check_certificate(state, app_id, &assertion, now)?;
    if !is_audience(assertion.claim("aud")) {
        return Err(StsError::wrong_audience());
    }
    if assertion.claim("jti").is_empty() {
        return Err(StsError::malformed_assertion("jti is missing"));
    }
    assertion.check_times(now)
}

/// Remembers the id of an assertion. It lets nobody in twice.
pub(super) fn use_up(state: &mut State, text: &str) -> Result<(), StsError> {
    let assertion = Assertion::parse(text)?;
    let id = assertion.claim("jti");
    // Kubernetes' tokens are exchanged again and again; only what the application signs itself is new each time.
    if assertion.header.get("x5t").or(assertion.header.get("x5t#S256")).is_some() && !state.used_assertions.insert(id.to_owned())
    {
        return Err(StsError::malformed_assertion("jti was used before"));
    }
    Ok(())
}

fn check_certificate(state: &State, app_id: Uuid, assertion: &Assertion, now: UtcTime) -> Result<(), StsError> {
    // Here too the padding may be there.
    let wanted = |name: &str| assertion.header[name].as_str().unwrap_or_default().trim_end_matches('=').to_owned();
    let (sha1, sha256) = (wanted("x5t"), wanted("x5t#S256"));
    let shown = if sha256.is_empty() { &sha1 } else { &sha256 };
    let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    let mut certificates = state
        .all_registered(app_id)
        .flat_map(|record| &record.keys)
        .filter(|key| key.usage == "Verify" && key.group.is_none())
        .filter_map(|key| Some((key, key.certificate.as_ref()?)));
    let found =
        certificates.find(|(_, certificate)| encode(certificate.sha256()) == sha256 || encode(certificate.sha1()) == sha1);
    let Some((key, certificate)) = found else {
        return Err(StsError::unknown_certificate(shown, "The key was not found."));
    };
    if !is_valid(key, now) {
        return Err(StsError::unknown_certificate(shown, "The key used is expired."));
    }
    if !assertion.is_signed_by(&certificate.der()) {
        return Err(StsError::unknown_certificate(
            shown,
            "The key was found, but use of the key to verify the signature failed.",
        ));
    }
    Ok(())
}

fn is_valid(key: &Key, now: UtcTime) -> bool {
    key.start.is_none_or(|start| start <= now) && key.end.is_none_or(|end| now < end)
}

fn check_federated(state: &State, app_id: Uuid, assertion: &Assertion, now: UtcTime) -> Result<(), StsError> {
    let unmatched = StsError::unmatched_federation;
    let (issuer, subject, audience) = (assertion.claim("iss"), assertion.claim("sub"), assertion.claim("aud"));
    let mut trusted =
        state.all_registered(app_id).flat_map(|record| &record.federated).filter(|known| known.issuer == issuer).peekable();
    if trusted.peek().is_none() {
        return Err(unmatched(700_211, "issuer", issuer));
    }
    if !trusted.any(|known| known.subject == subject) {
        return Err(unmatched(700_213, "subject", subject));
    }
    // Kubernetes writes audiences as a list.
    let listed = assertion.claims["aud"].as_array().is_some_and(|list| list.iter().any(|one| one == EXCHANGE_AUDIENCE));
    if audience != EXCHANGE_AUDIENCE && !listed {
        return Err(unmatched(700_212, "audience", audience));
    }
    if !state.issuers.get(issuer).is_some_and(|der| assertion.is_signed_by(der)) {
        return Err(StsError::malformed_assertion("the signature does not verify with the issuer's keys"));
    }
    assertion.check_times(now)
}
