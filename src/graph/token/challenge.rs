//! The claims that a refusal asks for (continuous access evaluation). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The claims of a `WWW-Authenticate: Bearer …, claims="BASE64"`, as the JSON that the token endpoint wants; `None` where it has none.
pub(in crate::graph) fn claims(challenge: &str) -> Option<String> {
    let at = challenge.to_ascii_lowercase().find("claims=")?;
    let value = challenge.get(at + "claims=".len()..)?.trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([',', ' ']).next()?,
    };
    let value = value.trim_end_matches('=');
    let json = STANDARD_NO_PAD.decode(value).or_else(|_| URL_SAFE_NO_PAD.decode(value)).ok()?;
    let json = String::from_utf8(json).ok()?;
    serde_json::from_str::<serde_json::Map<_, _>>(&json).is_ok().then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_in_a_challenge_and_nothing_else_is_taken_for_them() {
        let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}"#;
        let encoded = base64::engine::general_purpose::STANDARD.encode(json);
        for challenge in [
            format!(
                r#"Bearer realm="", authorization_uri="https://x/authorize", error="insufficient_claims", claims="{encoded}""#
            ),
            format!("Bearer error=\"insufficient_claims\", claims={encoded}, realm=\"\""),
            format!(r#"Bearer claims="{}""#, URL_SAFE_NO_PAD.encode(json)),
        ] {
            assert_eq!(claims(&challenge).as_deref(), Some(json), "{challenge}");
        }
        for challenge in ["", "Bearer", r#"Bearer claims="""#, r#"Bearer claims="%%%""#, r#"Bearer claims="bm8ganNvbg==""#] {
            assert_eq!(claims(challenge), None, "{challenge}");
        }
    }
}
