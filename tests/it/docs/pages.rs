//! The documents, cut into what can be checked.

use std::fs;
use std::path::{Path, PathBuf};

/// One document.
pub struct Page {
    /// Relative to the repository.
    pub path: PathBuf,
    /// As written.
    pub text: String,
}

/// A fenced block.
pub struct Block {
    /// What follows the fence: `toml`, `sh`, …
    pub language: String,
    /// Its lines, without the indentation of the fence.
    pub text: String,
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file that is ours.
pub fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    collect(root(), &mut found);
    assert!(found.len() > 10, "found only {} documents", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<Page>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules") && !name.starts_with('.') {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Page { path: path.strip_prefix(root()).unwrap().to_owned(), text });
        }
    }
}

impl Page {
    /// Its fenced blocks, in order. A fence may be indented, as in a list.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        for line in self.text.lines() {
            let indent = line.len() - line.trim_start().len();
            // A block may begin on the line of its list item: "3. ```toml".
            let fence = line.find("```").filter(|at| line[..*at].chars().all(|c| c.is_ascii_digit() || c == '.' || c == ' '));
            match (&mut open, fence) {
                (None, Some(at)) => {
                    open = Some((at, Block { language: line[at + 3..].trim().to_owned(), text: String::new() }));
                }
                (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
                (Some((at, block)), None) => {
                    block.text.push_str(&line[(*at).min(indent)..]);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fenced block is not closed", self.path.display());
        blocks
    }

    /// The text outside of fenced blocks.
    pub fn prose(&self) -> String {
        let mut inside = false;
        let mut kept = String::new();
        for line in self.text.lines() {
            if line.contains("```") {
                inside = !inside;
            } else if !inside {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        kept
    }
}
