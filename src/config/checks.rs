//! What several sections ask of a text: an address, a URL, a domain, a GUID.

use std::net::IpAddr;

use lettre::Address;
use lettre::message::Mailbox;
use url::{Host, Url};
use uuid::Uuid;

use super::reading::{Wrong, wrong};

/// A mail address, lower-cased.
pub(super) fn address(text: &str) -> Result<String, Wrong> {
    if text.parse::<Address>().is_ok() {
        return Ok(text.to_lowercase());
    }
    let instead = match text.parse::<Mailbox>() {
        Ok(mailbox) => format!("write the address alone: {:?}", mailbox.email.to_string()),
        Err(_) => r#"write it as "ops@example.com""#.to_owned(),
    };
    Err(wrong(format!("{text:?} is not a mail address"), instead))
}

/// A GUID, lower-cased. What was written is not repeated: it may be a secret in the wrong place.
pub(super) fn guid(text: &str) -> Option<String> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36).map(|guid| guid.to_string())
}

/// The name of a domain, lower-cased.
pub(super) fn domain(text: &str) -> Result<String, Wrong> {
    let name = text.to_lowercase();
    if is_domain(&name) {
        return Ok(name);
    }
    let bare = name.trim_start_matches(['@', '*', '.']);
    let instead = if is_domain(bare) { format!("write {bare:?}") } else { r#"write it as "example.com""#.to_owned() };
    Err(wrong(format!("{text:?} is not a domain"), instead))
}

fn is_domain(name: &str) -> bool {
    let label =
        |label: &str| !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    name.contains('.') && name.split('.').all(label)
}

/// A URL with `https`, or `http` where it stays on this machine. `private`: it may hold a secret, and is not repeated.
pub(super) fn web_url(text: &str, private: bool) -> Result<Url, Wrong> {
    let shown = if private { String::new() } else { format!("{text:?} ") };
    let form = "write a URL such as https://example.com";
    let url = Url::parse(text).map_err(|_| wrong(format!("{shown}is not a URL"), form))?;
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if url.host().is_some_and(|host| is_loopback(&host)) => Ok(url),
        "http" => Err(wrong(
            format!("{shown}is http, which anybody on the way can read"),
            "write https://; http is for this machine only (127.0.0.1, ::1, localhost)",
        )),
        _ => Err(wrong(format!("{shown}is neither https nor http"), form)),
    }
}

/// The base URL of a service: scheme and host, without a path.
pub(super) fn base_url(text: &str) -> Result<Url, Wrong> {
    let url = web_url(text, false)?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds more than scheme, host and path", "write it as https://host"));
    }
    if url.path() != "/" && !url.path().is_empty() {
        let base = format!("{}://{}", url.scheme(), url.authority());
        return Err(wrong(format!("{text:?} has a path"), format!("write {base:?}: the paths are known")));
    }
    Ok(url)
}

/// Whether a host is this machine.
pub(super) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            name.as_ref().eq_ignore_ascii_case("localhost") || name.as_ref().to_lowercase().ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback() || IpAddr::V6(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_stays_on_this_machine() {
        for (text, fine) in [
            ("https://graph.microsoft.com", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://graph.microsoft.com", false),
            ("http://127.0.0.1.example.com", false),
            ("ftp://example.com", false),
            ("graph.microsoft.com", false),
        ] {
            assert_eq!(web_url(text, false).is_ok(), fine, "{text}");
        }
    }

    #[test]
    fn a_domain_is_found_under_its_decorations() {
        assert_eq!(domain("Contoso.COM"), Ok("contoso.com".to_owned()));
        assert_eq!(domain("@contoso.com").unwrap_err().instead, r#"write "contoso.com""#);
        assert_eq!(domain("*.contoso.com").unwrap_err().instead, r#"write "contoso.com""#);
        assert!(domain("contoso").is_err() && domain("con toso.com").is_err());
    }

    #[test]
    fn an_address_with_a_name_is_told_apart() {
        assert_eq!(address("Ops@Example.com"), Ok("ops@example.com".to_owned()));
        assert_eq!(address("Ops <ops@example.com>").unwrap_err().instead, r#"write the address alone: "ops@example.com""#);
        assert!(address("ops").is_err());
    }
}
