//! `[http]`: where the page is served, with which certificate, and who may look.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr as _;

use bcrypt::HashParts;
use url::Url;

use super::key::Key;
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::{HttpAuth, HttpConfig, HttpTls};
use crate::secret::SecretSource;
use crate::tls::{self, Part};

pub(super) const HTTP: &[Key] = &[
    Key::new(
        "listen",
        "\"ADDRESS:PORT\"",
        "Where the status page, the API and the metrics are served. 127.0.0.1 is this machine only, 0.0.0.0 every interface.",
    )
    .default("\"127.0.0.1:9690\""),
    Key::new(
        "public_url",
        "a URL",
        "Where people reach the page, as in \"https://entrawatch.contoso.com\". Mails link to it; without it they do not mention the page.",
    ),
    Key::new("tls", "a table", ""),
    Key::new("auth", "a table", ""),
];

pub(super) const TLS: &[Key] = &[
    Key::new(
        "cert_file",
        "a path",
        "The server's certificate in PEM form, and after it those of the authorities over it. Read again when it changes.",
    )
    .required(),
    Key::new("key_file", "a path", "Its private key in PEM form; may be the same file. Read again when it changes.").required(),
];

pub(super) const AUTH: &[Key] = &[
    Key::new(
        "basic",
        "a table",
        "For people: each user name with the bcrypt hash of a password, as `htpasswd -nB NAME` prints it: basic = { reader = \"$2y$10$…\" }.",
    ),
    Key::new(
        "bearer_file",
        "a path",
        "For programs: a file with the token that they send as `Authorization: Bearer …`. Read again when it changes.",
    ),
];

/// A bcrypt hash of a higher cost takes seconds, and whoever likes can ask for one.
const HIGHEST_COST: u32 = 14;

pub(super) fn read(root: &Table<'_>) -> Option<HttpConfig> {
    let table = root.table("http", HTTP);
    let listen = table.parse("listen", listen);
    let public_url = table.has("public_url").then(|| table.parse("public_url", public_url));
    let tls = table.has("tls").then(|| read_tls(&table.table("tls", TLS)));
    let auth = table.has("auth").then(|| read_auth(&table.table("auth", AUTH)));
    let listen = listen?;
    if !listen.ip().to_canonical().is_loopback()
        && let Some(wrong) = exposed(listen, tls.is_some(), auth.is_some())
    {
        table.warning("listen", wrong);
    }
    // What was written and is wrong has been noted; it must not be taken for what was not written.
    Some(HttpConfig {
        listen,
        public_url: public_url.map_or(Some(None), |url| url.map(Some))?,
        tls: tls.map_or(Some(None), |tls| tls.map(Some))?,
        auth: auth.map_or(Some(None), |auth| auth.map(Some))?,
    })
}

/// What other machines could do, if anything they should not.
fn exposed(listen: SocketAddr, tls: bool, auth: bool) -> Option<Wrong> {
    let reached = format!("{listen} can be reached from other machines");
    let reads = "whoever reaches it reads the names and expiry dates of your applications";
    match (tls, auth) {
        (true, true) => None,
        (false, false) => Some(wrong(
            format!("{reached}, without TLS and without a sign-in: {reads}"),
            "write http.tls and http.auth, or 127.0.0.1 with a reverse proxy in front, or make sure that only your network reaches it",
        )),
        (true, false) => Some(wrong(
            format!("{reached} without a sign-in: {reads}"),
            "write http.auth, or make sure that only your network reaches it",
        )),
        (false, true) => Some(wrong(
            format!("{reached} without TLS, so that passwords and tokens can be read on the way"),
            "write http.tls, or 127.0.0.1 with a reverse proxy in front",
        )),
    }
}

fn read_tls(table: &Table<'_>) -> Option<HttpTls> {
    let (cert_file, key_file) = (table.file("cert_file"), table.file("key_file"));
    let tls = HttpTls { cert_file: cert_file?, key_file: key_file? };
    let content = |key: &str, path| {
        let cannot =
            |error: std::io::Error| wrong(format!("cannot be read: {error}"), "let the user that EntraWatch runs as read it");
        std::fs::read(path).map_err(|error| table.problem(key, cannot(error))).ok()
    };
    let (certificate, key) = (content("cert_file", &tls.cert_file), content("key_file", &tls.key_file));
    match tls::server(&certificate?, &key?) {
        Ok(_) => Some(tls),
        Err(unfit) => {
            let (key, path) = match unfit.part {
                Part::Certificate => ("cert_file", &tls.cert_file),
                Part::Key => ("key_file", &tls.key_file),
            };
            table.refuse(key, wrong(format!("{} {}", path.display(), unfit.what), unfit.instead))
        }
    }
}

fn read_auth(table: &Table<'_>) -> Option<HttpAuth> {
    let mut basic = BTreeMap::new();
    let mut fine = true;
    for (user, hash) in table.named_texts("basic", "the bcrypt hash of a password") {
        match hash.and_then(|hash| checked(&user, &hash).map(|()| hash)) {
            Ok(hash) => drop(basic.insert(user, hash.into())),
            Err(wrong) => {
                table.reading.problem(format!("{}.{user}", table.at("basic")), table.origin("basic"), wrong);
                fine = false;
            }
        }
    }
    let bearer = table.has("bearer_file").then(|| bearer(table));
    if !fine || bearer.as_ref().is_some_and(Option::is_none) {
        return None;
    }
    if basic.is_empty() && bearer.is_none() && table.is_fine() {
        let wrong = wrong("names nobody who may look", "write basic or bearer_file in it, or leave it out");
        table.reading.problem("http.auth", table.origin.clone(), wrong);
        return None;
    }
    table.is_fine().then(|| HttpAuth { basic, bearer: bearer.flatten() })
}

fn bearer(table: &Table<'_>) -> Option<SecretSource> {
    let source = SecretSource::File(table.file("bearer_file")?);
    match source.read_at_start() {
        Ok(_) => Some(source),
        Err(error) => table.refuse("bearer_file", wrong(error.what, error.instead)),
    }
}

fn checked(user: &str, hash: &str) -> Result<(), Wrong> {
    if user.is_empty() || user.contains(':') {
        return Err(wrong("is no user name: a browser ends it at the first colon", "write a name without a colon"));
    }
    let instead = format!("write what `htpasswd -nB {user}` prints after the colon; it begins with $2y$");
    match HashParts::from_str(hash) {
        Ok(parts) if parts.get_cost() > HIGHEST_COST => Err(wrong(
            format!("has the cost {}, so that each sign-in would take seconds", parts.get_cost()),
            format!("make the hash with a cost of 10 to 12: htpasswd -nB -C 10 {user}"),
        )),
        Ok(_) => Ok(()),
        // The value is not repeated: it may be the password itself.
        Err(_) => Err(wrong("is not a bcrypt hash", instead)),
    }
}

/// Scheme and host: the pages link to each other from the root.
fn public_url(text: &str) -> Result<Url, Wrong> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let example = "write it as \"https://entrawatch.contoso.com\"";
    let url = url.ok_or_else(|| wrong(format!("{text:?} is not the URL of a page"), example))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or a password, which everybody who gets a mail would read", example));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        let instead = format!("write {:?}, and let the proxy serve the page at its root", url.origin().ascii_serialization());
        return Err(wrong(format!("{text:?} says more than scheme and host"), instead));
    }
    Ok(url)
}

fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        let (host, port) = text.rsplit_once(':').unwrap_or((text, "9690"));
        let port = port.parse::<u16>().unwrap_or(9690);
        let instead = match host {
            "localhost" => format!("write \"127.0.0.1:{port}\""),
            "" | "*" => format!("write \"0.0.0.0:{port}\" for every interface, or \"127.0.0.1:{port}\" for this machine"),
            _ => format!("write a numeric address and a port: \"127.0.0.1:{port}\" or \"[::1]:{port}\""),
        };
        wrong(format!("{text:?} is not an address and a port"), instead)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_where_people_reach_it_and_nothing_more() {
        for good in ["https://entrawatch.contoso.com", "http://watch.intern:9690/", "https://[2001:db8::1]"] {
            assert!(public_url(good).is_ok(), "{good}");
        }
        for bad in
            ["entrawatch.contoso.com", "ftp://host", "https://host/watch", "https://host?a=b", "https://host#x", "/watch", ""]
        {
            assert!(public_url(bad).is_err(), "{bad}");
        }
        let mut with_user = Url::parse("https://host").unwrap();
        with_user.set_username("reader").unwrap();
        assert!(public_url(with_user.as_str()).is_err());
    }
}
