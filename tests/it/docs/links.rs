//! Links inside the repository lead somewhere.

use std::fs;

use super::pages::{Page, pages, root};

#[test]
fn every_link_inside_the_repository_resolves() {
    let mut broken = Vec::new();
    for page in pages() {
        for target in targets(&page) {
            if let Err(why) = follow(&page, &target) {
                broken.push(format!("{}: {target}: {why}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// What stands in `](…)`, but for the rest of the world.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose();
    prose
        .match_indices("](")
        .filter_map(|(at, open)| prose[at + open.len()..].split_once(')').map(|(target, _)| target.to_owned()))
        .filter(|target| !target.contains("://"))
        .collect()
}

fn follow(page: &Page, target: &str) -> Result<(), String> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
    let path = root().join(path);
    if !path.exists() {
        return Err("there is no such file".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let anchors: Vec<String> = text.lines().filter(|line| line.starts_with('#')).map(slug).collect();
    if anchors.iter().any(|known| known == anchor) { Ok(()) } else { Err(format!("it has only {anchors:?}")) }
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
