//! Who the process is, for messages about what it may not do. In a container the number is all there is.

use std::path::Path;

/// "the user that entrawatch runs as", with its number where the system tells.
pub fn running() -> String {
    let who = "the user that entrawatch runs as";
    number().map_or_else(|| who.to_owned(), |number| format!("{who} (uid {number})"))
}

/// Whose a folder is, where somebody else's.
pub fn foreign_owner(folder: &Path) -> Option<String> {
    owner(folder, number()?)
}

#[cfg(unix)]
fn number() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    // A process owns its own entry.
    std::fs::metadata("/proc/self").ok().map(|entry| entry.uid())
}

#[cfg(unix)]
fn owner(folder: &Path, running: u32) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let folder_owner = std::fs::metadata(folder).ok()?.uid();
    (folder_owner != running).then(|| format!("{} belongs to uid {folder_owner}", folder.display()))
}

#[cfg(not(unix))]
fn number() -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn owner(_: &Path, _: u32) -> Option<String> {
    None
}
