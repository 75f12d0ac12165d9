//! The HTTP client that every tenant shares, and one exchange with it: bounded in time and size, no redirect followed.

use std::error::Error as StdError;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy, RequestBuilder};
use rustls::CertificateError;
use tokio::time::timeout;
use url::{Host, Url};

use super::Error;
use super::budget::KEYS_PER_MINUTE;

/// How long a connection may take, name resolution and TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// What one answer, and one minute, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the first byte sent to the last one received, also where the body trickles.
    pub answer_within: Duration,
    /// The largest body, in bytes.
    pub largest_body: usize,
    /// How many requests that name `keyCredentials` are sent in a minute; `None`: any number, for a simulated tenant whose clock may run so
    /// fast that it is asked more often than the real one may be.
    pub keys_per_minute: Option<usize>,
}

impl Default for Limits {
    /// A page of 999 objects with all their certificates is some 10 MiB.
    fn default() -> Self {
        Self { answer_within: Duration::from_mins(1), largest_body: 64 << 20, keys_per_minute: Some(KEYS_PER_MINUTE) }
    }
}

/// Sets up the HTTP client: rustls with the system's authorities and those in `authorities` (PEM), the proxy of the usual environment
/// variables, no redirects.
pub fn http_client(authorities: &[Vec<u8>]) -> Result<Client, Error> {
    let setup = |error: reqwest::Error| Error::Setup(root_cause(&error));
    let mut certificates = Vec::new();
    for pem in authorities {
        certificates.extend(Certificate::from_pem_bundle(pem).map_err(setup)?);
    }
    Client::builder()
        .user_agent(concat!("EntraWatch/", env!("CARGO_PKG_VERSION")))
        .tls_certs_merge(certificates)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_WITHIN)
        .proxy(proxy(Matcher::from_env()))
        .build()
        .map_err(setup)
}

/// Proxies as `rules` say, but never for this machine or its own network link (the metadata service of a cloud).
fn proxy(rules: Matcher) -> Proxy {
    Proxy::custom(move |url| if is_near(url) { None } else { proxy_for(&rules, url) })
}

fn proxy_for(rules: &Matcher, url: &Url) -> Option<Url> {
    let intercept = rules.intercept(&url.as_str().parse().ok()?)?;
    let mut proxy = Url::parse(&intercept.uri().to_string()).ok()?;
    if let Some((user, password)) = intercept.basic_auth().and_then(basic).or_else(|| intercept.raw_auth().map(owned)) {
        proxy.set_username(&user).ok()?;
        proxy.set_password(Some(&password)).ok()?;
    }
    Some(proxy)
}

fn owned((user, password): (&str, &str)) -> (String, String) {
    (user.to_owned(), password.to_owned())
}

/// User and password of a `Basic` header.
fn basic(header: &reqwest::header::HeaderValue) -> Option<(String, String)> {
    let encoded = header.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(owned)
}

/// Whether a URL leads to this machine or to its own link.
pub(super) fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// The time of the server's clock.
    pub fn date(&self) -> Option<crate::clock::UtcTime> {
        chrono::DateTime::parse_from_rfc2822(self.header("date")?).ok().map(|date| date.to_utc())
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends a request and reads the whole answer, within these limits.
pub(super) async fn exchange(request: RequestBuilder, host: &str, limits: Limits) -> Result<Reply, Error> {
    let Limits { answer_within: within, largest_body: limit, .. } = limits;
    let unreachable = |error: reqwest::Error| match untrusted(&error) {
        Some(why) => Error::Untrusted { host: host.to_owned(), why },
        None => Error::Network { host: host.to_owned(), cause: root_cause(&error), unsent: error.is_connect() },
    };
    let answer = async {
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limit {
                return Err(Error::TooLarge { host: host.to_owned(), limit });
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            300..=399 => Err(Error::Redirected { host: host.to_owned(), status }),
            _ => Ok(Reply { status, headers, body }),
        }
    };
    timeout(within, answer).await.unwrap_or_else(|_| Err(Error::Timeout { host: host.to_owned(), within }))
}

/// The innermost cause, which is the one that says something; never the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    super::wire::printable(&cause.to_string())
}

/// Why the server's certificate was not accepted, where that is what failed.
fn untrusted(error: &reqwest::Error) -> Option<String> {
    let mut chain = std::iter::successors(Some(error as &(dyn StdError + 'static)), |error| wrapped(*error));
    let rustls::Error::InvalidCertificate(reason) = chain.find_map(|error| error.downcast_ref::<rustls::Error>())? else {
        return None;
    };
    Some(match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is signed by an authority that this machine does not trust; where a proxy looks into TLS, name a file with that proxy's authority \
             in poll.ca_file"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let said = super::wire::printable(&reason.to_string());
            format!("it is for another host ({said}); something answers in its place, so check name resolution and the proxy of this machine")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; check the clock of this machine, and whether a proxy answers in its place".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check the clock of this machine".to_owned()
        }
        other => super::wire::printable(&other.to_string()),
    })
}

/// What an error wraps. That of an I/O error is not its source.
fn wrapped<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// Host and port, for messages.
pub(super) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "the server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_link_are_never_reached_through_a_proxy() {
        for (url, near) in [
            ("http://127.0.0.1:9690/", true),
            ("http://127.8.0.1/", true),
            ("http://[::1]:80/", true),
            ("http://localhost/", true),
            ("http://169.254.169.254/metadata", true),
            ("https://graph.microsoft.com/", false),
            ("https://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_near(&Url::parse(url).unwrap()), near, "{url}");
        }
    }

    #[test]
    fn a_proxy_keeps_its_user_and_password() {
        let rules = Matcher::builder().https("http://ann:s%40cret@proxy.example.com:3128").no("intern.example.com").build();
        let through = |url: &str| proxy_for(&rules, &Url::parse(url).unwrap()).map(String::from);
        let proxy = through("https://graph.microsoft.com/v1.0").unwrap();
        assert_eq!(proxy, "http://ann:s%40cret@proxy.example.com:3128/");
        assert_eq!(through("https://intern.example.com/"), None);
    }

    #[test]
    fn an_authority_that_is_no_certificate_is_refused() {
        assert!(matches!(
            http_client(&[b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----".to_vec()]),
            Err(Error::Setup(_))
        ));
        assert!(http_client(&[]).is_ok());
    }
}
