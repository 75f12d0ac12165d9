//! Every example of a configuration is one.

use std::fs;
use std::path::{Path, PathBuf};

use entrawatch::config::{Problems, Sources, load};

use super::pages::{pages, root};

/// What README says is not there yet, and a configuration that asks for it.
const EARLY: [(&str, &str); 4] = [
    ("Microsoft Graph", r#"mail.transport = { kind = "graph", tenant = "contoso", sender = "entrawatch@contoso.com" }"#),
    ("SMTP with OAuth", r#"mail.transport = { kind = "smtp", url = "smtp://smtp.office365.com:587", auth = "xoauth2" }"#),
    ("(delta)", r#"poll.delta = "always""#),
    ("TLS and sign-in for the page", r#"http.tls = { cert_file = "secret", key_file = "secret" }"#),
];

const TENANT: &str = r#"
[[tenant]]
tenant_id = "11111111-2222-3333-4444-555555555555"
client_id = "66666666-7777-8888-9999-000000000000"
auth = { kind = "secret", secret = "value" }
"#;

#[test]
fn every_piece_of_configuration_is_toml() {
    for (place, text) in pieces() {
        if let Err(error) = toml::from_str::<toml::Table>(&text) {
            panic!("{place}: this is not TOML: {error}\n{text}");
        }
    }
}

#[test]
fn every_whole_configuration_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (place, text) in pieces().into_iter().chain(deployed()).filter(|(_, text)| text.contains("[[tenant]]")) {
        seen += 1;
        let file = folder.path().join("entrawatch.toml");
        fs::write(&file, with_files_that_exist(&text)).unwrap();
        fs::write(folder.path().join("secret"), "postgres://watch@db.example.com/entrawatch").unwrap();
        if let Err(problems) = load(&Sources { file: Some(file), ..Sources::default() }) {
            assert!(is_only_early(&problems), "{place}: {problems}\n{text}");
        }
    }
    assert!(seen > 3, "found only {seen}");
}

#[test]
fn what_this_version_refuses_is_named_in_the_readme() {
    let readme = pages().into_iter().find(|page| page.path.as_os_str() == "README.md").unwrap();
    let (_, section) = readme.text.split_once("## Not in this version yet").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entrawatch.toml");
    for (words, text) in EARLY {
        assert!(section.contains(words), "README does not say \"{words}\"");
        fs::write(&file, format!("{text}\n{TENANT}")).unwrap();
        let refused = load(&Sources { file: Some(file.clone()), ..Sources::default() });
        let refused = refused.is_err_and(|problems| problems.to_string().contains("not supported by this version yet"));
        assert!(refused, "\"{words}\" is there now: take it from this list, from README and from the pages that say it is not");
    }
}

/// Whether all that is wrong is that it is written for a later version, which its page says.
fn is_only_early(problems: &Problems) -> bool {
    match problems {
        Problems::Nothing => false,
        Problems::Found(found) => found.iter().all(|problem| problem.paragraph().contains("not supported by this version yet")),
    }
}

/// The same, with one file that is there in place of each `…_file`.
fn with_files_that_exist(text: &str) -> String {
    let mut parts = text.split("_file = \"");
    let mut replaced = parts.next().unwrap().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('"').unwrap();
        replaced.push_str("_file = \"secret\"");
        replaced.push_str(rest);
    }
    replaced
}

/// The blocks of the documents, with their place.
fn pieces() -> Vec<(String, String)> {
    let mut pieces = Vec::new();
    for page in pages() {
        let place = page.path.display().to_string();
        pieces
            .extend(page.blocks().into_iter().filter(|block| block.language == "toml").map(|block| (place.clone(), block.text)));
    }
    assert!(pieces.len() > 5, "found only {}", pieces.len());
    pieces
}

/// The files that are deployed as they are.
fn deployed() -> Vec<(String, String)> {
    let overlays = root().join("deploy/kubernetes/overlays");
    let files = fs::read_dir(overlays).unwrap().map(|overlay| overlay.unwrap().path().join("entrawatch.toml"));
    files.map(|file: PathBuf| (name(&file), fs::read_to_string(&file).unwrap())).collect()
}

fn name(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}
