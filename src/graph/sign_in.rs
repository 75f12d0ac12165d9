//! Why Entra refused a sign-in, and what to do about it.
//!
//! Only the numeric `error_codes` and the OAuth `error` are branched on. The description is for people: it is printed where the code says nothing
//! to this version, and never read.

use std::fmt;

use serde::Deserialize;

use super::wire;

/// A sign-in that the token endpoint refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInRefused {
    /// The AADSTS code, where the answer had one.
    pub code: Option<u32>,
    /// The OAuth error, as in `invalid_client`.
    pub error: String,
    /// The first line of Entra's description.
    pub description: String,
    /// Entra's `trace_id`, for its support.
    pub trace_id: Option<String>,
}

impl SignInRefused {
    /// Reads an error body of the token endpoint; `None` where it is none.
    pub(super) fn read(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            error: String,
            #[serde(default)]
            error_description: Option<String>,
            #[serde(default)]
            error_codes: Option<Vec<u32>>,
            #[serde(default)]
            trace_id: Option<String>,
        }
        let Wire { error, error_description, error_codes, trace_id } = serde_json::from_str(body).ok()?;
        let codes = error_codes.unwrap_or_default();
        Some(Self {
            code: codes.iter().find(|code| advice(**code).is_some()).or(codes.first()).copied(),
            error: wire::printable(&error),
            description: wire::printable(&error_description.unwrap_or_default()),
            trace_id: trace_id.as_deref().map(wire::printable),
        })
    }

    /// Whether it passes by itself: Entra is throttling or unwell.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.code, Some(50_196 | 90_006 | 90_024 | 90_033 | 90_055)) || self.error == "temporarily_unavailable"
    }
}

impl std::error::Error for SignInRefused {}

impl fmt::Display for SignInRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.and_then(advice), self.code) {
            (Some(advice), Some(code)) => write!(f, "{advice} (AADSTS{code}")?,
            (_, Some(code)) => {
                write!(
                    f,
                    "Entra refused the sign-in: {}; https://login.microsoftonline.com/error?code={code} explains it ",
                    self.said()
                )?;
                write!(f, "({}, AADSTS{code}", self.error)?;
            }
            (_, None) => {
                write!(f, "Entra refused the sign-in: {}; check tenant_id, client_id and cloud ({}", self.said(), self.error)?;
            }
        }
        if let Some(trace_id) = self.trace_id.as_deref().filter(|id| !id.is_empty()) {
            write!(f, ", trace id {trace_id}")?;
        }
        f.write_str(")")
    }
}

impl SignInRefused {
    fn said(&self) -> &str {
        if self.description.is_empty() { "it gave no reason" } else { self.description.trim_end_matches('.') }
    }
}

/// What is wrong and what to do, for the codes that come up in practice.
fn advice(code: u32) -> Option<&'static str> {
    Some(match code {
        7_000_215 => {
            "Entra refuses the client secret: it is not one of this application's; write the secret's value (not its id) into the \
             configuration, or create a new secret and write that"
        }
        7_000_222 => {
            "the client secret that EntraWatch signs in with has ended; create a new one for its application, record the value (it is \
             shown only once) and write it into the configuration"
        }
        700_016 => {
            "Entra knows no application with this client id in this tenant; check client_id and tenant_id, and that an administrator \
             has consented to the application there"
        }
        7_000_229 => {
            "the application has no service principal in this tenant; let an administrator consent to it there, or run \
             `az ad sp create --id CLIENT_ID`"
        }
        7_000_112 => {
            "the application that EntraWatch signs in as is disabled; enable sign-in for its enterprise application, or reactivate its \
             app registration"
        }
        90_002 | 900_023 => {
            "Entra knows no tenant with this id or domain; check tenant_id, and cloud where the tenant is in a national cloud"
        }
        90_038 => "the tenant lives in another national cloud; write that cloud into the tenant's configuration",
        53_003 => {
            "a Conditional Access policy for workload identities blocks the sign-in; let an administrator add this machine's address to \
             the policy's trusted locations, or exclude EntraWatch's service principal from it"
        }
        700_027 => {
            "Entra does not accept the signature of the sign-in: the certificate is not registered on the application, or it has ended; \
             upload the public part of the configured certificate to the application, or configure the one that is there"
        }
        700_024 => "Entra finds the sign-in outside its time range: the clock of this machine is wrong; set it by NTP",
        70_021 | 700_211 | 700_212 | 700_213 => {
            "no federated identity credential of the application matches the token; compare its issuer, subject and audience with those \
             of the token"
        }
        500_011 | 70_011 | 1_002_012 => {
            "Entra does not know Microsoft Graph under the configured host; check cloud, and graph_url where it is set"
        }
        90_055 | 50_196 => "Entra throttles the sign-ins of this tenant; EntraWatch asks again by itself",
        90_006 | 90_024 | 90_033 => "Entra cannot issue tokens for the moment; EntraWatch asks again by itself",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides_and_the_description_never_does() {
        let body =
            r#"{"error":"invalid_client","error_description":"AADSTS7000222: ended","error_codes":[7000215],"trace_id":"t"}"#;
        let refused = SignInRefused::read(body).unwrap();
        assert_eq!(refused.code, Some(7_000_215));
        let text = refused.to_string();
        assert!(
            text.contains("write the secret's value (not its id)") && text.ends_with("(AADSTS7000215, trace id t)"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_code_is_told_in_entra_s_own_words() {
        let body =
            r#"{"error":"invalid_grant","error_description":"AADSTS12345: No such thing.\r\nTrace ID: t","error_codes":[12345]}"#;
        assert_eq!(
            SignInRefused::read(body).unwrap().to_string(),
            "Entra refused the sign-in: AADSTS12345: No such thing; https://login.microsoftonline.com/error?code=12345 explains it \
             (invalid_grant, AADSTS12345)"
        );
    }

    #[test]
    fn a_known_code_among_several_wins() {
        let refused = SignInRefused::read(r#"{"error":"e","error_codes":[1,53003]}"#).unwrap();
        assert_eq!(refused.code, Some(53_003));
        assert!(!refused.is_passing());
        assert!(SignInRefused::read(r#"{"error":"e","error_codes":[90055]}"#).unwrap().is_passing());
        assert!(SignInRefused::read(r#"{"error":"temporarily_unavailable"}"#).unwrap().is_passing());
    }

    #[test]
    fn what_is_no_error_body_is_none() {
        for body in ["", "{}", r#"{"error":{"code":"x"}}"#, "<html>"] {
            assert_eq!(SignInRefused::read(body), None, "{body}");
        }
    }
}
