//! What a token says of whoever it was issued to. Read, never validated: whether it holds is for Graph to say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Token;

/// The claims of an access token for Graph.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// The application permissions that are consented to.
    pub roles: Vec<String>,
    /// The application that signed in.
    #[serde(alias = "azp")]
    pub appid: Option<String>,
    /// The tenant that issued it.
    pub tid: Option<String>,
}

impl Token {
    /// What it says; `None` where it cannot be read, which is its issuer's right.
    #[must_use]
    pub fn claims(&self) -> Option<Claims> {
        read(self.expose())
    }
}

fn read(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn roles_are_read_and_none_is_none() {
        let claims = read(&token(r#"{"roles":["A","B"],"appid":"a","tid":"t","aud":"x"}"#)).unwrap();
        assert_eq!(claims, Claims { roles: vec!["A".into(), "B".into()], appid: Some("a".into()), tid: Some("t".into()) });
        assert_eq!(read(&token("{}")), Some(Claims::default()), "without consent there are no roles");
    }

    #[test]
    fn a_token_that_cannot_be_read_says_nothing() {
        for opaque in ["", "granted", "a.b", "a.b.c", "a.!.c", &token("[1]"), &token(r#"{"roles":"A"}"#)] {
            assert_eq!(read(opaque), None, "{opaque}");
        }
    }
}
