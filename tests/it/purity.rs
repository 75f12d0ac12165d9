//! The core is pure: what decides imports nothing that could wait, ask or remember.

use std::path::Path;

const PURE: &[&str] =
    &["src/inventory", "src/own", "src/policy", "src/outbox/digest.rs", "src/graph/retry.rs", "src/web/health.rs"];
const IMPURE: &[&str] = &["tokio", "sqlx", "reqwest", "lettre"];

fn sources(path: &Path) -> Vec<(String, String)> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.flat_map(|entry| sources(&entry)).collect();
    }
    vec![(path.display().to_string(), std::fs::read_to_string(path).unwrap())]
}

#[test]
fn what_decides_imports_nothing_that_could_wait_ask_or_remember() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = PURE.iter().flat_map(|path| sources(&root.join(path))).collect();
    assert!(files.len() > 15, "where has the core gone? {files:?}");
    for (file, text) in files {
        for name in IMPURE {
            assert!(!text.contains(&format!("{name}::")) && !text.contains(&format!("use {name}")), "{file} uses {name}");
        }
    }
}
