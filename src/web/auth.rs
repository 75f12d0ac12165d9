//! Who may look: users with a password, programs with a token. The probes and the style sheet are for everybody.
//!
//! A password is checked against its bcrypt hash once and is then remembered as a keyed digest, so that a scrape every fifteen seconds
//! costs no hashing. What fails is not remembered, and only two passwords are checked at a time: guessing takes no more of the machine
//! than that.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{hmac, rand};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::WebState;
use super::problem::{Asker, Problem};
use crate::config::HttpAuth;
use crate::secret::SecretSource;

/// Passwords that are checked at the same time.
const AT_A_TIME: usize = 2;
/// Sign-ins that are remembered; more than one a user only while passwords change.
const REMEMBERED: usize = 1024;
/// Whether the reader of an answer is known. An extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Signed in, or nobody has to.
    Known,
    /// Somebody else, who is shown the probes and nothing else.
    Stranger,
}

/// What is remembered of those who signed in.
pub(super) struct Guard {
    key: hmac::Key,
    verified: Mutex<HashSet<[u8; 32]>>,
    turns: Semaphore,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Guard {
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new())?;
        Ok(Self { key, verified: Mutex::default(), turns: Semaphore::new(AT_A_TIME) })
    }

    async fn knows(&self, auth: &HttpAuth, headers: &HeaderMap) -> bool {
        let Some((scheme, proof)) = credentials(headers) else { return false };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => match &auth.bearer {
                Some(source) => is_token(source, proof).await,
                None => false,
            },
            "basic" => match basic(proof) {
                Some((user, password)) => self.is_password(auth, user, password).await,
                None => false,
            },
            _ => false,
        }
    }

    async fn is_password(&self, auth: &HttpAuth, user: String, password: Vec<u8>) -> bool {
        let is_user = auth.basic.contains_key(&user);
        // A name that there is not is refused no faster than a wrong password: somebody else's hash is tried.
        let Some(hash) = auth.basic.get(&user).or_else(|| auth.basic.values().next()) else { return false };
        let hash = hash.expose_secret().to_owned();
        // The hash is part of it: a password that was changed in the configuration is forgotten at once.
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user.as_bytes(), hash.as_bytes(), &password] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let Ok(mark) = <[u8; 32]>::try_from(context.sign().as_ref()) else { return false };
        if is_user && self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(&mark) {
            return true;
        }
        let Ok(_turn) = self.turns.acquire().await else { return false };
        let right = spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await.unwrap_or(false);
        if right && is_user {
            let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
            if verified.len() >= REMEMBERED {
                verified.clear();
            }
            verified.insert(mark);
        }
        right && is_user
    }
}

fn credentials(headers: &HeaderMap) -> Option<(&str, &str)> {
    let (scheme, proof) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    Some((scheme, proof.trim()))
}

/// User and password of the `Basic` scheme.
fn basic(proof: &str) -> Option<(String, Vec<u8>)> {
    let mut bytes = STANDARD.decode(proof).ok()?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let password = bytes.split_off(colon + 1);
    bytes.pop();
    Some((String::from_utf8(bytes).ok()?, password))
}

async fn is_token(source: &SecretSource, proof: &str) -> bool {
    match source.read().await {
        // Digests, because the comparison tells lengths apart.
        Ok(token) => {
            let [token, proof] = [token.expose_secret(), proof].map(|text| digest(&SHA256, text.as_bytes()));
            verify_slices_are_equal(token.as_ref(), proof.as_ref()).is_ok()
        }
        Err(error) => {
            tracing::error!(%error, "http.auth.bearer_file cannot be used, and no token is accepted");
            false
        }
    }
}

/// Lets those pass who may look.
pub(super) async fn guard(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let parts = state.parts();
    let Some(auth) = &parts.config.http.auth else {
        request.extensions_mut().insert(Reader::Known);
        return next.run(request).await;
    };
    let known = state.guard().knows(auth, request.headers()).await;
    request.extensions_mut().insert(if known { Reader::Known } else { Reader::Stranger });
    if known || is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let asker = Asker::of(request.uri(), request.headers().get(ACCEPT));
    let mut response = Problem::unknown_reader().answer(&state, asker);
    let mut offer =
        |challenge: &'static str| response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    if !auth.basic.is_empty() {
        offer("Basic realm=\"EntraWatch\", charset=\"UTF-8\"");
    }
    if auth.bearer.is_some() {
        offer("Bearer realm=\"EntraWatch\"");
    }
    response
}

/// What tells nothing about any tenant.
fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz") || path.starts_with("/assets/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_colons_and_be_empty() {
        let of = |text: &str| basic(&STANDARD.encode(text));
        assert_eq!(of("jo:a:b"), Some(("jo".to_owned(), b"a:b".to_vec())));
        assert_eq!(of("jo:"), Some(("jo".to_owned(), Vec::new())));
        assert_eq!(of("jo"), None);
        assert_eq!(basic("%%%"), None);
    }
}
