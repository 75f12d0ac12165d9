//! Every example of a configuration is one.

use std::fs;
use std::path::{Path, PathBuf};

use entrawatch::config::{Problems, Sources, load};

use super::pages::{pages, root};

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
