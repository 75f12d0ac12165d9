//! What can go wrong with Graph, in words that say what to do.

use std::fmt;
use std::time::Duration;

use super::sign_in::SignInRefused;

/// Why Graph did not give what was asked. Displays as a plain sentence that says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Entra refused to issue a token, and will until somebody changes something.
    #[error(transparent)]
    SignIn(#[from] SignInRefused),
    /// What EntraWatch signs in with cannot be used: a file that cannot be read, a key that is none.
    #[error("EntraWatch cannot sign in: {0}")]
    Identity(String),
    /// Graph does not accept the token, not even a fresh one (401).
    #[error(
        "Microsoft Graph does not accept the token that Entra issued for it; check that cloud, and graph_url where it is set, belong to the tenant{0}"
    )]
    TokenRefused(Trace),
    /// The permission is missing (403).
    #[error(
        "Microsoft Graph denies access: give EntraWatch's application the application permission {permission} and grant admin consent to it; a consent given just now can take some minutes, with a managed identity up to a day{trace}"
    )]
    Denied {
        /// The application permission that is needed.
        permission: &'static str,
        /// For Microsoft's support.
        trace: Trace,
    },
    /// The object does not exist (404).
    #[error("Microsoft Graph has no such object")]
    NotFound,
    /// Graph asked for patience until ours ended.
    #[error(
        "Microsoft Graph throttles this tenant and still did after {tries} tries; other programs that read the same tenant use up its quota, and the next poll tries again{trace}"
    )]
    Throttled {
        /// How often the request was sent.
        tries: u32,
        /// For Microsoft's support.
        trace: Trace,
    },
    /// A link from a delta round is too old or unknown: everything is to be read again (410, `syncStateNotFound`, `resyncRequired`).
    #[error("Microsoft Graph has forgotten the state of the change tracking, so everything is read again{0}")]
    ResyncRequired(Trace),
    /// A delta round left so much open that a listing is cheaper.
    #[error("Microsoft Graph's change tracking left {0} objects open, so everything is read again")]
    DeltaUnclear(usize),
    /// The tenant does not answer delta queries.
    #[error("this tenant does not answer Microsoft Graph's delta queries, so everything is listed at each poll{0}")]
    DeltaRefused(Trace),
    /// Another status that is no success.
    #[error("{server} answered {status} where success was expected{}{trace}", said(.message.as_deref()))]
    Status {
        /// Who answered.
        server: Server,
        /// The HTTP status.
        status: u16,
        /// What Graph says about it, for people.
        message: Option<String>,
        /// For Microsoft's support.
        trace: Trace,
    },
    /// No answer.
    #[error("{host} cannot be reached: {cause}; check name resolution, the firewall and the proxy of this machine")]
    Network {
        /// Host and port.
        host: String,
        /// What failed, innermost.
        cause: String,
        /// There was no connection, so the request cannot have arrived.
        unsent: bool,
    },
    /// A certificate that is not accepted. Trying again does not mend it.
    #[error("the certificate of {host} is not accepted: {why}")]
    Untrusted {
        /// Host and port.
        host: String,
        /// What is wrong with it and what to do.
        why: String,
    },
    /// An answer that was not complete in time.
    #[error("{host} did not answer in full within {} seconds; check the network and the proxy of this machine", within.as_secs())]
    Timeout {
        /// Host and port.
        host: String,
        /// The deadline.
        within: Duration,
    },
    /// An answer that is not what it should be.
    #[error(
        "{server} answered with a body that cannot be read ({cause}); a proxy that answers in its place is the usual reason{trace}"
    )]
    Undecodable {
        /// Who answered.
        server: Server,
        /// What is wrong with it.
        cause: String,
        /// For Microsoft's support.
        trace: Trace,
    },
    /// One object that cannot be decoded.
    #[error("Microsoft Graph sent an object that cannot be read ({0}), so its last known state stands")]
    Object(String),
    /// A body beyond the limit.
    #[error("{host} sent a body of more than {} MiB, which is refused; a proxy that answers in its place is the usual reason", limit >> 20)]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A redirect; none is followed with a token.
    #[error(
        "{host} redirects to another address ({status}), which EntraWatch does not follow with a token; check login_url, graph_url and the proxy"
    )]
    Redirected {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// A link that leads away from Graph; no token is sent there.
    #[error(
        "Microsoft Graph sent a link to {found}, while only {expected} gets EntraWatch's token; it was not followed; check graph_url and the proxy"
    )]
    ForeignLink {
        /// Scheme, host and port of the link.
        found: String,
        /// Those of `graph_url`.
        expected: String,
    },
    /// A page whose next page is one that was read already.
    #[error("Microsoft Graph's listing leads back to a page already read, so it was left; the next poll starts afresh")]
    RepeatedLink,
    /// The time for reading again before telling was used up.
    #[error("Microsoft Graph was too busy to be read again in time")]
    OutOfTime,
    /// The HTTP client cannot be built.
    #[error(
        "the HTTPS client cannot be set up: {0}; where this machine has no CA certificates, install its package ca-certificates, or name a file with them in the environment variable SSL_CERT_FILE"
    )]
    Setup(String),
    /// An address that is configured, or made of what is, is no URL.
    #[error("{0}")]
    Address(String),
}

impl Error {
    /// Whether a delta round that ended so cannot be gone on with from its link, while a listing may succeed.
    #[must_use]
    pub fn needs_listing(&self) -> bool {
        matches!(
            self,
            Self::ResyncRequired(_)
                | Self::DeltaRefused(_)
                | Self::DeltaUnclear(_)
                | Self::Status { .. }
                | Self::Undecodable { .. }
                | Self::TooLarge { .. }
                | Self::ForeignLink { .. }
                | Self::RepeatedLink
        )
    }
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Server {
    /// Microsoft Graph.
    #[strum(serialize = "Microsoft Graph")]
    Graph,
    /// The endpoints that issue tokens.
    #[strum(serialize = "Entra's sign-in")]
    SignIn,
    /// The platform that issues tokens to its own machines.
    #[strum(serialize = "the managed identity endpoint")]
    ManagedIdentity,
}

/// What helps Microsoft's support, and whoever reads the log, to find one request again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// Graph's error code, as in `Authorization_RequestDenied`. An open set.
    pub code: Option<String>,
    /// Graph's `request-id`.
    pub request_id: Option<String>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.request_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, request-id {id})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(id)) => write!(f, " (request-id {id})"),
            (None, None) => Ok(()),
        }
    }
}

impl Error {
    /// Whether somebody has to give EntraWatch something back before anything can be read again: the sign-in, the permission.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::SignIn(_) | Self::Identity(_) | Self::TokenRefused(_) | Self::Denied { .. })
    }
}

fn said(message: Option<&str>) -> String {
    message.map(|message| format!(": {}", message.trim_end_matches('.'))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_a_sentence_that_says_what_to_do() {
        let trace = Trace { code: Some("Authorization_RequestDenied".into()), request_id: Some("r-1".into()) };
        let denied = Error::Denied { permission: "Application.Read.All", trace: trace.clone() };
        assert!(denied.to_string().contains("application permission Application.Read.All"));
        assert!(denied.to_string().ends_with(" (Authorization_RequestDenied, request-id r-1)"));
        let status = Error::Status { server: Server::Graph, status: 400, message: Some("No such property.".into()), trace };
        assert_eq!(
            status.to_string(),
            "Microsoft Graph answered 400 where success was expected: No such property (Authorization_RequestDenied, request-id r-1)"
        );
        let bare = Error::Status { server: Server::SignIn, status: 500, message: None, trace: Trace::default() };
        assert_eq!(bare.to_string(), "Entra's sign-in answered 500 where success was expected");
    }
}
